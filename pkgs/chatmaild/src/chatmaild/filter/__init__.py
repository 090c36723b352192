"""The unit chatmail-filter: a milter for Postfix that applies docs/mail-rules.md.

`service` serves the socket, `session` speaks the milter protocol, `transaction` follows one
message, `policy` checks envelopes, `rules` decides. `mime` and `openpgp` parse content.
"""

from chatmaild.settings import Settings


def run(settings: Settings) -> None:
    """Serve the milter until SIGTERM."""
    from chatmaild.filter.service import serve

    serve(settings)
