"""The signer as the other rooms see it: narrow verbs, no raw signing, no key ever leaves.

Signatures are computed over exactly the bytes given; the signer re-checks them against the profile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dojang.pki.errors import DojangError


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key the signer holds.

    `algorithm`: ``ec-p256`` | ``ec-p384`` | ``rsa-2048`` | ``rsa-3072`` | ``rsa-4096``.
    """

    label: str
    role: str  #: ``root`` | ``issuing`` | ``ocsp`` | ``transport`` (encrypted to, never signs)
    algorithm: str
    public_key: bytes  #: SubjectPublicKeyInfo, DER
    certificate: bytes | None  #: DER, once known to the signer (installed by the ceremony)


@dataclass(frozen=True, slots=True)
class Signed:
    """What the signer's journal recorded for one serial."""

    issuer: str
    serial: int
    tbs_sha256: bytes
    signature: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class WalletKeyOffer:
    """A customer key made inside the signer: public part, VID for the certificate, sealed private part."""

    public_key: bytes  #: SubjectPublicKeyInfo, DER
    vid: bytes  #: 32 bytes, H(H(HashContent)) (KCAC.TS.SIVID)
    sealed: bytes  #: opaque; useless without the PIN *and* the signer's own secret


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of the signer's append-only journal. `body` is the recorded JSON object.

    A damaged line is still a line (`readable` is false, its body empty): it must not hide the ones behind it.
    """

    seq: int
    at: datetime
    verb: str
    body: dict[str, Any]
    hash: bytes
    readable: bool = True


class Signer(Protocol):
    """Port to the signing process. Every verb raises `SignerError` subclasses of `DojangError`."""

    def keys(self) -> tuple[KeyInfo, ...]:
        """Describe every authority key held."""
        ...

    def create_authority_key(self, *, label: str, role: str, algorithm: str) -> KeyInfo:
        """Make an authority key; a repeated call with the same arguments returns the same key."""
        ...

    def install_certificate(self, *, label: str, certificate: bytes) -> None:
        """Give an authority key its certificate; once, and only if the public keys agree."""
        ...

    def sign_certificate(self, *, issuer: str, profile: str, tbs: bytes) -> bytes:
        """Sign a TBSCertificate. Refuses a serial it has seen for this issuer and a body off its profile."""
        ...

    def sign_certificates(
        self, *, issuer: str, wanted: Sequence[tuple[str, bytes]]
    ) -> tuple[bytes | DojangError, ...]:
        """Sign 1 to 256 TBSCertificates, each (profile, body) as `sign_certificate`, all durable together.

        For each, in order, its signature or what it was refused with; the others are signed all the same.
        """
        ...

    def recall_certificate(self, *, issuer: str, serial: int) -> Signed | None:
        """Tell what the journal knows about a serial: used after a crash to finish or void an intent."""
        ...

    def sign_crl(self, *, issuer: str, tbs: bytes) -> bytes:
        """Sign a TBSCertList; the CRL number of a scope only rises."""
        ...

    def sign_ocsp(self, *, responder: str, tbs: bytes) -> bytes:
        """Sign an OCSP ResponseData with a delegated responder key."""
        ...

    def sign_ocsp_many(self, *, responder: str, tbs: Sequence[bytes]) -> tuple[bytes, ...]:
        """Sign 1 to 512 ResponseData as `sign_ocsp` does, all durable together; none when one is refused."""
        ...

    def compute_vid(self, *, idn: str, sealed_r: bytes) -> bytes:
        """Return the VID (32 bytes, KCAC.TS.SIVID) of a number with an R made on the customer's device.

        `sealed_r`: RSA-OAEP-SHA256 of exactly 20 octets under the transport key. Nothing is kept.
        """
        ...

    def create_wallet_key(
        self, *, key_id: str, customer_id: str, pin: str, idn: str, previous: tuple[str, bytes] | None
    ) -> WalletKeyOffer:
        """Make a customer key gated by the PIN and a signer-held secret; idempotent by `key_id`.

        `previous` is (key id, sealed) of the key being replaced: a PIN equal to its PIN is refused
        (`PinReusedError`).
        """
        ...

    def sign_with_wallet(self, *, key_id: str, sealed: bytes, pin: str, digest: bytes, purpose: str) -> bytes:
        """Sign a SHA-256 digest. Counts the attempt durably before the PIN is tried; five wrong lock."""
        ...

    def change_wallet_pin(self, *, key_id: str, sealed: bytes, pin: str, new_pin: str) -> bytes:
        """Seal a customer key under another PIN; return the new sealed part, for the caller to keep.

        Counts the attempt with `pin` as `sign_with_wallet` does. The part before works until the new one is
        used or settled. The same PIN again is `PinReusedError`; nothing is tried then.
        """
        ...

    def settle_wallet_pin(self, *, key_id: str, sealed: bytes) -> None:
        """Say that a part made by `change_wallet_pin` is kept: the parts before it never open again."""
        ...

    def retire_wallet_key(self, *, key_id: str) -> None:
        """Make a customer key unusable for ever."""
        ...

    def anchor(self, *, heads: dict[str, str]) -> None:
        """Write the audit trail's present heads (chain id → "count:hash") into the journal."""
        ...

    def journal(self, *, after: int = 0, limit: int = 1000) -> tuple[JournalEntry, ...]:
        """Read the journal, in order."""
        ...

    def halt(self, *, reason: str) -> None:
        """Stop all signing of certificates and with wallet keys at once; status services go on."""
        ...

    def resume(self, *, reason: str) -> None:
        """Allow signing again."""
        ...
