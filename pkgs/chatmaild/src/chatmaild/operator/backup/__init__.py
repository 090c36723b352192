"""`chatmail backup`: encrypted copies of the relay's state in a repository of restic."""
