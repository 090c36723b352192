"""`chatmail queue`: mail that waits for other servers.

`messages` reads Postfix' queue, `reasons` says in words why mail waits, `listing` is what is
printed, `actions` changes the queue, `cli` are the commands.
"""
