"""Read QR codes with ZXing, an independent decoder."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import zxingcpp
from PIL import Image

QUIET_ZONE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Text and error correction level of a QR code."""

    text: str
    level: str


def read_picture(picture: Image.Image) -> Code:
    """The one QR code in a picture.

    Raises:
        ValueError: the picture has none, or more than one.
    """
    found = zxingcpp.read_barcodes(
        picture, formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
    )
    if len(found) != 1:
        raise ValueError(f"{len(found)} QR codes in the picture")
    return Code(text=found[0].text, level=found[0].ec_level)


def picture_of(png: bytes) -> Image.Image:
    """A PNG file as grey levels."""
    return Image.open(io.BytesIO(png)).convert("L")


def picture_of_matrix(matrix: Sequence[Sequence[int]], scale: int = 4) -> Image.Image:
    """Modules (1 is dark) as a picture with a quiet zone."""
    side = len(matrix) + 2 * QUIET_ZONE
    picture = Image.new("L", (side, side), 255)
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            picture.putpixel((x + QUIET_ZONE, y + QUIET_ZONE), 0 if dark else 255)
    return picture.resize((side * scale, side * scale), Image.Resampling.NEAREST)
