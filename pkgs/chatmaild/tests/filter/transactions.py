"""Runs one transaction for a test."""

from chatmaild.filter.policy import Ingress, Policy
from chatmaild.filter.transaction import Decision, Transaction

from .messages import ALICE, BOB, ENCRYPTED_TYPE, encrypted, envelope, header_from

REMOTE = [Ingress.SMTP, Ingress.HTTPS]
CLIENT = "192.0.2.1"


def decide(
    policy: Policy,
    ingress: Ingress = Ingress.SUBMISSION,
    sender: str = ALICE,
    *recipients: str,
    author: str | None = None,
    fields: tuple[bytes, ...] = (),
    body: bytes | None = None,
    content_type: bytes = ENCRYPTED_TYPE,
) -> Decision:
    """The decision on a message; encrypted unless a body is given."""
    letter_from = envelope(ingress, sender, *(recipients or (BOB,)), domain=policy.mail_domain)
    letter_from.client = CLIENT
    transaction = Transaction(policy, letter_from)
    for header in header_from(author or sender, *fields, content_type=content_type):
        transaction.add_header(header.name, header.value)
    transaction.end_of_headers()
    transaction.body(encrypted() if body is None else body)
    decision = transaction.end(may_wait=True)
    transaction.close()
    return decision
