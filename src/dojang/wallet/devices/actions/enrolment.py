"""Turning finger or face on and off for the bank certificate of a telephone; the holder is told.

On: the pattern is proven first, which alone gives a challenge for the new credential; telephone and keeper
then answer that one within its minute. Off: no proof is needed, since it only makes things safer.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from dojang.journeys.delivery import verify_device
from dojang.notices.letters import Letters, gather
from dojang.pki.passkeys import PasskeyRefusedError, creation_options, read_registration, relying_party
from dojang.products.messages import render
from dojang.wallet.devices.actions.biometrics import end_biometrics, keep_biometric, live_biometric, user_of
from dojang.wallet.devices.actions.patterns import (
    begin_challenge,
    pattern_on,
    spend_challenge,
    usable_pattern,
    verify_challenge,
)
from dojang.wallet.devices.errors import BiometricRefusedError, BiometricUnavailableError
from dojang.wallet.devices.models import Biometric, Device, DeviceKey

if TYPE_CHECKING:
    from datetime import datetime

    from django.db import models

    from dojang.pki.passkeys import Passkey, RelyingParty
    from dojang.ports.acting import Acting
    from dojang.ports.credentials import PatternChallenge
    from dojang.ports.world import World

_PROVE: Final = "biometric:prove"
_REGISTER: Final = "biometric:register"


@dataclass(frozen=True, slots=True)
class Setting:
    """How it stands on a telephone; `origin` is the address it works at, if there is one.

    `state`: ``none`` (no usable bank certificate), ``elsewhere`` (not at this address), ``off`` or ``on``.
    """

    state: str
    origin: str = ""
    since: datetime | None = None
    used: datetime | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """What makes a credential: a challenge, and `options` as PublicKeyCredentialCreationOptionsJSON."""

    challenge_id: str
    challenge: bytes
    options: dict[str, Any]


def read_setting(device_id: str, *, origin: str, world: World) -> Setting:
    """Tell how it stands on a telephone, for a page at `origin`."""
    key = pattern_on(device_id) if device_id else None
    party = relying_party(world.policy.addresses.public_url)
    place = "" if party is None else party.origin
    if key is None:
        return Setting("none", place)
    row = live_biometric(key)
    if row is not None:
        return Setting("on", place, row.created_at, row.used_at)
    return Setting("off" if place == origin else "elsewhere", place)


def ask_pattern(device_id: str, *, origin: str, world: World) -> PatternChallenge:
    """Make the challenge the pattern is proven by, before anything is turned on.

    Raises `BiometricUnavailableError`.
    """
    held, _party = _possible(device_id, origin=origin, world=world)
    key = f"biometric:{secrets.token_hex(16)}"
    return _challenge(held, device_id, purpose=f"{_PROVE}|{origin}", key=key, world=world)


def prove_pattern(
    device_id: str,
    challenge_id: str,
    *,
    mac: bytes,
    signature: bytes,
    origin: str,
    acting: Acting,
    world: World,
) -> Registration:
    """Check the pattern; return what the telephone needs to register its keeper, good for a minute, once.

    Raises `BiometricUnavailableError`, `BiometricRefusedError` (data ``reason``).
    """
    held, party = _possible(device_id, origin=origin, world=world)
    purpose = f"{_PROVE}|{origin}"
    proof = verify_challenge(
        challenge_id, mac=mac, signature=signature, purpose=purpose, acting=acting, world=world
    )
    if not proof.ok or proof.owner != held.customer_id:
        raise BiometricRefusedError(reason=proof.reason or "unknown")
    made = _challenge(
        held, device_id, purpose=f"{_REGISTER}|{origin}", key=f"biometric:{challenge_id}:on", world=world
    )
    bank = world.policy.bank.name(acting.locale)
    options = creation_options(
        party,
        name=bank,
        challenge=made.challenge,
        user=user_of(held),
        label=render(f"product.{held.product}.named", "en" if acting.locale == "en" else "ko"),
        seconds=world.policy.devices.challenge_ttl,
    )
    return Registration(made.id, made.challenge, options)


def turn_on(
    device_id: str,
    challenge_id: str,
    *,
    credential: bytes,
    signature: bytes,
    origin: str,
    acting: Acting,
    world: World,
) -> None:
    """Turn it on with the credential the telephone made, and tell the holder.

    `credential` is RegistrationResponseJSON, `signature` the device key's, both over the challenge that
    `prove_pattern` gave. Raises `BiometricUnavailableError`, `BiometricRefusedError` (data ``reason``).
    """
    held, party = _possible(device_id, origin=origin, world=world)
    taken = spend_challenge(challenge_id, purpose=f"{_REGISTER}|{origin}", acting=acting, world=world)
    if isinstance(taken, str):
        raise BiometricRefusedError(reason=taken)
    key, challenge = taken
    if key.id != held.id or not verify_device(
        public_key=bytes(key.public_key), content=challenge, signature=signature
    ):
        raise BiometricRefusedError(reason="wrong")
    try:
        passkey = read_registration(credential, party=party, challenge=challenge)
    except PasskeyRefusedError as error:
        raise BiometricRefusedError(reason="registration") from error
    letters = Letters(gather([key.customer_id], world=world))
    with transaction.atomic():
        row = _keep(key, passkey, acting=acting, world=world)
        letters.add(key.customer_id, "biometric_on", row.id)
        letters.write(acting=acting, world=world)


def _keep(key: DeviceKey, passkey: Passkey, *, acting: Acting, world: World) -> Biometric:
    """Keep it, if device and key are still good: a hold or a re-issue at this moment comes first or after."""
    Device.objects.select_for_update().get(id=key.device_id)
    DeviceKey.objects.select_for_update().get(id=key.id)
    still = usable_pattern(key.customer_id)
    if still is None or still.id != key.id:
        raise BiometricRefusedError(reason="blocked")
    if Biometric.objects.filter(credential_id=passkey.id).exists():
        raise BiometricRefusedError(reason="registration")
    return keep_biometric(still, passkey, acting=acting, world=world)


def turn_off(device_id: str, *, acting: Acting, world: World) -> bool:
    """Turn it off for the bank certificate of a telephone, and tell the holder; False when it was not on."""
    key = pattern_on(device_id) if device_id else None
    return key is not None and _end(Biometric.objects.filter(device_key=key), acting=acting, world=world)


def turn_off_of(customer_id: str, device_row: str, *, acting: Acting, world: World) -> bool:
    """Turn it off for one of a customer's own devices (`Device.id`); False when it was not on."""
    rows = Biometric.objects.filter(device_key__customer_id=customer_id, device_key__device_id=device_row)
    return _end(rows, acting=acting, world=world)


def _end(rows: models.QuerySet[Biometric], *, acting: Acting, world: World) -> bool:
    on = list(rows.filter(ended_at=None).select_related("device_key"))
    if not on:
        return False
    letters = Letters(gather([row.device_key.customer_id for row in on], world=world))
    with transaction.atomic():
        ended = end_biometrics(rows, "turned_off", acting=acting, world=world)
        for row in ended:
            letters.add(row.device_key.customer_id, "biometric_off", row.id)
        letters.write(acting=acting, world=world)
    return bool(ended)


def _possible(device_id: str, *, origin: str, world: World) -> tuple[DeviceKey, RelyingParty]:
    """Return the key it can be turned on for, and who we are. Raises `BiometricUnavailableError`."""
    key = pattern_on(device_id) if device_id else None
    party = relying_party(world.policy.addresses.public_url)
    if key is None or party is None or party.origin != origin:
        raise BiometricUnavailableError
    return key, party


def _challenge(held: DeviceKey, device_id: str, *, purpose: str, key: str, world: World) -> PatternChallenge:
    made = begin_challenge(held.customer_id, device_id=device_id, purpose=purpose, key=key, world=world)
    if made is None:
        raise BiometricUnavailableError
    return made
