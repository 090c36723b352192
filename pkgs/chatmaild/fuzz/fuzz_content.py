"""Fuzz the content check of the filter (MIME, OpenPGP) against the reference of its tests.

    pip install atheris
    export PYTHONPATH=src:tests
    python fuzz/fuzz_content.py fuzz/corpus/content -max_len=4096 -max_total_time=600

Fails on an exception, if one body takes two seconds, if a body passes although the reference
refuses it, and if the verdict depends on the size of the pieces. The first byte of an input
chooses strictness and that size, the rest is the body. New inputs are written to the first folder;
`-merge=1 fuzz/corpus/content NEW` adds those that reach new code.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

import sys
import time

import atheris

with atheris.instrument_imports(include=["chatmaild.filter", "filter"]):
    from filter.support import reference

    from chatmaild.filter.content import Content, ContentReader
    from chatmaild.filter.mime.headers import Header

BOUNDARY = b"=-cut"
HEADERS = [Header(b"Content-Type", b' multipart/encrypted; boundary="=-cut"')]
SLOW_S = 2.0
STEPS = (1, 2, 3, 5, 17, 64, 100, 1000)


def read(body: bytes, *, strict: bool, step: int) -> bool:
    """Whether the filter classifies a body as encrypted."""
    reader = ContentReader(strict=strict)
    reader.begin(HEADERS)
    for at in range(0, len(body), step):
        reader.feed(body[at : at + step])
    return reader.finish() is Content.ENCRYPTED


def check(data: bytes) -> None:
    """Check one input."""
    choice, body = (data[0] if data else 0), data[1:]
    strict = bool(choice & 1)
    started_s = time.process_time()
    passed = read(body, strict=strict, step=len(body) or 1)
    cut = read(body, strict=strict, step=STEPS[choice >> 1 & 7])
    if time.process_time() - started_s > SLOW_S:
        raise RuntimeError("slow")
    if passed is not cut:
        raise RuntimeError("the verdict depends on the size of the pieces")
    if passed and not reference.is_encrypted(body, BOUNDARY, strict=strict):
        raise RuntimeError("passes a body that the reference refuses")


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
