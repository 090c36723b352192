"""Checks that ask the network."""
