"""Upgrades that cannot leave the relay broken.

A new system is built, tried out without becoming the one that boots, measured by the health gate,
and only then adopted; a power failure at any moment boots the previous system.
"""
