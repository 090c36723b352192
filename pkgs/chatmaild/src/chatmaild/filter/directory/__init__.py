"""Ask `chatmaild directory` about addresses: on a front, the mailboxes are on other machines.

HTTP on a unix socket. If the directory gives no clear answer, that is a DirectoryError, and mail
waits. If one store gives none within 2 s, its addresses are in doubt: each is taken as one that
exists and takes encrypted mail only, and Postfix finds out more when it delivers.
"""
