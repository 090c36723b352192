"""`chatmail status`: the state of the relay on one screen, and each problem with its repair.

It reads no mailbox: with 200,000 addresses it takes less than 1 s.
"""
