"""A relay of several machines, which scenarios use as one."""
