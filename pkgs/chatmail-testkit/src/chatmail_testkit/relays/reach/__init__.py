"""Ways to one machine of a relay, where a relay may have several."""
