"""Where the key of an ordered certificate lives, and the five verbs every such place has.

``offer``: keep what was made for an order to come. ``key_of``: what the certificate is made out to.
``deliver``: hand the certificate over; a challenge comes back where its holder must say that it is stored.
``accept``: the certificate is active now. ``discard``: the order came to nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Final, Protocol

from dojang.issuing.models import BroughtKey
from dojang.issuing.values import PublicKey
from dojang.pki.requests import read_request
from dojang.wallet.devices import actions as devices
from dojang.wallet.devices.errors import DeviceKeyUsedError
from dojang.wallet.keys import actions as keys
from dojang.wallet.keys.errors import WalletKeyNotFoundError

if TYPE_CHECKING:
    from dojang.ca.models import Certificate
    from dojang.issuing.models import Order
    from dojang.issuing.store import OrderBody
    from dojang.issuing.values import OfferedKey
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

_CHALLENGE: Final = 32


class Custody(Protocol):
    """A place for keys. All verbs but `key_of` and `deliver` run inside the caller's transaction."""

    def offer(self, key: OfferedKey, *, acting: Acting, world: World) -> None:
        """Keep a key for the order that will name it; the order's earlier keys go."""

    def key_of(self, key_id: str, customer_id: str) -> PublicKey:
        """Return a key that was offered. Raises `WalletKeyNotFoundError`."""

    def deliver(self) -> str:
        """Return the challenge (hexadecimal) the holder answers with the new key, or nothing to wait for."""

    def accept(
        self, key_id: str, body: OrderBody, certificate: Certificate, *, acting: Acting, world: World
    ) -> None:
        """Make the key the one in use, in the transaction that makes the certificate active."""

    def discard(self, order_id: str, *, acting: Acting, world: World) -> int:
        """Give up keys that were offered for an order and never certified; return how many."""


class Wallet:
    """Keys made and kept in the signer, gated by a PIN: nothing has to be handed over."""

    def offer(self, key: OfferedKey, *, acting: Acting, world: World) -> None:
        """Keep the key the signer made."""
        keys.keep_prepared(
            key_id=key.key_id,
            customer_id=key.customer_id,
            product=key.product,
            run_id=key.order_id,
            public_key=key.public_key,
            vid=key.vid,
            sealed=key.sealed,
            acting=acting,
            world=world,
        )

    def key_of(self, key_id: str, customer_id: str) -> PublicKey:
        """Return the prepared key."""
        key = keys.prepared_key(key_id=key_id, customer_id=customer_id)
        return PublicKey(key.public_key, key.vid)

    def deliver(self) -> str:
        """Return nothing: the wallet is ours and has the certificate as soon as we do."""
        return ""

    def accept(
        self, key_id: str, body: OrderBody, certificate: Certificate, *, acting: Acting, world: World
    ) -> None:
        """Put the certificate into the wallet."""
        del body
        keys.accept_certificate(key_id, certificate, acting=acting, world=world)

    def discard(self, order_id: str, *, acting: Acting, world: World) -> int:
        """Retire the prepared keys."""
        return keys.discard_prepared(order_id, acting=acting, world=world)


class DeviceCustody:
    """Keys made on a telephone or browser that never leave it."""

    def offer(self, key: OfferedKey, *, acting: Acting, world: World) -> None:
        """Keep the public half. Raises `DeviceKeyUsedError`."""
        devices.keep_device_key(
            key_id=key.key_id,
            customer_id=key.customer_id,
            product=key.product,
            run_id=key.order_id,
            device_id=key.device_id,
            algorithm=key.algorithm,
            public_key=key.public_key,
            vid=key.vid,
            acting=acting,
            world=world,
        )

    def key_of(self, key_id: str, customer_id: str) -> PublicKey:
        """Return the offered key."""
        key = devices.offered_key(key_id=key_id, customer_id=customer_id)
        return PublicKey(bytes(key.public_key), bytes(key.vid) or None, key.algorithm)

    def deliver(self) -> str:
        """Return a fresh challenge: the device signs it once it has stored the certificate."""
        return secrets.token_hex(_CHALLENGE)

    def accept(
        self, key_id: str, body: OrderBody, certificate: Certificate, *, acting: Acting, world: World
    ) -> None:
        """Register the device with its key and, if there is one, its pattern."""
        devices.accept_device_certificate(
            key_id,
            certificate,
            proof_key=bytes.fromhex(body.proof_key) or None,
            label=body.label,
            platform=body.platform,
            app_version=body.app_version,
            acting=acting,
            world=world,
        )

    def discard(self, order_id: str, *, acting: Acting, world: World) -> int:
        """Retire the offered keys."""
        return devices.discard_offered(order_id, acting=acting, world=world)


class Csr:
    """Keys somebody made elsewhere and brought in a certification request; they stay where they are."""

    def offer(self, key: OfferedKey, *, acting: Acting, world: World) -> None:
        """Check the request (proof of possession) and keep its public key.

        Raises `MalformedError`, `ProfileError`, `VerificationError` for the request; `DeviceKeyUsedError` for
        a key that was ever brought for another order.
        """
        asked = read_request(key.request)
        fingerprint = hashlib.sha256(asked.public_key).digest()
        kept = BroughtKey.objects.filter(fingerprint=fingerprint).first()
        if kept is not None:
            if (kept.id, kept.order_id, kept.state) == (key.key_id, key.order_id, BroughtKey.State.PREPARED):
                return
            raise DeviceKeyUsedError
        self.discard(key.order_id, acting=acting, world=world)
        BroughtKey.objects.create(
            id=key.key_id,
            order_id=key.order_id,
            customer_id=key.customer_id,
            product=key.product,
            algorithm=asked.algorithm,
            public_key=asked.public_key,
            fingerprint=fingerprint,
            created_at=world.clock.now(),
        )

    def key_of(self, key_id: str, customer_id: str) -> PublicKey:
        """Return the key that was brought."""
        row = BroughtKey.objects.filter(id=key_id, customer_id=customer_id).first()
        if row is None or row.state == BroughtKey.State.RETIRED:
            raise WalletKeyNotFoundError(key=key_id)
        return PublicKey(bytes(row.public_key), None, row.algorithm)

    def deliver(self) -> str:
        """Return a fresh challenge: whoever holds the key signs it with the certificate in hand."""
        return secrets.token_hex(_CHALLENGE)

    def accept(
        self, key_id: str, body: OrderBody, certificate: Certificate, *, acting: Acting, world: World
    ) -> None:
        """Note that the key is in use."""
        del body, certificate, acting, world
        BroughtKey.objects.filter(id=key_id).update(state=BroughtKey.State.LIVE)

    def discard(self, order_id: str, *, acting: Acting, world: World) -> int:
        """Retire the key: it may have been certified for a moment, and is never certified again."""
        del acting, world
        rows = BroughtKey.objects.filter(order_id=order_id, state=BroughtKey.State.PREPARED)
        return rows.update(state=BroughtKey.State.RETIRED)


CUSTODIES: Final[dict[str, Custody]] = {"wallet": Wallet(), "device": DeviceCustody(), "csr": Csr()}


def custody_of(order: Order) -> Custody:
    """Return where an order's key lives."""
    return CUSTODIES[order.custody]
