"""The faults that an operator meets: what names each, what repairs it, which alert fires.

`test_every_fault_is_named.py` provokes them; docs/operate/faults.md shows the table.
"""
