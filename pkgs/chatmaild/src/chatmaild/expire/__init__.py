"""Deleting what is too old, too large or not used any more."""
