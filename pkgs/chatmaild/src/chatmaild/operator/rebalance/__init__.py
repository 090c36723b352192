"""`chatmail rebalance`: move addresses to the stores where they belong."""
