"""Reading MIME as it streams (RFC 5322, RFC 2045, RFC 2046): no tree of the message is built."""
