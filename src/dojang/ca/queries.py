"""Read values: frozen, no rows leave this module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection
from django.db.models import OuterRef, Subquery

from dojang.ca.authorities import by_id as authority_by_id
from dojang.ca.models import Authority, Certificate, Crl, Revocation
from dojang.ca.serials import serial_number, serial_text
from dojang.ca.verifying import verify_trail
from dojang.pki.certificate import read_issuer
from dojang.pki.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dojang.ports.world import World

__all__ = [
    "IN_USE",
    "AuthorityView",
    "CertificateStanding",
    "CertificateView",
    "CrlView",
    "active_certificate",
    "authorities",
    "certificate_by_id",
    "certificate_of_order",
    "certificates_of",
    "chain_of",
    "find_by_serial",
    "issued_by_order",
    "issuer_name",
    "newest_crl",
    "standings_of",
    "state_of",
    "verify_trail",
    "view_of",
]

#: State of a certificate that may be used; every door asks for it, whatever was begun with it before.
IN_USE: Final = str(Certificate.State.ACTIVE)


@dataclass(frozen=True, slots=True)
class CertificateView:
    """A certificate to show. `serial` is hexadecimal; `sha256` the fingerprint; `state` as in `models`."""

    id: int
    serial: str
    subject: str
    issuer: str
    product: str
    profile: str
    customer_id: str
    policy: str
    not_before: datetime
    not_after: datetime
    state: str  #: ``issued`` | ``active`` | ``held`` | ``revoked``
    issued_at: datetime
    activated_at: datetime | None
    revoked_at: datetime | None
    reason: str | None
    sha256: str
    der: bytes


@dataclass(frozen=True, slots=True)
class CertificateStanding:
    """What one certificate is good for now; `revoked_at` and `reason` also tell of a hold."""

    product: str
    serial: str
    state: str  #: as in `CertificateView`
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class CrlView:
    """The newest CRL of one shard, without its bytes."""

    shard: int
    number: int
    this_update: datetime
    next_update: datetime
    entries: int


@dataclass(frozen=True, slots=True)
class AuthorityView:
    """An authority to show."""

    label: str
    role: str
    algorithm: str
    subject: str
    parent: str | None
    serial: str
    not_before: datetime
    not_after: datetime
    certificate: bytes
    crls: tuple[CrlView, ...]


def active_certificate(customer_id: str, product: str) -> CertificateView | None:
    """Return the one active certificate a person has of a product, if any."""
    return _first(Certificate.objects.filter(customer_id=customer_id, product=product, state="active"))


def certificates_of(customer_id: str) -> list[CertificateView]:
    """List a person's certificates, newest first."""
    rows = Certificate.objects.filter(customer_id=customer_id).select_related("issuer")
    return _views(rows.order_by("-issued_at", "-id"))


_STANDINGS = """
    SELECT c.product, c.serial, c.state, c.not_before, c.not_after, r.at, r.reason
    FROM ca_certificate c LEFT JOIN ca_revocation r ON r.certificate_id = c.id AND r.lifted_at IS NULL
    WHERE c.customer_id = %s ORDER BY c.issued_at DESC, c.id DESC
"""


