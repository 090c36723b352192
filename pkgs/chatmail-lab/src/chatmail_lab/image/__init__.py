"""The Debian image that all hosts share, programs run in it, and our own programs built with it."""
