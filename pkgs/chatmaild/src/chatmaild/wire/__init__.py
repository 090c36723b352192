"""Protocols on sockets: bytes to values and back, and loops that carry them. No decisions."""
