"""Programs of other people that probe relays."""
