"""Fuzz the MIME and OpenPGP walk of the filter against the strict reference of its tests.

    pip install atheris
    python fuzz/fuzz_walk.py fuzz/corpus/walk -max_len=4096 -max_total_time=600

Fails on an exception, on two seconds for one body, on a body that passes although the reference
refuses it, and on a verdict that depends on where the body is cut. The first byte of an input
chooses strictness and where to cut, the rest is the body. New findings land in the first folder
given; `-merge=1 fuzz/corpus/walk NEW` takes over those that reach new code.
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

BOUNDARY = b"=-cut"
HEADERS = [Header(b"Content-Type", b' multipart/encrypted; boundary="=-cut"')]
SLOW_S = 2.0
STEPS = (1, 2, 3, 5, 17, 64, 100, 1000)


def read(body: bytes, *, strict: bool, step: int) -> bool:
    """Whether the filter takes a body for encrypted."""
    walk = ContentWalk(strict=strict)
    walk.begin(HEADERS)
    for at in range(0, len(body), step):
        walk.feed(body[at : at + step])
    return walk.finish() is Content.ENCRYPTED


def check(data: bytes) -> None:
    """Judge one input."""
    choice, body = (data[0] if data else 0), data[1:]
    strict = bool(choice & 1)
    started_s = time.process_time()
    passed = read(body, strict=strict, step=len(body) or 1)
    cut = read(body, strict=strict, step=STEPS[choice >> 1 & 7])
    if time.process_time() - started_s > SLOW_S:
        raise RuntimeError("slow")
    if passed is not cut:
        raise RuntimeError("the verdict depends on where the body is cut")
    if passed and not reference.is_encrypted(body, BOUNDARY, strict=strict):
        raise RuntimeError("passes what the reference refuses")


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
