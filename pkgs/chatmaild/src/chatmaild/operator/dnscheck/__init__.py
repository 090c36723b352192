"""What mail servers, clients and certificate authorities make of the published DNS records.

`findings` are the results, `published` follows aliases, `here` is this machine. `hosts`, `texts`,
`spf`, `certificates` and `policy` judge one kind of record each; `report` is the command.
"""
