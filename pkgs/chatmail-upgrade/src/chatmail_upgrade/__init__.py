"""Upgrades that keep the new system only if mail still works.

An upgrade builds a system, activates it, runs `chatmail selftest`, and only then makes it the
default for the next boot. A power failure at any moment boots the previous system.
"""
