"""Formats of an upstream relay, and reading of its files."""
