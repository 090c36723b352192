"""QR codes (ISO/IEC 18004) as SVG: rows of dark modules, and the logo in the middle."""

from collections.abc import Iterator, Sequence

import segno

QUIET_ZONE = 4
"""Light modules around the code (ISO/IEC 18004 section 6.3.8)."""

LOGO_SHARE = 0.24
"""Part of the side that the logo covers: 6 % of all modules; level H corrects up to 30 %."""

FINDER_SIDE = 7

Matrix = Sequence[Sequence[int]]
Square = tuple[int, int, int]
"""Left, top and side, in modules."""


def invite_svg(content: str, logo: str, title: str) -> str:
    """An SVG picture of the QR code of `content` with error correction H.

    `logo` has SVG elements in 64 x 64 units; `title` is the title of the picture.
    """
    matrix = segno.make(content, error="h", boost_error=False, micro=False).matrix
    side = len(matrix)
    hole = _hole(side)
    finders = [(0, 0, FINDER_SIDE), (side - FINDER_SIDE, 0, FINDER_SIDE)]
    finders.append((0, side - FINDER_SIDE, FINDER_SIDE))
    runs = "".join(_runs(matrix, [hole, *finders]))
    eyes = "".join(_finder(square) for square in finders)
    scale = (hole[2] - 1) / 64
    box = f"{-QUIET_ZONE} {-QUIET_ZONE} {side + 2 * QUIET_ZONE} {side + 2 * QUIET_ZONE}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">'
        f"<title>{title}</title>"
        f'<rect x="{-QUIET_ZONE}" y="{-QUIET_ZONE}" width="100%" height="100%" fill="#fff"/>'
        f'<path fill="#111a33" d="{runs}"/><g fill="#111a33">{eyes}</g>'
        f'<g transform="translate({hole[0] + 0.5} {hole[1] + 0.5}) scale({scale:.5f})">{logo}</g>'
        "</svg>\n"
    )


def _hole(side: int) -> Square:
    width = int(side * LOGO_SHARE)
    width += 1 - width % 2  # odd like the side, so that it is centred
    return ((side - width) // 2, (side - width) // 2, width)


def _runs(matrix: Matrix, left_out: Sequence[Square]) -> Iterator[str]:
    """Path pieces, one per run of dark modules in a row, with round ends."""
    for y, row in enumerate(matrix):
        start: int | None = None
        for x in range(len(row) + 1):
            dark = x < len(row) and bool(row[x]) and not _inside(x, y, left_out)
            if dark and start is None:
                start = x
            elif not dark and start is not None:
                yield _run(start, y, x - start)
                start = None


def _inside(x: int, y: int, squares: Sequence[Square]) -> bool:
    return any(left <= x < left + side and top <= y < top + side for left, top, side in squares)


def _run(x: int, y: int, length: int) -> str:
    straight = f"h{length - 1}" if length > 1 else ""
    back = f"h{1 - length}" if length > 1 else ""
    return f"M{x + 0.5} {y}{straight}a.5.5 0 0 1 0 1{back}a.5.5 0 0 1 0-1z"


def _finder(square: Square) -> str:
    left, top, _ = square
    ring = (
        f"M{left + 2} {top}h3a2 2 0 0 1 2 2v3a2 2 0 0 1-2 2h-3a2 2 0 0 1-2-2v-3a2 2 0 0 1 2-2z"
        f"m0 1a1 1 0 0 0-1 1v3a1 1 0 0 0 1 1h3a1 1 0 0 0 1-1v-3a1 1 0 0 0-1-1z"
    )
    return f'<path d="{ring}"/><rect x="{left + 2}" y="{top + 2}" width="3" height="3" rx=".8"/>'
