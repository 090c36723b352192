"""Makes the system of a domain out of the prepared one."""
