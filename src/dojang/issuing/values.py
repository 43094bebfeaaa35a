"""What is handed to the door: a request, the evidence it rests on, the key it is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """That something was proven. `customer_id` is whose it is, or empty for what belongs to nobody."""

    id: str  #: spent once, by whatever order
    name: str
    purpose: str
    customer_id: str
    at: datetime
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    """What the bank is to register once the certificate is active; an empty `address` stays as it is."""

    email: str = field(repr=False)
    address: str = field(default="", repr=False)
    changed: tuple[str, ...] = ()  #: ``email``, ``address``: what differs from before


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """One wanted certificate, as somebody asks for it. The same `id` always means the same certificate."""

    id: str  #: idempotency key, ≤ 32 characters
    product: str
    profile: str  #: id in `dojang.pki.profiles.PROFILES`
    customer_id: str
    origin: str  #: ``journey``, ``staging`` …
    custody: str  #: ``wallet`` | ``device`` | ``csr``
    key_id: str  #: of a key that was offered to this custody
    evidence: tuple[Evidence, ...]
    not_after: datetime | None = None  #: None lets the authority decide
    reason: str = "superseded"  #: what a certificate this one takes the place of is revoked for
    proof_key: bytes | None = field(default=None, repr=False)  #: by which a pattern is proven (device)
    app_version: str = ""
    waits: bool = False  #: if it replaces a certificate: active only after the bank's ``reissue.wait``
    contact: NewContact | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedKey:
    """A key somebody made for an order that is still to be placed under `order_id`.

    `request` is a certification request (PKCS#10, DER) for custody ``csr``; `public_key` is
    SubjectPublicKeyInfo, DER, for the others.
    """

    key_id: str
    order_id: str
    custody: str  #: as in the order
    customer_id: str
    product: str
    public_key: bytes = b""
    vid: bytes = b""
    sealed: bytes = field(default=b"", repr=False)  #: the database's half of a wallet key
    device_id: str = ""
    algorithm: str = ""
    request: bytes = b""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a certificate is made out to; `vid` is None for one without a virtual ID."""

    public_key: bytes
    vid: bytes | None
    algorithm: str = ""
