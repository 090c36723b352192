"""What can go wrong, as one tree.

    ChatmaildError
    ├── SettingsError    (ValueError)    the settings file cannot be used; exit code 78
    ├── AddressError     (ValueError)    a text is no address of the kind that is needed
    ├── BusyError        (TimeoutError)  too much to do or a lock that stays taken; ask again later
    ├── KeyUnavailableError (TimeoutError) a DKIM key cannot be looked up now; ask again later
    ├── SocketInUseError (OSError)       another process listens where this one would
    ├── RegistrationRefused              no new address is made now; carries a reason code
    └── ProtocolError    (ValueError)    a peer on a socket speaks something else

A refused message or a wrong password is a value, not an error.
"""


class ChatmaildError(Exception):
    """Base of everything that chatmaild raises itself."""


class SettingsError(ChatmaildError, ValueError):
    """The settings cannot be used; the text names the key in its JSON spelling."""


class AddressError(ChatmaildError, ValueError):
    """The text is no address; the message never contains the text itself."""


class BusyError(ChatmaildError, TimeoutError):
    """The work could not start in time; the client should ask again later."""


class KeyUnavailableError(ChatmaildError, TimeoutError):
    """DNS gives no answer about a DKIM key; the sender should come back."""


class SocketInUseError(ChatmaildError, OSError):
    """Another process listens there; the text names the socket and says what to do."""


class RegistrationRefused(ChatmaildError):  # noqa: N818 - a refusal, not a fault
    """No new address is made.

    Args:
        code: key of the sentence in `accounts/reasons.json`, for example `closed`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ProtocolError(ChatmaildError, ValueError):
    """A peer sent something that its protocol does not have."""
