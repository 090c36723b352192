"""Names that no account gets by its first login or by /new; an operator may still create them.

People and certificate authorities take an address of such a name for the operator's.
"""

from typing import Final

# RFC 2142 sections 3 to 5
_ROLES: Final = frozenset(
    (
        *("info", "marketing", "sales", "support", "abuse", "noc", "security"),
        *("postmaster", "hostmaster", "usenet", "news", "webmaster", "www", "uucp", "ftp"),
    )
)
# Baseline Requirements for TLS certificates, section 3.2.2.4.4, and what authorities used before
_CERTIFICATES: Final = frozenset(
    (
        *("admin", "administrator", "hostmaster", "postmaster", "webmaster"),
        *("root", "ssladmin", "ssladministrator", "sslwebmaster", "sysadmin"),
    )
)
# senders of reports
_SYSTEM: Final = frozenset(("double-bounce", "mailer-daemon", "no-reply", "noreply"))

RESERVED: Final = _ROLES | _CERTIFICATES | _SYSTEM
