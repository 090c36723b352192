"""`chatmail import` and `chatmail export`: a relay in the layout of chatmail/relay.

upstream    formats, and reading of files that nobody trusts
content     copy a message, uncompressed
source      what is new in a mailbox
filling     write a mailbox that was read
survey      what a tree has, and what of it cannot be imported
importing   import the mailboxes
dkim        import the DKIM key
sdbox       mailboxes here that are not maildir: add messages, and write one as a maildir
queue       import queued mail
exporting   write a tree
commands    the two commands
"""
