"""One message on its way through the filter: fed as it arrives, then decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from chatmaild.dkim.canonical import BodyHash, Form
from chatmaild.dkim.verifier import Result, Verification
from chatmaild.domains import ascii_domain
from chatmaild.filter import rules, verdicts
from chatmaild.filter.addresses import IpAddress, domain_of, is_literal
from chatmaild.filter.cleanup import Change, clean
from chatmaild.filter.content import Content, ContentWalk
from chatmaild.filter.headers import Header, may_be_cut
from chatmaild.filter.policy import Entrance, Policy
from chatmaild.filter.report import LIMIT_BYTES, ReportWalk
from chatmaild.filter.verdicts import ACCEPTED, DISCARDED, Accept, Refuse, Verdict

_HEADER_LIMIT: Final = 1 << 20  # octets; a thousand recipients and their keys take a tenth
_HEADER_STEP: Final = 1 << 13  # octets reserved at once: enough for the header of most messages


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


class Transit:
    """One message: its envelope, then header fields, then the body, then the end.

    All that the envelope alone decides is done first, while the content is still on its way: the
    client waits for what comes after it.
    """

    def __init__(
        self,
        policy: Policy,
        entrance: Entrance,
        sender: str,
        recipients: Sequence[str],
        client: IpAddress | None = None,
    ) -> None:
        disabled = set(filter(policy.is_disabled, {sender, *recipients}))
        self._policy = policy
        self.sender = sender
        self._client = client
        self._sender_disabled = sender in disabled
        self._recipients = tuple(r for r in recipients if r not in disabled)
        self._removed = tuple(r for r in recipients if r in disabled)
        self._signer = None if all(map(policy.is_local, self._recipients)) else policy.signer
        self._is_foreign = entrance.is_foreign
        self._is_report = entrance.is_report(sender)
        self._walk = None if self._is_report else ContentWalk(strict=not self._is_foreign)
        self._report: ReportWalk | None = None  # what may be one of another server
        self._report_body: bytes | None = None
        self._verification: Verification | None = None
        self._body_hash: BodyHash | None = None
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
        if not self._policy.headers_in_flight.take(more):
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
            self._report = None if self.sender else ReportWalk.of(self._headers)
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
        for reader in (self._walk, self._report, self._verification, self._body_hash):
            if reader is not None:
                reader.feed(octets)

    def end(self) -> Outcome:
        """Decide."""
        if self._problem is not None:
            return Outcome(verdict=self._problem)
        verdict = self._verdict()
        if not isinstance(verdict, Accept):
            return Outcome(verdict=verdict)
        if self._is_foreign:
            body = self._report_body if verdict.as_report else None
            return Outcome(verdict=verdict, removed=self._removed, body=body)
        headers, changes = (self._headers, []) if self._is_report else clean(self._headers)
        return Outcome(verdict, changes, self._sign(headers), self._removed)

    def close(self) -> None:
        """Give back what the message held; may be called again."""
        self._policy.headers_in_flight.give(self._reserved_octets)
        self._reserved_octets = 0

    def _verdict(self) -> Verdict:
        if self._is_report:
            return ACCEPTED if self._recipients else DISCARDED
        content = Content.CLEAR if self._walk is None else self._walk.finish()
        self._report_body = None if self._report is None else self._report.finish()
        message = rules.Message(
            sender=self.sender,
            recipients=self._recipients,
            headers=self._headers,
            content=content,
            client=self._client,
            is_report=self._report_body is not None,
        )
        if self._is_foreign:
            enforces = self._policy.enforces_encryption
            return rules.incoming(message, enforces_encryption=enforces, origin=self._origin)
        return rules.outgoing(message, sender_disabled=self._sender_disabled)

    def _origin(self, _: str) -> Result:
        if self._verification is None:
            return Result.NO_VALID_SIGNATURE
        return self._verification.finish(self._policy.keys, now_s=self._policy.clock())

    def _sign(self, headers: list[Header]) -> bytes | None:
        if self._signer is None or self._body_hash is None:
            return None
        now_s = int(self._policy.clock())
        return self._signer.sign(headers, self._body_hash.digest(), now_s=now_s).value
