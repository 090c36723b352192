"""Many addresses at once: `entries` finds and filters them, `files` writes and reads lists."""
