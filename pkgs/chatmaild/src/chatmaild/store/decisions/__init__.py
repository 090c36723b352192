"""Decisions of the operator at run time: files that root writes and the services only read."""
