"""DKIM (RFC 6376): keys, signing of what leaves, verification of what comes in.

The body is hashed as it arrives, so that a message is never held in memory: that, and RSA in
`cryptography` instead of pure Python, is why this is not dkimpy, against which it is tested.
"""
