"""crypt(3) of libxcrypt, which Debian and NixOS use for their own passwords.

Python's module `crypt` was removed in 3.13.
"""

import ctypes
from typing import Final

_WORKSPACE_BYTES: Final = 32768  # sizeof (struct crypt_data)


def _load() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcrypt.so.2")  # the Nix package replaces the name by a path
    except OSError:
        return ctypes.CDLL("libcrypt.so.1")  # Debian builds it with the obsolete functions


_crypt_rn = _load().crypt_rn
_crypt_rn.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
_crypt_rn.restype = ctypes.c_char_p


def crypt(phrase: bytes, setting: str) -> str | None:
    """The hash of a phrase; None if the library does not know the setting.

    It releases the interpreter lock. The phrase ends at a NUL and has 511 bytes at most.

    Args:
        setting: a hash or its prefix `$METHOD$PARAMETERS$SALT`.
    """
    workspace = ctypes.create_string_buffer(_WORKSPACE_BYTES)
    encoded = _crypt_rn(phrase, setting.encode(), workspace, _WORKSPACE_BYTES)
    return None if encoded is None else encoded.decode("ascii")
