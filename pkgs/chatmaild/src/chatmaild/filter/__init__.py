"""Rules for mail that leaves, enters or stays: a milter, and the pure decisions it asks."""

from chatmaild.settings import Settings


def run(settings: Settings) -> None:
    """Serve the milter until SIGTERM."""
    from chatmaild.filter.service import serve

    serve(settings)
