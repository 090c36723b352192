"""Installs NixOS and a chatmail relay on a machine, over ssh.

The steps: inspect the machine (`inspect.sh`, `machine`), query DNS (`dns`), decide (`plan`), write
the operator's flake (`flake`), install it with nixos-anywhere (`steps`), wait for the relay's
answers (`wait`). Before the operator agrees, nothing is changed.
"""
