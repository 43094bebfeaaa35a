"""What the contracts of the signer share: a signer after its ceremony, customers' keys, bodies to sign."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.unit.signer.processes import (
    ALGORITHM,
    CHEAP,
    Bodies,
    hold_ceremony,
    signer_process,
)

from dojang.pki.build import new_serial
from dojang.pki.crl import CrlEntry, build_tbs_crl
from dojang.pki.ocsp import Single, build_response_data, cert_id
from dojang.pki.signing import describe_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dojang.pki.errors import DojangError
    from dojang.ports.signer import Signer, WalletKeyOffer

PIN, WRONG, IDN = "135790", "246801", "9001011234567"


class Centre(NamedTuple):
    """A signer after its ceremony."""

    signer: Signer
    bodies: Bodies


class WalletKey(NamedTuple):
    """A customer key and what is needed to use it."""

    key_id: str
    customer_id: str
    offer: WalletKeyOffer


@pytest.fixture(scope="module", params=["socket"])
def centre() -> Iterator[Centre]:
    """Return a signer with a root, an issuing authority and a responder, shared by the tests of this file."""
    with signer_process(*CHEAP) as process:
        yield Centre(process.client, hold_ceremony(process.client))


@pytest.fixture
def wallet(centre: Centre) -> WalletKey:
    """Return a fresh customer key whose PIN is `PIN`."""
    return make_key(centre.signer)


def make_key(signer: Signer, pin: str = PIN) -> WalletKey:
    """Make a customer key for a new customer."""
    key_id, customer_id = f"k-{uuid.uuid4()}", f"c-{uuid.uuid4()}"
    offer = signer.create_wallet_key(key_id=key_id, customer_id=customer_id, pin=pin, idn=IDN, previous=None)
    return WalletKey(key_id, customer_id, offer)


def use(signer: Signer, key: WalletKey, pin: str = PIN, text: str = "", purpose: str = "") -> bytes:
    """Sign something with a customer key; something new unless told."""
    digest = hashlib.sha256((text or str(uuid.uuid4())).encode()).digest()
    return signer.sign_with_wallet(
        key_id=key.key_id, sealed=key.offer.sealed, pin=pin, digest=digest, purpose=purpose or "login:1"
    )


def last(signer: Signer) -> int:
    """Return the number of the journal's last entry."""
    entries = signer.journal(limit=1_000_000)
    return entries[-1].seq


def refused(signer: Signer, error: type[DojangError], ask: Callable[[], object]) -> DojangError:
    """Assert that a request is refused with exactly this error and leaves no trace in the journal."""
    before = last(signer)
    with pytest.raises(error) as caught:
        ask()
    assert caught.type is error
    assert last(signer) == before
    return caught.value


def crl(bodies: Bodies, number: int, url: str | None, *serials: int, life: int = 1) -> bytes:
    """Return a TBSCertList of the issuing authority."""
    now = datetime.now(UTC).replace(microsecond=0)
    return build_tbs_crl(
        issuer_certificate=bodies.issuing,
        algorithm=ALGORITHM,
        number=number,
        this_update=now,
        next_update=now + timedelta(days=life),
        entries=[CrlEntry(serial, now, "superseded") for serial in serials],
        idp_url=url,
    )


def response(bodies: Bodies, *, ahead: int = 0, life: float = 0.1) -> bytes:
    """Return a ResponseData of the responder, dated so many days ahead, good for so many days."""
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(days=ahead)
    until = now + timedelta(days=life)
    single = Single(cert_id(bodies.issuing, new_serial()), "good", None, None, now, until)
    return build_response_data(
        responder_key_hash=describe_key(bodies.responder_key).identifier,
        produced_at=now,
        singles=[single],
        nonce=None,
    )
