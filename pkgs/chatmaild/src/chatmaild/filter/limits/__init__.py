"""Limits of the filter: messages and domains of a sender, memory for headers."""
