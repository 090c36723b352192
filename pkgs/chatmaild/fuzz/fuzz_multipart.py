"""Fuzz the multipart parser, and the check of a secure join in clear text.

    pip install atheris
    export PYTHONPATH=src:tests
    python fuzz/fuzz_multipart.py fuzz/corpus/multipart -max_len=4096 -max_total_time=600

Fails on an exception, if one body takes two seconds, if the parts differ from those of the
reference or depend on the size of the pieces, and on a secure join with other text than its step.
The first byte of an input chooses the boundary and the size of the pieces.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

import sys
import time

import atheris

with atheris.instrument_imports(include=["chatmaild.filter", "filter"]):
    from filter.support import reference

    from chatmaild.filter.content import Content, ContentReader
    from chatmaild.filter.mime.headers import Header
    from chatmaild.filter.mime.multipart import Multipart

BOUNDARIES = (b"=-cut", b"-", b"a b", b"x" * 70)
STEPS = (1, 2, 3, 5, 17, 64, 100, 1000)
SLOW_S = 2.0


class Recorder:
    """Records parts, preamble and epilogue."""

    def __init__(self) -> None:
        self.texts = [b""]
        self.parts: list[tuple[bytes, bytes]] = []

    def outside(self, piece: bytes) -> bool:
        """Append text of the preamble or epilogue."""
        self.texts[-1] += piece
        return True

    def begin(self, header: bytes) -> bool:
        """Begin a part."""
        self.parts.append((header, b""))
        return True

    def data(self, piece: bytes) -> bool:
        """Append content."""
        header, content = self.parts[-1]
        self.parts[-1] = (header, content + piece)
        return True

    def end(self) -> bool:
        """End a part."""
        self.texts.append(b"")
        return True


def cut(body: bytes, boundary: bytes, step: int) -> list[tuple[bytes, bytes]] | None:
    """Header and content of each part; None if the body is malformed."""
    recorder = Recorder()
    multipart = Multipart(boundary, recorder)
    for at in range(0, len(body), step):
        multipart.feed(body[at : at + step])
    return recorder.parts if multipart.finish() else None


def join(body: bytes, boundary: bytes, step: int) -> bool:
    """Whether a body is a secure join in clear text."""
    content_type = b' multipart/mixed; boundary="' + boundary + b'"'
    reader = ContentReader(strict=True)
    reader.begin([Header(b"Secure-Join", b" vc-request"), Header(b"Content-Type", content_type)])
    for at in range(0, len(body), step):
        reader.feed(body[at : at + step])
    return reader.finish() is Content.SECURE_JOIN


def check(data: bytes) -> None:
    """Check one input."""
    choice, body = (data[0] if data else 0), data[1:]
    boundary, step = BOUNDARIES[choice & 3], STEPS[choice >> 2 & 7]
    started_s = time.process_time()
    parts = cut(body, boundary, len(body) or 1)
    cut_parts = cut(body, boundary, step)
    is_join = join(body, boundary, len(body) or 1)
    is_cut_join = join(body, boundary, step)
    if time.process_time() - started_s > SLOW_S:
        raise RuntimeError("slow")
    if parts != cut_parts or is_join is not is_cut_join:
        raise RuntimeError("the parts depend on the size of the pieces")
    if parts is not None and parts != reference.parts(body, boundary):
        raise RuntimeError("the parts differ from those of the reference")
    if is_join and not reference.is_join(body, boundary, b"vc-request"):
        raise RuntimeError("a secure join with other text")


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
