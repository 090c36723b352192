"""The exceptions of chatmaild, as one tree.

    ChatmaildError
    ├── SettingsError    (ValueError)    the settings file cannot be used; exit code 78
    ├── AddressError     (ValueError)    a text is not an address
    ├── DomainError      (ValueError)    a text is no rule for domains
    ├── NoticeError      (ValueError)    a text cannot be the notice
    ├── DecisionError    (OSError)       a decision of the operator cannot be read; try again later
    ├── DirectoryError   (OSError)       a store of the relay cannot be asked; try again later
    ├── BusyError        (TimeoutError)  overload, or a lock stays taken; try again later
    │   ├── TooManyError                 a network asks too often; try again later
    │   ├── StoreDownError               a store gives no answer; try again later
    │   │   ├── LeavingError             the account leaves it for another one; ask all again
    │   │   ├── SearchLimitError         too many searches of all stores; try again later
    │   │   └── StoreLostError           it is down for seconds, so nobody should wait for it
    │   └── MovingError                  an account moves to another store; try again
    ├── KeyUnavailableError (TimeoutError) DNS does not answer for a DKIM key; try again later
    ├── SocketInUseError (OSError)       another process listens where this one would
    ├── DovecotError                     Dovecot could not change a mailbox
    │   └── FullError                    its quota refuses a message
    ├── ConversionError                  a mailbox keeps the format that it has
    │   └── ToolError                    no mailbox can be converted
    ├── RebalanceError                   an account stays at the store where it is
    ├── UntakenError     (ValueError)    a file of another server's tree is not imported
    ├── RegistrationRefused              no address is created now; carries a reason code
    └── ProtocolError    (ValueError)    a peer violates its protocol

A refused message or a wrong password is a value, not an error.
"""


class ChatmaildError(Exception):
    """Base of all exceptions that chatmaild raises."""


class SettingsError(ChatmaildError, ValueError):
    """The settings cannot be used; the text names the key in its JSON spelling."""


class AddressError(ChatmaildError, ValueError):
    """The text is not an address; the message never contains the text."""


class DomainError(ChatmaildError, ValueError):
    """The text is no rule for domains; the message says what to write."""


class NoticeError(ChatmaildError, ValueError):
    """The text cannot be the notice; the message says why."""


class DecisionError(ChatmaildError, OSError):
    """The file of a decision of the operator cannot be read; the text names the file."""


class DirectoryError(ChatmaildError, OSError):
    """On a front: the directory of the stores gives no clear answer."""


class BusyError(ChatmaildError, TimeoutError):
    """The work could not start in time; the client should try again later."""


class TooManyError(BusyError):
    """One network asks too often; it should try again later."""


class StoreDownError(BusyError):
    """A store of this relay gives no answer, or does not know now; try again later."""


class LeavingError(StoreDownError):
    """A store answers that the account leaves it, or has just left: another one may have it."""


class SearchLimitError(StoreDownError):
    """Not all stores were asked for an address, because too many others are searched for."""


class StoreLostError(StoreDownError):
    """It has given no answer for longer than a restart takes: waiting for it is of no use."""


class MovingError(BusyError):
    """An account moves to another store, and which one has it is not known yet; try again."""


class KeyUnavailableError(ChatmaildError, TimeoutError):
    """DNS gives no answer for a DKIM key; the sender should try again later."""


class SocketInUseError(ChatmaildError, OSError):
    """Another process listens there; the text names the socket and says what to do."""


class DovecotError(ChatmaildError):
    """Dovecot could not change a mailbox; its log says why."""


class FullError(DovecotError):
    """The quota of a mailbox refuses a message."""


class ConversionError(ChatmaildError):
    """A mailbox keeps the format that it has; the text says why, without the address."""


class ToolError(ConversionError):
    """Dovecot's tool does not start: no mailbox can be converted."""


class RebalanceError(ChatmaildError):
    """An account stays at the store where it is; the text says why, without the address."""


class UntakenError(ChatmaildError, ValueError):
    """A file of another server's tree is not imported; the text is the reason, without its name."""


class RegistrationRefused(ChatmaildError):  # noqa: N818 - a refusal, not a fault
    """No new address is created.

    Args:
        code: key of the sentence in `accounts/web/reasons.json`, for example `closed`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ProtocolError(ChatmaildError, ValueError):
    """A peer violated its protocol."""
