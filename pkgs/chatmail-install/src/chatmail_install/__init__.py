"""From a machine that answers to ssh to a chatmail relay.

Look at the machine (`look.sh`, `machine`), ask DNS (`dns`), decide (`plan`), write the operator's
flake (`flake`), install it with nixos-anywhere (`steps`), wait until the relay answers (`wait`).
Until the operator agrees, nothing is changed anywhere.
"""
