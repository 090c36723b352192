"""Setting up a machine that was flashed from a prepared image.

The image holds a finished relay for a placeholder domain. `chatmail.toml` on the boot partition
names the real one; `rewrite` then makes the relay of that domain out of the prepared one: without a
network, without nixpkgs, and in little memory.
"""
