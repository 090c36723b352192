"""The services of a chatmail relay beside Postfix, Dovecot and nginx."""
