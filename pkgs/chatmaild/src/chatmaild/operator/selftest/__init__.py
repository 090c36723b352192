"""`chatmail selftest`: the relay tries itself out, as a person with a phone would.

Two addresses are made for it and deleted afterwards. It decides whether an upgrade stays: there,
only a check that was well before counts.
"""
