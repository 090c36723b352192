"""`chatmail storage`: the format of mailboxes, and their conversion."""
