"""Convert mailboxes between maildir and sdbox while the relay runs.

places      directories of an account during its conversion, and after a crash
contents    compare a mailbox with its copy
room        whether the disk has room for copies
dovecot     Dovecot's tool, which copies
sessions    end sessions of an account that is about to change
tools       what a conversion needs of Dovecot
lease       a mailbox that no other process has open
accounts    convert some accounts
service     the unit chatmail-storage: convert all of them
"""
