"""Authorities as the other modules need them: frozen, read from rows, with their addresses."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.db import connection

from dojang.ca.errors import AuthorityMissingError
from dojang.ca.models import Authority
from dojang.pki.certificate import read_issuer
from dojang.pki.rules import Urls

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.pki.names import Name
    from dojang.ports.policy import Policy

_LIFE = 2.0  #: seconds authorities are remembered
_known = threading.local()


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
    for _ in range(2):
        for row in _remembered():
            fits = row.role == role and parent_id in {None, row.parent_id}
            if fits and row.not_before and row.not_after and row.not_before <= now <= row.not_after:
                return issuer_of(row)
        _known.until = 0.0  # nothing fits: look once whether there is a new one
    raise AuthorityMissingError(role=role)


def by_id(authority_id: int) -> Authority:
    """Return an authority that has its certificate. Raises `AuthorityMissingError`."""
    for _ in range(2):
        for row in _remembered():
            if row.pk == authority_id:
                return row
        _known.until = 0.0
    raise AuthorityMissingError


def _remembered() -> list[Authority]:
    """Return all authorities with a certificate, newest first, read at most every `_LIFE` seconds.

    Remembered for one database session: what a certificate says never changes, only new ones come.
    """
    connection.ensure_connection()
    fresh = time.monotonic() < getattr(_known, "until", 0.0)
    if not fresh or getattr(_known, "session", None) is not connection.connection:
        rows = Authority.objects.filter(certificate__isnull=False).order_by("-not_before", "-id")
        _known.rows = list(rows)
        _known.session, _known.until = connection.connection, time.monotonic() + _LIFE
    found: list[Authority] = _known.rows
    return found


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
    return f"{_status_base(policy)}/crl/{label}/{shard}.crl"


def _status_base(policy: Policy) -> str:
    return (policy.addresses.status_url or policy.addresses.public_url).rstrip("/")


def _practice_base(policy: Policy) -> str:
    """Return the base of the practice statement's address; a name without a dot has no place in it."""
    host = urlsplit(policy.addresses.public_url).hostname or ""
    return policy.addresses.public_url.rstrip("/") if "." in host or ":" in host else _status_base(policy)


def urls_for(policy: Policy, issuer_label: str, shard: int) -> Urls:
    """Addresses for a certificate issued by `issuer_label` in `shard`."""
    base = _status_base(policy)
    return Urls(
        ocsp=f"{base}/ocsp",
        crl=crl_url(policy, issuer_label, shard),
        aia=f"{base}/aia/{issuer_label}.cer",
        cps=f"{_practice_base(policy)}/help/",
    )
