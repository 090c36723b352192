"""crypt(3) of libxcrypt, the library that checks passwords on every Debian and NixOS machine.

Python's own module of that name is gone since 3.13.
"""

import ctypes

_WORKSPACE_BYTES = 32768  # sizeof (struct crypt_data)


def _load() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcrypt.so.2")  # NixOS puts a path in place of the name
    except OSError:
        return ctypes.CDLL("libcrypt.so.1")  # Debian's, with the functions of old times


_crypt_rn = _load().crypt_rn
_crypt_rn.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
_crypt_rn.restype = ctypes.c_char_p


def crypt(phrase: bytes, setting: str) -> str | None:
    """The hash of the phrase; None for a setting that the library does not know.

    Other threads run meanwhile. The library reads up to a NUL, and takes at most 511 octets.

    Args:
        setting: a hash, or only its beginning: `$METHOD$PARAMETERS$SALT`.
    """
    workspace = ctypes.create_string_buffer(_WORKSPACE_BYTES)
    encoded = _crypt_rn(phrase, setting.encode(), workspace, _WORKSPACE_BYTES)
    return None if encoded is None else encoded.decode("ascii")
