"""One message on its way through the filter: fed as it arrives, then decided."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from chatmaild.address import Address, ascii_domain, domain_of
from chatmaild.dkim.canonical import BodyHash, Form
from chatmaild.dkim.resolver import KeyNotCachedError
from chatmaild.dkim.verifier import Result, Verification
from chatmaild.errors import ChatmaildError
from chatmaild.filter import rules, verdicts
from chatmaild.filter.cleanup import Change, clean, clean_secure_join
from chatmaild.filter.content import Content, ContentWalk
from chatmaild.filter.envelope import Mailbox
from chatmaild.filter.mime.author import ip_address, is_literal
from chatmaild.filter.mime.headers import Header, may_be_cut
from chatmaild.filter.mime.report import LIMIT_BYTES, ReportWalk
from chatmaild.filter.policy import Envelope, Policy
from chatmaild.filter.verdicts import ACCEPTED, DISCARDED, Accept, Refuse, Verdict

_HEADER_LIMIT: Final = 1 << 20  # octets; a thousand recipients and their keys take a tenth
_HEADER_STEP: Final = 1 << 13  # octets reserved at once: enough for the header of most messages
# Postfix reads its queue file once more for each change: 1000 take 0.1 s, 5000 take 2 s
_MOST_CHANGES: Final = 1000
# a larger header is decided on in a thread: nobody else shall wait for its canonical form
_QUICK_HEADER: Final = 1 << 16


class MustWaitError(ChatmaildError):
    """DNS must be asked, or there is much to compute: call again from where that may take long."""


class Outcome(NamedTuple):
    """The verdict, and for a message that goes on, what has to be changed.

    ``signature`` is the value of a DKIM-Signature field; ``removed`` are recipients; ``body``
    replaces the one that came.
    """

    verdict: Verdict
    changes: Sequence[Change] = ()
    signature: bytes | None = None
    removed: tuple[str, ...] = ()
    body: bytes | None = None


class Transaction:
    """One message: its envelope, then header fields, then the body, then the end.

    All that the envelope alone decides is done first, while the content is still on its way: the
    client waits for what comes after it.
    """

    def __init__(self, policy: Policy, envelope: Envelope) -> None:
        recipients = envelope.recipients
        disabled = {r.mailbox for r in recipients if policy.is_disabled(r.mailbox)}
        self._policy = policy
        self._sender: Mailbox | None = envelope.sender
        self._client = envelope.client
        self._sender_disabled = policy.is_disabled(envelope.sender)
        self._recipients = tuple(r.mailbox for r in recipients if r.mailbox not in disabled)
        self._removed = tuple(r.resolved for r in recipients if r.mailbox in disabled)
        all_stay = all(isinstance(mailbox, Address) for mailbox in self._recipients)
        self._signer = None if all_stay else policy.signer
        self._is_foreign = envelope.ingress.is_foreign
        self._is_report = envelope.is_report
        self._walk = None if self._is_report else ContentWalk(strict=not self._is_foreign)
        self._content: Content | None = None
        self._report: ReportWalk | None = None  # what may be one of another server
        self._report_body: bytes | None = None
        self._verification: Verification | None = None
        self._body_hash: BodyHash | None = None
        self._unreachable: rules.Unreachable | None = None
        self._size: rules.StoredSize | None = None
        if not (self._is_foreign or self._is_report):
            self._unreachable = rules.unreachable(self._recipients, policy.recipients.standing)
            self._size = rules.StoredSize() if self._unreachable else None
        self._headers: list[Header] = []
        self._header_octets = 0
        self._reserved_octets = 0
        self._problem = None if self._reserve(0) else verdicts.OVERLOADED

    def add_header(self, name: bytes, value: bytes) -> None:
        """Take a header field; ``value`` as in `Header`."""
        if self._problem is not None:
            return
        header = Header(name, value)
        octets = self._header_octets + len(name) + len(value) + 200  # what Python adds
        if octets > _HEADER_LIMIT or may_be_cut(header):
            self._problem = verdicts.HEADER_TOO_LARGE
        elif octets > self._reserved_octets and not self._reserve(octets):
            self._problem = verdicts.OVERLOADED
        else:
            self._header_octets = octets
            self._headers.append(header)

    def _reserve(self, octets: int) -> bool:
        """Whether there is room for that many octets of header, and some more."""
        more = octets - self._reserved_octets + _HEADER_STEP
        is_large = octets > _QUICK_HEADER
        if not self._policy.headers_in_flight.take(more, is_large=is_large):
            return False
        self._reserved_octets += more
        return True

    def end_of_headers(self) -> None:
        """The header is complete: now it is known what to look for in the body."""
        if self._problem is not None:
            return
        if self._walk is not None:
            self._walk.begin(self._headers)
        if self._is_foreign:
            self._report = ReportWalk.of(self._headers) if self._sender is None else None
            if self._report is not None and not self._reserve(self._header_octets + LIMIT_BYTES):
                self._problem = verdicts.OVERLOADED
            found = rules.author_of(self._headers)
            domain = None if isinstance(found, Refuse) else ascii_domain(domain_of(found))
            if domain and not is_literal(domain):
                self._verification = Verification(self._headers, domain)
        elif self._signer is not None:
            self._body_hash = BodyHash(Form.SIMPLE)

    def body(self, octets: bytes) -> None:
        """Take the next piece of the body."""
        readers = (self._walk, self._report, self._verification, self._body_hash, self._size)
        for reader in readers:
            if reader is not None:
                reader.feed(octets)

    def end(self, *, may_wait: bool) -> Outcome:
        """Decide.

        Raises:
            MustWaitError: not to be known without waiting; only if that is not allowed.
        """
        if self._problem is not None:
            return Outcome(verdict=self._problem)
        if self._header_octets > _QUICK_HEADER:
            if not may_wait:
                raise MustWaitError
            if self._verification is not None:
                with self._policy.computing:
                    self._verification.prepare()
        verdict = self._verdict(may_wait=may_wait)
        if not isinstance(verdict, Accept):
            return Outcome(verdict=verdict)
        if self._is_foreign:
            is_join = self._content is Content.SECURE_JOIN
            changes = clean_secure_join(self._headers) if is_join else []
            body = self._report_body if verdict.as_report else None
            return Outcome(verdict, changes, removed=self._removed, body=body)
        headers, changes = (self._headers, []) if self._is_report else clean(self._headers)
        if len(changes) > _MOST_CHANGES:
            return Outcome(verdict=verdicts.HEADER_TOO_LARGE)
        return Outcome(verdict, changes, self._sign(headers), self._removed)

    def close(self) -> None:
        """Give back what the message held; may be called again."""
        self._policy.headers_in_flight.give(self._reserved_octets)
        self._reserved_octets = 0

    def _verdict(self, *, may_wait: bool) -> Verdict:
        if self._is_report:
            return ACCEPTED if self._recipients else DISCARDED
        if self._content is None:
            self._content = Content.CLEAR if self._walk is None else self._walk.finish()
            self._report_body = None if self._report is None else self._report.finish()
        message = rules.Message(
            sender=self._sender,
            recipients=self._recipients,
            headers=self._headers,
            content=self._content,
            mail_domain=self._policy.mail_domain,
            client=ip_address(self._client) if self._is_foreign else None,
            is_report=self._report_body is not None,
        )
        if not self._is_foreign:
            return rules.outgoing(
                message,
                sender_disabled=self._sender_disabled,
                failure=lambda: self._failure(may_wait=may_wait),
            )
        try:
            return rules.incoming(
                message,
                enforces_encryption=self._policy.enforces_encryption,
                origin=lambda _: self._origin(may_wait=may_wait),
            )
        except KeyNotCachedError as error:
            raise MustWaitError from error

    def _failure(self, *, may_wait: bool) -> Refuse | None:
        if self._unreachable is None or self._size is None:
            return None
        if self._unreachable.nearly_full and not may_wait:
            raise MustWaitError  # Dovecot will be asked
        header = sum(len(name) + len(value) + len(":\n") for name, value in self._headers)
        size_bytes = header + self._size.bytes
        has_room = partial(self._policy.recipients.has_room, size_bytes=size_bytes)
        return rules.nobody_reached(self._unreachable, has_room)

    def _origin(self, *, may_wait: bool) -> Result:
        if self._verification is None:
            return Result.NO_VALID_SIGNATURE
        keys = self._policy.keys if may_wait else self._policy.keys.without_dns
        return self._verification.finish(keys, now_s=self._policy.clock())

    def _sign(self, headers: list[Header]) -> bytes | None:
        if self._signer is None or self._body_hash is None:
            return None
        now_s = int(self._policy.clock())
        return self._signer.sign(headers, self._body_hash.digest(), now_s=now_s).value
