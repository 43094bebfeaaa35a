"""Where the key of an ordered certificate lives, and the five verbs every such place has.

``offer``: keep what was made for an order to come. ``keys_of``: what certificates are made out to.
``deliver``: hand the certificate over; a challenge comes back where its holder must say that it is stored.
``accept``: the certificate is active now. ``discard``: the order came to nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from dojang.issuing.models import BroughtKey
from dojang.issuing.values import PublicKey
from dojang.pki.requests import read_request
from dojang.wallet.devices import actions as devices
from dojang.wallet.devices.errors import DeviceKeyUsedError
from dojang.wallet.keys import actions as keys
from dojang.wallet.keys.errors import WalletKeyNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dojang.audit.actions import Draft
    from dojang.ca.models import Certificate
    from dojang.issuing.models import Order
    from dojang.issuing.queries import OrderView
    from dojang.issuing.store import OrderBody
    from dojang.issuing.values import OfferedKey
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

_CHALLENGE: Final = 32


@dataclass(frozen=True, slots=True)
class Accepted:
    """A certificate that is becoming active, for the key of its order."""

    key_id: str
    body: OrderBody
    certificate: Certificate
    acting: Acting


class Custody(Protocol):
    """A place for keys. All verbs but `keys_of` and `deliver` run inside the caller's transaction."""

    def offer(self, key: OfferedKey, *, acting: Acting, world: World) -> None:
        """Keep a key for the order that will name it; the order's earlier keys go."""

    def keys_of(self, wanted: Sequence[tuple[str, str]]) -> list[PublicKey | None]:
        """Return keys that were offered, by (key id, customer id); none where there is none to be used."""

    def deliver(self) -> str:
        """Return the challenge (hexadecimal) the holder answers with the new key, or nothing to wait for."""

    def accept(self, taken: Sequence[Accepted], *, world: World) -> list[Draft]:
        """Make keys the ones in use, in the transaction that makes their certificates active.

        Returns events about it that are still to be recorded. Raises for the first that cannot be.
        """

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

    def keys_of(self, wanted: Sequence[tuple[str, str]]) -> list[PublicKey | None]:
        """Return the prepared keys."""
        found = keys.prepared_keys(wanted)
        return [None if key is None else PublicKey(key.public_key, key.vid) for key in found]

    def deliver(self) -> str:
        """Return nothing: the wallet is ours and has the certificate as soon as we do."""
        return ""

    def accept(self, taken: Sequence[Accepted], *, world: World) -> list[Draft]:
        """Put the certificates into the wallet."""
        wanted = [(one.key_id, one.certificate, one.acting) for one in taken]
        return keys.accept_certificates(wanted, world=world)

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

    def keys_of(self, wanted: Sequence[tuple[str, str]]) -> list[PublicKey | None]:
        """Return the offered keys."""
        return [
            None if key is None else PublicKey(bytes(key.public_key), bytes(key.vid) or None, key.algorithm)
            for key in devices.offered_keys(wanted)
        ]

    def deliver(self) -> str:
        """Return a fresh challenge: the device signs it once it has stored the certificate."""
        return secrets.token_hex(_CHALLENGE)

    def accept(self, taken: Sequence[Accepted], *, world: World) -> list[Draft]:
        """Register each device with its key and, if there is one, its pattern; the events are recorded."""
        for one in taken:
            devices.accept_device_certificate(
                one.key_id,
                one.certificate,
                proof_key=bytes.fromhex(one.body.proof_key) or None,
                label=one.body.label,
                platform=one.body.platform,
                app_version=one.body.app_version,
                acting=one.acting,
                world=world,
            )
        return []

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

    def keys_of(self, wanted: Sequence[tuple[str, str]]) -> list[PublicKey | None]:
        """Return the keys that were brought."""
        rows = BroughtKey.objects.filter(id__in=[key_id for key_id, _ in wanted])
        usable = {(row.id, row.customer_id): row for row in rows.exclude(state=BroughtKey.State.RETIRED)}
        found = [usable.get(one) for one in wanted]
        return [
            None if row is None else PublicKey(bytes(row.public_key), None, row.algorithm) for row in found
        ]

    def deliver(self) -> str:
        """Return a fresh challenge: whoever holds the key signs it with the certificate in hand."""
        return secrets.token_hex(_CHALLENGE)

    def accept(self, taken: Sequence[Accepted], *, world: World) -> list[Draft]:
        """Note that the keys are in use."""
        del world
        BroughtKey.objects.filter(id__in=[one.key_id for one in taken]).update(state=BroughtKey.State.LIVE)
        return []

    def discard(self, order_id: str, *, acting: Acting, world: World) -> int:
        """Retire the key: it may have been certified for a moment, and is never certified again."""
        del acting, world
        rows = BroughtKey.objects.filter(order_id=order_id, state=BroughtKey.State.PREPARED)
        return rows.update(state=BroughtKey.State.RETIRED)


CUSTODIES: Final[dict[str, Custody]] = {"wallet": Wallet(), "device": DeviceCustody(), "csr": Csr()}


def custody_of(order: Order) -> Custody:
    """Return where an order's key lives."""
    return CUSTODIES[order.custody]


def key_of(order: Order | OrderView) -> PublicKey:
    """Return the key an order's certificate is made out to. Raises `WalletKeyNotFoundError`."""
    (key,) = CUSTODIES[order.custody].keys_of([(order.key_id, order.customer_id)])
    if key is None:
        raise WalletKeyNotFoundError(key=order.key_id)
    return key
