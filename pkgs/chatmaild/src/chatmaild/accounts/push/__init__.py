"""Waking phones: a delivery becomes a notification for each device token of the address."""
