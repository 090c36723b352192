"""`chatmail move`: this relay goes on on another machine.

The old machine leads: it looks at both, copies by rsync while mail flows, stops, copies what has
changed, closes itself, and starts the new machine. `chatmail receive` is the part of the new one.
A machine that is closed starts no service that uses mailboxes, queue or keys (modules/
chatmail/network/move.nix). Exactly one of the two is open at any time, or none.
"""
