"""Reference parser of OpenPGP packets: field by field, in the order of RFC 9580."""

import io

AES_WRAPS = {7: 24, 8: 32, 9: 40}
CIPHERS = [1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13]
NONCES = [None, 16, 15, 12]


class MalformedError(Exception):
    """A packet does not conform to RFC 9580."""


class Fields(io.BytesIO):
    """Reads the fields of a packet in their order."""

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        data = self.read(count)
        require(len(data) == count)
        return data

    def number(self, count: int = 1) -> int:
        """The next `count` bytes as a number."""
        return int.from_bytes(self.take(count), "big")

    def left(self) -> int:
        """The number of bytes left."""
        return len(self.getvalue()) - self.tell()

    def integer(self, *, exact: bool) -> bytes:
        """A multiprecision integer (RFC 9580 section 3.2)."""
        bits = self.number(2)
        data = self.take(-(-bits // 8))
        real = int.from_bytes(data, "big").bit_length()
        require(bits > 0 and (bits == real or (bits % 8 == 0 and not exact)))
        return data


def require(is_right: bool) -> None:
    """Raise `MalformedError` unless a condition is true."""
    if not is_right:
        raise MalformedError


def is_message(data: bytes) -> bool:
    """Whether the data is session keys, one packet of encrypted data, and nothing else."""
    fields, keys = Fields(data), 0
    try:
        while True:
            start = fields.tell()
            kind, body, first_piece = _packet(fields)
            if kind == 18:
                require(first_piece is None or first_piece >= 512)
                _data(body)
                return fields.left() == 0
            require(first_piece is None and len(body) <= 4200)
            require(kind in (1, 3, 10))
            {1: _public, 3: _passphrase, 10: _marker}[kind](Fields(body))
            # limits of the filter: its work is proportional to the message size
            require(keys < min(10_000, 64 + start // 64))
            keys += 1
    except MalformedError:
        return False


def _packet(fields: Fields) -> tuple[int, bytes, int | None]:
    """Type ID, body, and the first partial length, if there is one."""
    tag = fields.number()
    require(tag >= 128)
    if tag < 192:
        require(tag % 4 != 3)
        return tag // 4 % 16, fields.take(fields.number((1, 2, 4)[tag % 4])), None
    body, first_piece, pieces = b"", None, 0
    while True:
        size = fields.number()
        if size == 255:
            return tag % 64, body + fields.take(fields.number(4)), first_piece
        if size < 192:
            return tag % 64, body + fields.take(size), first_piece
        if size < 224:
            return (
                tag % 64,
                body + fields.take((size - 192) * 256 + fields.number() + 192),
                first_piece,
            )
        piece = fields.take(2 ** (size - 224))
        first_piece = len(piece) if first_piece is None else first_piece
        require(tag == 192 + 18)
        body += piece
        pieces += 1
        require(pieces <= 64 + fields.tell() // 256)


def _data(body: bytes) -> None:
    """Encrypted data (RFC 9580 section 5.13)."""
    fields = Fields(body)
    version = fields.number()
    require(version in (1, 2))
    if version == 1:
        fields.take(10 + 8 + 22)  # prefix, the smallest literal packet, modification detection
        return
    require(7 <= fields.number() <= 13)
    require(1 <= fields.number() <= 3)
    require(fields.number() <= 16)
    fields.take(32 + 8 + 16 + 16)


def _marker(fields: Fields) -> None:
    require(fields.read() == b"PGP")


def _public(fields: Fields) -> None:
    """Public-key session key (RFC 9580 section 5.1)."""
    version = fields.number()
    if version == 6:
        size = fields.number()
        if size:
            require(fields.number() == {21: 4, 33: 6}.get(size))
            fields.take(size - 1)
    else:
        require(version == 3)
        fields.take(8)
    algorithm = fields.number()
    exact = version == 6
    if algorithm in (1, 2) or (algorithm == 16 and not exact):
        for _ in range(2 if algorithm == 16 else 1):
            at = fields.tell()
            require(960 <= int.from_bytes(fields.getvalue()[at : at + 2], "big") <= 16384)
            fields.integer(exact=exact)
    elif algorithm == 18:
        _point(fields.integer(exact=exact))
        size = fields.number()
        require(size in (32, 40, 48))
        fields.take(size)
    elif algorithm in (25, 26, 35, 36):
        fields.take({25: 32, 26: 56, 35: 1120, 36: 1624}[algorithm])
        size = fields.number()
        wrap = size if exact else AES_WRAPS.get(fields.number(), 0)
        require(wrap in AES_WRAPS.values() and size == (wrap if exact else wrap + 1))
        fields.take(wrap)
    else:
        require(algorithm == 8 and not exact)
        point = fields.integer(exact=False)
        if len(point) != 32:
            _point(point)
        ciphertext = fields.number(4)
        require(ciphertext in (1088, 1568))
        fields.take(ciphertext)
        wrap = AES_WRAPS.get(fields.number(), 0)
        require(wrap > 0 and fields.number() == wrap)
        fields.take(wrap)
    require(fields.left() == 0)


def _point(point: bytes) -> None:
    size = len(point)
    if size not in (55, 56):
        require(size in {0x40: (33, 57), 0x04: (65, 97, 129, 133)}.get(point[0], ()))


def _passphrase(fields: Fields) -> None:
    """Passphrase session key (RFC 9580 section 5.3)."""
    version = fields.number()
    require(version in (4, 5, 6))
    if version == 4:
        require(fields.number() in CIPHERS)
        _derivation(fields)
        require(fields.left() in (0, 17, 25, 33))
        return
    named = fields.number() if version == 6 else 0
    require(7 <= fields.number() <= 13)
    mode = fields.number()
    require(1 <= mode <= 3)
    named_derivation = fields.number() if version == 6 else 0
    before = fields.tell()
    _derivation(fields)
    derivation = fields.tell() - before
    nonce = NONCES[mode] or 0
    fields.take(nonce)
    if version == 6:
        require((named, named_derivation) == (3 + derivation + nonce, derivation))
    require(fields.left() - 16 in (16, 24, 32))


def _derivation(fields: Fields) -> None:
    """S2K specifier (RFC 9580 section 3.7.1)."""
    kind = fields.number()
    require(kind in (0, 1, 3, 4))
    if kind == 4:
        fields.take(16)
        require(fields.number() > 0)
        require(fields.number() > 0)
        require(3 <= fields.number() <= 31)
        return
    require(fields.number() in (1, 2, 3, 8, 9, 10, 11, 12, 14))
    fields.take({0: 0, 1: 8, 3: 9}[kind])