def standings_of(customer_id: str) -> list[CertificateStanding]:
    """List what a person's certificates are good for, newest first, without the certificates: one read."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDINGS, [customer_id])
        return [CertificateStanding(*row) for row in cursor.fetchall()]


def find_by_serial(serial: str) -> CertificateView | None:
    """Find a certificate by its serial, in any usual spelling; None when there is none."""
    try:
        text = serial_text(serial_number(serial))
    except MalformedError:
        return None
    return _first(Certificate.objects.filter(serial=text).order_by("-id"))


def certificate_by_id(certificate_id: int) -> CertificateView | None:
    """Find a certificate by its row id."""
    return _first(Certificate.objects.filter(pk=certificate_id))


def state_of(certificate_id: int) -> str:
    """Return the state of a certificate by its row id."""
    state: str = Certificate.objects.values_list("state", flat=True).get(pk=certificate_id)
    return state


def certificate_of_order(order_key: str) -> CertificateView | None:
    """Find the certificate an order led to."""
    return _first(Certificate.objects.filter(intent__order_key=order_key, intent__state="stored"))


def issued_by_order(order_key: str) -> tuple[CertificateView, str | None] | None:
    """Find the certificate an order led to, and the serial of the one it took the place of: one read."""
    before = Certificate.objects.filter(successor_id=OuterRef("pk")).values("serial")[:1]
    rows = Certificate.objects.filter(intent__order_key=order_key, intent__state="stored")
    row = rows.select_related("issuer").annotate(replaced=Subquery(before)).first()
    if row is None:
        return None
    ended = row.state in {Certificate.State.HELD, Certificate.State.REVOKED}
    end = Revocation.objects.filter(certificate=row, lifted_at__isnull=True).first() if ended else None
    return view_of(row, end), row.replaced


def _first(rows: Iterable[Certificate]) -> CertificateView | None:
    found = _views(rows.select_related("issuer")[:1])  # type: ignore[attr-defined]
    return found[0] if found else None


def _views(rows: Iterable[Certificate]) -> list[CertificateView]:
    listed = list(rows)
    standing = Revocation.objects.filter(certificate__in=listed, lifted_at__isnull=True)
    ends = {row.certificate_id: row for row in standing}
    return [view_of(row, ends.get(row.pk)) for row in listed]


def view_of(row: Certificate, end: Revocation | None) -> CertificateView:
    """Freeze one row."""
    issuer = row.issuer
    name = issuer.label if issuer.certificate is None else str(_name(bytes(issuer.certificate)))
    return CertificateView(
        id=row.pk,
        serial=row.serial,
        subject=row.subject,
        issuer=name,
        product=row.product,
        profile=row.profile,
        customer_id=row.customer_id,
        policy=row.policy,
        not_before=row.not_before,
        not_after=row.not_after,
        state=row.state,
        issued_at=row.issued_at,
        activated_at=row.activated_at,
        revoked_at=None if end is None else end.at,
        reason=None if end is None else end.reason,
        sha256=row.sha256,
        der=bytes(row.der),
    )


def issuer_name(authority_id: int) -> str:
    """Return an authority's name, as `CertificateView.issuer` has it."""
    row = authority_by_id(authority_id)
    return row.label if row.certificate is None else _name(bytes(row.certificate))


def _name(certificate: bytes) -> str:
    return str(read_issuer(certificate).facts.subject_name)


def authorities() -> list[AuthorityView]:
    """List every authority that has a certificate, the root first, with its newest CRLs."""
    rows = Authority.objects.filter(certificate__isnull=False).select_related("parent").order_by("id")
    return [_authority_view(row) for row in rows]


def _authority_view(row: Authority) -> AuthorityView:
    der = bytes(row.certificate or b"")
    facts = read_issuer(der).facts
    crls = Crl.objects.filter(issuer=row).order_by("shard", "-number").distinct("shard").defer("der")
    return AuthorityView(
        label=row.label,
        role=row.role,
        algorithm=row.algorithm,
        subject=str(facts.subject_name),
        parent=None if row.parent is None else row.parent.label,
        serial=serial_text(facts.serial),
        not_before=facts.not_before,
        not_after=facts.not_after,
        certificate=der,
        crls=tuple(
            CrlView(crl.shard, crl.number, crl.this_update, crl.next_update, crl.entries) for crl in crls
        ),
    )


def late_crls(*, world: World) -> int:
    """Count the lists whose next edition should long be there: past three quarters of their life.

    A list is made anew at half of its life, so a late one has missed a quarter of it; an authority that has
    ended needs none.
    """
    now = world.clock.now()
    late = 0
    signing = (Authority.Role.ROOT, Authority.Role.ISSUING)
    for row in Authority.objects.filter(role__in=signing, certificate__isnull=False, not_after__gte=now):
        newest = Crl.objects.filter(issuer=row).order_by("shard", "-number").distinct("shard")
        times = newest.values_list("this_update", "next_update")
        late += sum(now >= begins + (ends - begins) * 3 / 4 for begins, ends in times)
    return late


def chain_of(certificate: CertificateView) -> tuple[bytes, ...]:
    """Return the authorities above a certificate, nearest first, the root last (DER)."""
    found = []
    row = Certificate.objects.select_related("issuer").get(pk=certificate.id).issuer
    while row is not None and row.certificate is not None:
        found.append(bytes(row.certificate))
        row = None if row.parent_id is None else Authority.objects.get(pk=row.parent_id)  # type: ignore[assignment]
    return tuple(found)


def newest_crl(authority: str, shard: int = 0) -> bytes | None:
    """Return the newest CRL of a shard, DER; None before the first publication."""
    found = Crl.objects.filter(issuer__label=authority, shard=shard).order_by("-number").first()
    return None if found is None else bytes(found.der)
