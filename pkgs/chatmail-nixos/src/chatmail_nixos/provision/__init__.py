"""Setting up a machine that was started from a prepared image: a card, a disk or a container.

The image holds a finished relay for a placeholder domain. `chatmail.toml` names the real one: on
the partition that every computer reads, or where cloud-init or an administrator wrote it.
`rewrite` then makes the relay of that domain out of the prepared one: without a network, without
nixpkgs, and in little memory.
"""
