"""Operators' commands on the machines of a cluster: fronts hand on what stores know."""
