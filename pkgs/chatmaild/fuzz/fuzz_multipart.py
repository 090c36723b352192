"""Fuzz the cutting of multipart bodies, and the reading of a clear secure join in them.

    pip install atheris
    python fuzz/fuzz_multipart.py fuzz/corpus/multipart -max_len=4096 -max_total_time=600

Fails on an exception, on two seconds for one body, on other parts than those of a reference that
has the whole body before it, on parts that depend on where the body is cut, and on a secure join
that says more than its step. The first byte of an input chooses boundary and where to cut.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

import sys
import time
from pathlib import Path

import atheris

CHATMAILD = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(CHATMAILD / "src"), str(CHATMAILD / "tests")]

with atheris.instrument_imports(include=["chatmaild.filter", "filter"]):
    from filter import reference

    from chatmaild.filter.content import Content, ContentWalk
    from chatmaild.filter.mime.headers import Header
    from chatmaild.filter.mime.multipart import Multipart

BOUNDARIES = (b"=-cut", b"-", b"a b", b"x" * 70)
STEPS = (1, 2, 3, 5, 17, 64, 100, 1000)
SLOW_S = 2.0


class Recorder:
    """Takes down what it is told."""

    def __init__(self) -> None:
        self.texts = [b""]
        self.parts: list[tuple[bytes, bytes]] = []

    def outside(self, octets: bytes) -> bool:
        """Text before the first part, or behind the last."""
        self.texts[-1] += octets
        return True

    def begin(self, header: bytes) -> bool:
        """A part begins."""
        self.parts.append((header, b""))
        return True

    def data(self, octets: bytes) -> bool:
        """More of it."""
        header, content = self.parts[-1]
        self.parts[-1] = (header, content + octets)
        return True

    def end(self) -> bool:
        """It is over."""
        self.texts.append(b"")
        return True


def cut(body: bytes, boundary: bytes, step: int) -> list[tuple[bytes, bytes]] | None:
    """Header and content of each part; None where the body is malformed."""
    recorder = Recorder()
    multipart = Multipart(boundary, recorder)
    for at in range(0, len(body), step):
        multipart.feed(body[at : at + step])
    return recorder.parts if multipart.finish() else None


def join(body: bytes, boundary: bytes, step: int) -> bool:
    """Whether a body is a clear secure join."""
    content_type = b' multipart/mixed; boundary="' + boundary + b'"'
    walk = ContentWalk(strict=True)
    walk.begin([Header(b"Secure-Join", b" vc-request"), Header(b"Content-Type", content_type)])
    for at in range(0, len(body), step):
        walk.feed(body[at : at + step])
    return walk.finish() is Content.SECURE_JOIN


def check(data: bytes) -> None:
    """Judge one input."""
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
        raise RuntimeError("the parts depend on where the body is cut")
    if parts is not None and parts != reference.parts(body, boundary):
        raise RuntimeError("other parts than those of the reference")
    if is_join and not reference.is_join(body, boundary, b"vc-request"):
        raise RuntimeError("a secure join that says more")


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
