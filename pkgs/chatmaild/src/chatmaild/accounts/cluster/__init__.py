"""This machine is a store: what the fronts of its relay ask."""
