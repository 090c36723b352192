"""One mail transaction: takes envelope, header and body in pieces, then decides."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from chatmaild.address import Address, ascii_domain, domain_of
from chatmaild.dkim.canonical import BodyHash, Canonicalization
from chatmaild.dkim.resolver import KeyNotCachedError, Keys
from chatmaild.dkim.verifier import Result, Verification
from chatmaild.errors import DecisionError
from chatmaild.filter import rules, verdicts
from chatmaild.filter.cleanup import Change, clean, clean_secure_join
from chatmaild.filter.content import Content, ContentReader
from chatmaild.filter.envelope import Mailbox
from chatmaild.filter.mime.author import ip_address, is_domain_literal
from chatmaild.filter.mime.headers import Header, may_be_truncated
from chatmaild.filter.mime.report import LIMIT_BYTES, ReportReader
from chatmaild.filter.policy import Envelope, MustWaitError, Policy
from chatmaild.filter.verdicts import ACCEPTED, DISCARDED, Accept, Discard, Refuse, Verdict
from chatmaild.wire import milter

_HEADER_LIMIT: Final = 1 << 20  # bytes; 1000 recipients with their keys take a tenth
# taken from the budget at once: fits the header of most messages
_HEADER_STEP_BYTES: Final = 1 << 13
# Postfix reads its queue file again for each change: 1000 take 0.1 s, 5000 take 2 s
_MAX_CHANGES: Final = 1000
# a thread decides on larger headers: hashing them would delay the other sessions
_LARGE_HEADER_BYTES: Final = 1 << 16


class Decision(NamedTuple):
    """The verdict, and the changes to a message that is accepted.

    Attributes:
        verdict: accept, discard or refuse.
        changes: changes of header fields, to be applied in this order.
        signature: value of the DKIM-Signature field to insert.
        removed: recipients to remove, in the form of Postfix.
        body: new body; None keeps the old one.
    """

    verdict: Verdict
    changes: Sequence[Change] = ()
    signature: bytes | None = None
    removed: tuple[str, ...] = ()
    body: bytes | None = None

    def packets(self, *, has_sender: bool) -> bytes:
        """The answer for Postfix: the refusal, or the changes and the acceptance."""
        if isinstance(self.verdict, Refuse):
            return milter.reply(self.verdict.code, self.verdict.text)
        if isinstance(self.verdict, Discard):
            return milter.DISCARD
        changes = [milter.change_header(c.name, c.index, c.value) for c in self.changes]
        if self.signature is not None:
            changes.append(milter.insert_header(b"DKIM-Signature", self.signature))
        changes += [milter.delete_recipient(resolved) for resolved in self.removed]
        if self.body is not None:
            changes += milter.replace_body(self.body)
        if self.verdict.null_sender and has_sender:
            changes.append(milter.change_sender(""))
        return b"".join((*changes, milter.CONTINUE))


class Transaction:
    """One message: envelope, header fields, body, decision.

    The constructor does all lookups that need only the envelope: they then run while the client
    sends the content, and not while it waits for the reply.
    """

    def __init__(self, policy: Policy, envelope: Envelope) -> None:
        recipients = envelope.recipients
        disabled = {r.mailbox for r in recipients if policy.is_disabled(r.mailbox)}
        self._policy = policy
        self._sender: Mailbox | None = envelope.sender
        self._client = envelope.client
        self._is_remote = envelope.ingress.is_remote
        self._sender_disabled = not self._is_remote and policy.is_disabled(envelope.sender)
        self._recipients = tuple(r.mailbox for r in recipients if r.mailbox not in disabled)
        self._removed = tuple(r.resolved for r in recipients if r.mailbox in disabled)
        all_stay = all(isinstance(mailbox, Address) for mailbox in self._recipients)
        self._signer = None if all_stay else policy.signer
        self._is_report = envelope.is_report
        self._reader = None if self._is_report else ContentReader(strict=not self._is_remote)
        self._content: Content | None = None
        self._report: ReportReader | None = None  # for reports of other servers
        self._report_body: bytes | None = None
        self._verification: Verification | None = None
        self._body_hash: BodyHash | None = None
        self._delivery_doubt: rules.DeliveryDoubt | None = None
        self._size: rules.StoredSize | None = None
        self._headers: list[Header] = []
        self._header_bytes = 0
        self._reserved_bytes = 0
        self._problem = None if self._reserve(0) else verdicts.OVERLOADED
        if not (self._is_remote or self._is_report):
            self._look_up_recipients()

    def _look_up_recipients(self) -> None:
        try:
            found = rules.delivery_doubt(self._recipients, self._policy.reachability)
        except DecisionError:
            self._problem = verdicts.DOMAINS_UNREADABLE
        else:
            self._delivery_doubt = found
            self._size = rules.StoredSize() if found else None
        for domain in {m.domain for m in self._recipients if not isinstance(m, Address)}:
            self._policy.expect_mail(domain)

    def add_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, in the form of `Header`."""
        if self._problem is not None:
            return
        header = Header(name, value)
        size_bytes = self._header_bytes + len(name) + len(value) + 200  # overhead of Python
        if size_bytes > _HEADER_LIMIT or may_be_truncated(header):
            self._problem = verdicts.HEADER_TOO_LARGE
        elif size_bytes > self._reserved_bytes and not self._reserve(size_bytes):
            self._problem = verdicts.OVERLOADED
        else:
            self._header_bytes = size_bytes
            self._headers.append(header)

    def _reserve(self, size_bytes: int) -> bool:
        """Take budget for a header of that size and one step more; False if it is used up."""
        more_bytes = size_bytes - self._reserved_bytes + _HEADER_STEP_BYTES
        is_large = size_bytes > _LARGE_HEADER_BYTES
        if not self._policy.header_budget.take(more_bytes, is_large=is_large):
            return False
        self._reserved_bytes += more_bytes
        return True

    def end_of_headers(self) -> None:
        """End the header and choose the readers of the body."""
        if self._problem is not None:
            return
        if self._reader is not None:
            self._reader.begin(self._headers)
        if self._is_remote:
            self._report = ReportReader.of(self._headers) if self._sender is None else None
            if self._report is not None and not self._reserve(self._header_bytes + LIMIT_BYTES):
                self._problem = verdicts.OVERLOADED
            found = rules.author_of(self._headers)
            domain = None if isinstance(found, Refuse) else ascii_domain(domain_of(found))
            if domain and not is_domain_literal(domain):
                self._verification = Verification(self._headers, domain)
        elif self._signer is not None:
            self._body_hash = BodyHash(Canonicalization.SIMPLE)

    def body(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        readers = (self._reader, self._report, self._verification, self._body_hash, self._size)
        for reader in readers:
            if reader is not None:
                reader.feed(piece)

    def end(self, *, may_wait: bool) -> Decision:
        """The decision on the complete message.

        Raises:
            MustWaitError: the decision has to wait; only without `may_wait`. Call again.
        """
        if self._problem is not None:
            return Decision(verdict=self._problem)
        if self._header_bytes > _LARGE_HEADER_BYTES:
            if not may_wait:
                raise MustWaitError
            if self._verification is not None:
                with self._policy.compute_lock:
                    self._verification.prepare()
        verdict = self._verdict(may_wait=may_wait)
        if not isinstance(verdict, Accept):
            return Decision(verdict=verdict)
        if self._is_remote:
            is_join = self._content is Content.SECURE_JOIN
            changes = clean_secure_join(self._headers) if is_join else []
            body = self._report_body if verdict.as_report else None
            return Decision(verdict, changes, removed=self._removed, body=body)
        headers, changes = (self._headers, []) if self._is_report else clean(self._headers)
        if len(changes) > _MAX_CHANGES:
            return Decision(verdict=verdicts.HEADER_TOO_LARGE)
        return Decision(verdict, changes, self._sign(headers), self._removed)

    @property
    def message_id(self) -> bytes | None:
        """The Message-ID, None if there is none."""
        return next((h.value for h in self._headers if h.name.lower() == b"message-id"), None)

    def close(self) -> None:
        """Release the header budget; can be called twice."""
        self._policy.header_budget.give(self._reserved_bytes)
        self._reserved_bytes = 0

    def _verdict(self, *, may_wait: bool) -> Verdict:
        if self._is_report:
            return ACCEPTED if self._recipients else DISCARDED
        if self._content is None:
            self._content = Content.CLEAR if self._reader is None else self._reader.finish()
            self._report_body = None if self._report is None else self._report.finish()
        message = rules.Message(
            sender=self._sender,
            recipients=self._recipients,
            headers=self._headers,
            content=self._content,
            mail_domain=self._policy.mail_domain,
            client=ip_address(self._client) if self._is_remote else None,
            is_report=self._report_body is not None,
        )
        if not self._is_remote:
            return rules.outgoing(
                message,
                sender_disabled=self._sender_disabled,
                failure=lambda: self._delivery_refusal(may_wait=may_wait),
            )
        try:
            return rules.incoming(
                message,
                domain_refusal=self._policy.domain_refusal,
                enforces_encryption=self._policy.enforces_encryption,
                is_in_doubt=self._policy.is_in_doubt,
                origin=lambda _: self._origin(may_wait=may_wait),
            )
        except KeyNotCachedError as error:
            raise MustWaitError from error

    def _delivery_refusal(self, *, may_wait: bool) -> Refuse | None:
        if self._delivery_doubt is None or self._size is None:
            return None
        if self._delivery_doubt.nearly_full and not may_wait:
            raise MustWaitError  # Dovecot has to be asked
        header = sum(len(name) + len(value) + len(":\n") for name, value in self._headers)
        size_bytes = header + self._size.bytes
        has_room = partial(self._policy.recipient_lookup.has_room, size_bytes=size_bytes)
        return rules.delivery_refusal(self._delivery_doubt, has_room)

    def _origin(self, *, may_wait: bool) -> Result:
        result = Result.NO_VALID_SIGNATURE
        if self._verification is not None:
            keys = self._keys_after_dns() if may_wait else self._policy.keys.cached_only
            result = self._verification.finish(keys, now_s=self._policy.clock())
        self._policy.tally.verified(result.name.lower())
        return result

    def _keys_after_dns(self) -> Keys:
        """Keys with lookups that count for the client; nginx limits those of HTTPS (loopback)."""
        client = ip_address(self._client)
        is_local = client is None or client.is_loopback
        return self._policy.keys.for_message("" if is_local else self._client)

    def _sign(self, headers: list[Header]) -> bytes | None:
        if self._signer is None or self._body_hash is None:
            return None
        now_s = int(self._policy.clock())
        return self._signer.sign(headers, self._body_hash.digest(), now_s=now_s).value
