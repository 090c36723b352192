"""Shows the state of the machine on its first screen and on a page in the local network."""
