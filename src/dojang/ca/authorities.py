"""Authorities as the other modules need them: frozen, read from rows, with their addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.ca.errors import AuthorityMissingError
from dojang.ca.models import Authority
from dojang.pki.certificate import read_issuer
from dojang.pki.rules import Urls

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.pki.names import Name
    from dojang.ports.policy import Policy


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authority with its certificate: everything that building, signing and checking need."""

    id: int
    label: str  #: name of the key in the signer
    role: str  #: ``root`` | ``issuing`` | ``ocsp``
    algorithm: str  #: of the key: ``ec-p256`` …
    public_key: bytes
    certificate: bytes  #: DER
    not_after: datetime

    @property
    def name(self) -> Name:
        """The subject of its certificate."""
        return read_issuer(self.certificate).facts.subject_name

    @property
    def key_hash(self) -> bytes:
        """SHA-1 of its key: how OCSP names a responder."""
        return read_issuer(self.certificate).facts.key.identifier


def in_force(role: str, now: datetime, *, parent_id: int | None = None) -> Issuer:
    """Return the newest authority of a role that is valid now. Raises `AuthorityMissingError`."""
    rows = Authority.objects.filter(
        role=role, certificate__isnull=False, not_before__lte=now, not_after__gte=now
    )
    if parent_id is not None:
        rows = rows.filter(parent_id=parent_id)
    row = rows.order_by("-not_before", "-id").first()
    if row is None:
        raise AuthorityMissingError(role=role)
    return issuer_of(row)


def issuer_of(row: Authority) -> Issuer:
    """Freeze a row that has its certificate."""
    if row.certificate is None or row.not_after is None:
        raise AuthorityMissingError(role=row.role)
    return Issuer(
        row.id,
        row.label,
        row.role,
        row.algorithm,
        bytes(row.public_key),
        bytes(row.certificate),
        row.not_after,
    )


def signing_side(row: Authority) -> Issuer:
    """Freeze what checking a signature needs; a root that is just being made has no certificate yet."""
    if row.certificate is None:
        return Issuer(row.id, row.label, row.role, row.algorithm, bytes(row.public_key), b"", row.created_at)
    return issuer_of(row)


def crl_url(policy: Policy, label: str, shard: int) -> str:
    """Address of one shard's CRL: written into certificates, and the scope of that CRL."""
    return f"{policy.public_url.rstrip('/')}/crl/{label}/{shard}.crl"


def urls_for(policy: Policy, issuer_label: str, shard: int) -> Urls:
    """Addresses for a certificate issued by `issuer_label` in `shard`."""
    base = policy.public_url.rstrip("/")
    return Urls(
        ocsp=f"{base}/ocsp",
        crl=crl_url(policy, issuer_label, shard),
        aia=f"{base}/aia/{issuer_label}.cer",
        cps=f"{base}/help/",
    )
