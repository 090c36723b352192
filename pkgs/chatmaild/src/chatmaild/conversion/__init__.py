"""Convert mailboxes between maildir and sdbox while the relay runs.

places      directories of an account during its conversion, and after a crash
contents    compare a mailbox with its copy
dovecot     Dovecot's tool, which copies
sessions    end sessions of accounts that were converted
accounts    convert some accounts
service     the unit chatmail-storage: convert all of them
"""
