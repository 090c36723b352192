"""`chatmail import` and `chatmail export`: a relay in the layout of chatmail/relay.

upstream    formats, and reading of files that nobody trusts
content     copy a message, uncompressed
filling     write a mailbox that was read
survey      what a tree has, and what of it cannot be imported
importing   import the mailboxes
dkim        import the DKIM key
sdbox       mailboxes here that are not maildir
queue       import queued mail
exporting   write a tree
commands    the two commands
"""
