"""`chatmail status`: the relay on one screen, and what is wrong with the command that repairs it.

It asks what answers at once, and walks through no mailbox: 200,000 addresses take less than 1 s.
"""
