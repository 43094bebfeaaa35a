"""OCSP answers signed ahead, so that status survives a stopped signer and costs one indexed row.

Signing happens before the transaction (no row is locked while the signer is asked); the row is written
inside it, together with the change of state it tells of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection

from dojang.ca import authorities
from dojang.ca.errors import AuthorityMissingError
from dojang.ca.serials import serial_number
from dojang.pki import ocsp
from dojang.pki.day import whole_second
from dojang.ports.signer_errors import SignerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dojang.ca.models import Certificate
    from dojang.ports.world import World

#: A row without bytes that is due at once: the responder signs live, `refresh_ocsp_answers` fills it.
DUE = datetime(1970, 1, 1, tzinfo=UTC)
#: A row nobody needs to sign ahead any more (the certificate has expired).
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
HASHES = ("sha1", "sha256")


@dataclass(frozen=True, slots=True)
class Status:
    """What OCSP says of a certificate: ``good``, or ``revoked`` with moment and reason."""

    status: str
    at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """The bytes of one `OcspAnswer` row; empty when the signer could not be asked."""

    this_update: datetime
    next_update: datetime
    by_sha1: bytes
    by_sha256: bytes


GOOD = Status("good")


def unconfirmed(row: Certificate) -> Status:
    """Status of a certificate that is signed but not confirmed: known, and not to be relied on."""
    return Status("revoked", whole_second(row.issued_at), "certificateHold")


def sign_answer(row: Certificate, status: Status, *, world: World) -> SignedAnswer:
    """Sign both answers for a certificate. A signer that cannot be asked gives an empty, due answer."""
    return sign_answers([(row, status)], world=world)[0]


def sign_answers(wanted: Sequence[tuple[Certificate, Status]], *, world: World) -> list[SignedAnswer]:
    """Sign both answers for each certificate, in one call for each responder; answers in the order asked.

    A responder that cannot be asked gives empty, due answers. At most 256 certificates.
    """
    now = whole_second(world.clock.now())
    answers: dict[int, SignedAnswer] = {}
    by_issuer: dict[int, list[int]] = {}
    for place, (row, _) in enumerate(wanted):
        if row.profile in {"root", "issuing"}:
            answers[place] = SignedAnswer(
                now, NEVER, b"", b""
            )  # the root delegates no responder: its CRL tells
        else:
            by_issuer.setdefault(row.issuer_id, []).append(place)
    for issuer_id, places in by_issuer.items():
        try:
            made = _sign_all(issuer_id, [wanted[place] for place in places], now, world=world)
        except (SignerError, AuthorityMissingError):
            # Fail closed: the old answer goes, the responder answers "try later" until somebody can sign.
            made = [SignedAnswer(now, DUE, b"", b"")] * len(places)
        answers.update(zip(places, made, strict=True))
    return [answers[place] for place in range(len(wanted))]


def _sign_all(
    issuer_id: int, wanted: Sequence[tuple[Certificate, Status]], now: datetime, *, world: World
) -> list[SignedAnswer]:
    """Sign the answers of one issuer's certificates."""
    responder = authorities.in_force("ocsp", now, parent_id=issuer_id)
    certificate = authorities.issuer_of(authorities.by_id(issuer_id)).certificate
    life = timedelta(seconds=world.policy.status.ocsp_life)
    bodies = [
        ocsp.build_response_data(
            responder_key_hash=responder.key_hash,
            produced_at=now,
            singles=[
                ocsp.Single(
                    ocsp.cert_id(certificate, serial_number(row.serial), name),
                    status.status,
                    status.at,
                    status.reason,
                    now,
                    now + life,
                )
            ],
            nonce=None,
        )
        for row, status in wanted
        for name in HASHES
    ]
    signatures = world.signer.sign_ocsp_many(responder=responder.label, tbs=bodies)
    made = [
        ocsp.assemble_response(body, signature, responder.algorithm, responder.certificate)
        for body, signature in zip(bodies, signatures, strict=True)
    ]
    pairs = zip(made[::2], made[1::2], strict=True)
    return [SignedAnswer(now, now + life, by_sha1, by_sha256) for by_sha1, by_sha256 in pairs]


_PUT = """
    INSERT INTO ca_ocspanswer
        (certificate_id, issuer_id, serial, status_seq, this_update, next_update, by_sha1, by_sha256)
    SELECT c.id, c.issuer_id, c.serial, c.status_seq, %s, %s, %s, %s
    FROM ca_certificate c WHERE c.id = %s AND c.status_seq = %s FOR UPDATE
    ON CONFLICT (certificate_id) DO UPDATE SET
        status_seq = excluded.status_seq, this_update = excluded.this_update,
        next_update = excluded.next_update, by_sha1 = excluded.by_sha1, by_sha256 = excluded.by_sha256
    WHERE ca_ocspanswer.status_seq <= excluded.status_seq
"""


def put_answers(answers: Iterable[tuple[int, int, SignedAnswer]]) -> None:
    """Write answers as (certificate id, status_seq they tell of, answer).

    An answer about a state that has passed meanwhile is dropped: a slow refresh never brings back "good".
    """
    rows = [
        (answer.this_update, answer.next_update, answer.by_sha1, answer.by_sha256, certificate_id, status_seq)
        for certificate_id, status_seq, answer in answers
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_PUT, rows)
