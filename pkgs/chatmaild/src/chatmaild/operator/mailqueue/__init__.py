"""`chatmail queue`: the queue of mail for other servers.

`messages` reads Postfix' queue, `reasons` gives the reasons in words, `listing` makes the output,
`actions` changes the queue, `cli` has the commands.
"""
