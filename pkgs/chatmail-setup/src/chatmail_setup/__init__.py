"""Turns a machine that started from a prepared image into the relay that `chatmail.toml` names.

The image holds a complete relay for a placeholder domain. `chatmail.toml` is on the disk's small
FAT partition, or is written by cloud-init or an administrator. `apply` reads it, and `relay`
rewrites the prepared relay for the domain, without a network, without nixpkgs, in little memory.
`screen` shows the progress, then the DNS records to publish.
"""
