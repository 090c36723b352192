"""The real Delta Chat core as a client of the relays."""
