"""The store that gets accounts.

staging     copies, and the moment from which one is an account
endpoints   the HTTP server, in the tunnel, for other stores alone
"""
