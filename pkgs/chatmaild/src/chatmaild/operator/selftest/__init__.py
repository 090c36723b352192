"""`chatmail selftest`: the relay tests itself with two addresses, as clients use it.

The addresses are deleted afterwards. The result decides whether an upgrade stays: only a check that
passed before the upgrade counts.
"""
