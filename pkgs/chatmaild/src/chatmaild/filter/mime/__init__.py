"""MIME parsers for bodies that arrive in pieces (RFC 5322, RFC 2045, RFC 2046)."""
