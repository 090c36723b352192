"""`chatmail dns --check`: how mail servers, clients and authorities see the published DNS records.

`findings` has the results, `published` follows aliases, `here` describes this machine. `hosts`,
`texts`, `spf`, `certificates` and `policy` judge one kind of record each; `report` is the command.
"""
