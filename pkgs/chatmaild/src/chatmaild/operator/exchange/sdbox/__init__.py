"""Mailboxes here that are sdbox, for `import` and `export`. The tree of the other relay is maildir.

names    folders, messages and flags in both formats
adding   put new messages into a mailbox in use, through Dovecot
leaving  write a mailbox as a maildir
"""
