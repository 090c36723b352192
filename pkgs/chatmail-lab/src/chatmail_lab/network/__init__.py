"""The network of a lab: links, DNS zones, certificates, and commands that run inside it."""
