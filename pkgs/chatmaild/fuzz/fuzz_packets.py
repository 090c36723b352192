"""Fuzz the walk over OpenPGP packets against the reference of its tests: both say the same.

    pip install atheris
    python fuzz/fuzz_packets.py fuzz/corpus/packets -max_len=8192 -max_total_time=600

Fails on an exception, on two seconds for one message, on another verdict than that of the
reference, and on one that depends on where the base64 is cut. The first byte of an input chooses
where to cut, the rest are the packets.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

import base64
import sys
import time
from pathlib import Path

import atheris

CHATMAILD = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(CHATMAILD / "src"), str(CHATMAILD / "tests")]

with atheris.instrument_imports(include=["chatmaild.filter", "filter"]):
    from filter import reference

    from chatmaild.filter.openpgp.packets import PacketWalk

SLOW_S = 2.0
STEPS = (1, 2, 3, 4, 5, 17, 64, 100, 1000)


def walk(packets: bytes, *, step: int, skips: bool) -> bool:
    """Whether the filter takes packets for an encrypted message; it may pass over what it can."""
    text = base64.b64encode(packets)
    bare = text.rstrip(b"=")
    found = PacketWalk()
    for at in range(0, len(bare), step):
        piece = bare[at : at + step]
        if not (skips and found.skip(len(piece))):
            found.feed(piece)
    return found.finish(len(text) - len(bare))


def check(data: bytes) -> None:
    """Judge one input."""
    choice, packets = (data[0] if data else 0), data[1:]
    started_s = time.process_time()
    passed = walk(packets, step=len(packets) * 2 or 1, skips=False)
    cut = walk(packets, step=STEPS[choice % len(STEPS)], skips=bool(choice & 128))
    if time.process_time() - started_s > SLOW_S:
        raise RuntimeError("slow")
    if passed is not cut:
        raise RuntimeError("the verdict depends on where the text is cut")
    if passed is not reference.is_message(packets):
        raise RuntimeError("the reference says something else")


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
