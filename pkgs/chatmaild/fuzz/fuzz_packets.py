"""Fuzz the parser of OpenPGP packets against the reference of its tests.

    pip install atheris
    export PYTHONPATH=src:tests
    python fuzz/fuzz_packets.py fuzz/corpus/packets -max_len=8192 -max_total_time=600

Fails on an exception, if one message takes two seconds, and if the verdict differs from that of
the reference or depends on the size of the pieces. The first byte of an input chooses that size,
the rest is the packets.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

import base64
import sys
import time

import atheris

with atheris.instrument_imports(include=["chatmaild.filter", "filter"]):
    from filter.support import reference

    from chatmaild.filter.openpgp.packets import PacketReader

SLOW_S = 2.0
STEPS = (1, 2, 3, 4, 5, 17, 64, 100, 1000)


def passes(packets: bytes, *, step: int, skips: bool) -> bool:
    """Whether the filter accepts packets as a message; `skips` allows it to skip data."""
    text = base64.b64encode(packets)
    bare = text.rstrip(b"=")
    reader = PacketReader()
    for at in range(0, len(bare), step):
        piece = bare[at : at + step]
        if not (skips and reader.skip(len(piece))):
            reader.feed(piece)
    return reader.finish(len(text) - len(bare))


def check(data: bytes) -> None:
    """Check one input."""
    choice, packets = (data[0] if data else 0), data[1:]
    started_s = time.process_time()
    passed = passes(packets, step=len(packets) * 2 or 1, skips=False)
    cut = passes(packets, step=STEPS[choice % len(STEPS)], skips=bool(choice & 128))
    if time.process_time() - started_s > SLOW_S:
        raise RuntimeError("slow")
    if passed is not cut:
        raise RuntimeError("the verdict depends on the size of the pieces")
    if passed is not reference.is_message(packets):
        raise RuntimeError("the verdict differs from that of the reference")


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
