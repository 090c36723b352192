"""The machine that runs the lab: its programs, its checkout, its kernel and its namespaces."""
