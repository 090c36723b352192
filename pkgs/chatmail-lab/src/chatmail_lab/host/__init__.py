"""One host: its root file system, the container that boots it, and the handle that tests use."""
