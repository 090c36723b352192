"""DKIM (RFC 6376): keys, signing of outgoing mail, verification of incoming mail.

It hashes bodies in pieces and does RSA with `cryptography`. dkimpy needs the whole message in
memory and does RSA in Python; the tests compare both.
"""
