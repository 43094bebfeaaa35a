"""Between a signed certificate and an active one, when the key is on the customer's device.

The run waits in state ``delivering``: its page carries the certificate, the chain and a challenge. The device
stores them, signs the challenge with the new key and says ``stored``. That answer is committed on its own
before anything follows from it, so a crash right behind it activates the certificate and never forgets it.
``storage_failed``, or no answer in time: the new certificate is revoked, the old one lives. Never none,
never two.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.ca.errors import CertificateNotFoundError
from dojang.ca.queries import certificate_of_order, chain_of
from dojang.journeys import engine
from dojang.journeys.delivery import Delivery, delivery_parts, is_stored
from dojang.journeys.page import FieldError, Message
from dojang.ra.models import Run
from dojang.ra.store import Body, open_body, seal_body
from dojang.wallet.devices.actions import accept_device_certificate, keep_device_key, offered_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ca.models import Certificate
    from dojang.journeys.model import Fact
    from dojang.journeys.page import Page
    from dojang.ports.acting import Acting
    from dojang.ports.world import World
    from dojang.ra.turn import Turn

DEVICE: Final = "device"
STORED, STORAGE_FAILED = "stored", "storage_failed"
_CHALLENGE: Final = 32
_LONGEST: Final = 2_048
_LABEL_LENGTH: Final = 80


# ------------------------------------------------------------------------------------------ the key


def keep_key(turn: Turn, fact: Fact) -> None:
    """Keep the public key a device offered. Inside a transaction. Raises `DeviceKeyUsedError`."""
    values = fact.values
    assert fact.customer is not None
    keep_device_key(
        key_id=values["key_id"],
        customer_id=fact.customer,
        product=turn.run.product,
        run_id=turn.run.id,
        device_id=values["device_id"],
        algorithm=values["algorithm"],
        public_key=bytes.fromhex(values["public_key"]),
        vid=bytes.fromhex(values["vid"]),
        acting=turn.acting,
        world=turn.world,
    )


def is_custodian(body: Body) -> bool:
    """Tell whether the key of this order is on a device."""
    return bool(body.order.get("custody") == DEVICE)


# ------------------------------------------------------------------------------------------ handing over


def begin_delivery(run: Run, certificate: Certificate, *, acting: Acting, world: World) -> None:
    """Put an issuing run into ``delivering``, with a fresh challenge. Commits by itself; once."""
    now, policy = world.clock.now(), world.policy
    until = min(
        now + timedelta(seconds=policy.delivery_within),
        certificate.issued_at + timedelta(seconds=policy.issue_confirm_within),
    )
    with transaction.atomic():
        row = Run.objects.select_for_update().get(id=run.id)
        if row.state != Run.State.ISSUING:
            return
        body = open_body(row)
        seal_body(row, replace(body, order={**body.order, "challenge": secrets.token_hex(_CHALLENGE)}))
        row.state, row.deliver_until = Run.State.DELIVERING, until
        row.revision += 1
        row.save()
        record_event("run:delivering", acting=acting, subject=row.id, at=now, serial=certificate.serial)


def delivery_page(turn: Turn, *, wrong: str = "") -> Page:
    """Make the page of a run whose device has yet to store its certificate; `wrong` is an error's code."""
    run = turn.run
    certificate = certificate_of_order(run.id)
    if certificate is None or run.deliver_until is None:
        raise CertificateNotFoundError
    key = offered_key(key_id=turn.body.order["key_id"], customer_id=run.customer_id)
    delivery = Delivery(
        certificate=certificate.der,
        chain=chain_of(certificate),
        challenge=bytes.fromhex(turn.body.order["challenge"]),
        algorithm=key.algorithm,
        product=run.product,
        key_id=key.id,
        until=run.deliver_until,
    )
    page = engine.make_page(turn.view(), state=str(run.state), parts=delivery_parts(delivery))
    if wrong:
        page = replace(page, errors=(*page.errors, FieldError(wrong, Message(f"error.{wrong}"))))
    return page


def note_stored(turn: Turn, data: Mapping[str, Any]) -> bool:
    """Commit that the device has its certificate; false when its signature does not say so.

    `data`: ``signature`` (base64), and what the device may say of itself: ``label``, ``platform``.
    """
    run, body = turn.run, turn.body
    if run.stored_at is not None:
        return True
    signature = _signature(data)
    key = offered_key(key_id=body.order["key_id"], customer_id=run.customer_id)
    challenge = bytes.fromhex(body.order["challenge"])
    if not signature or not is_stored(
        public_key=bytes(key.public_key), challenge=challenge, signature=signature
    ):
        with transaction.atomic():
            record_event("run:delivery_refused", acting=turn.acting, subject=run.id, customer=run.customer_id)
        return False
    with transaction.atomic():
        row = Run.objects.select_for_update().get(id=run.id)
        if row.state == Run.State.DELIVERING and row.stored_at is None:
            said = {name: _text(data, name) for name in ("label", "platform")}
            body = open_body(row)
            seal_body(row, replace(body, order={**body.order, **said}))
            row.stored_at = turn.world.clock.now()
            row.save()
            record_event("run:stored", acting=turn.acting, subject=row.id, customer=row.customer_id)
        turn.run = row
    return True


def _signature(data: Mapping[str, Any]) -> bytes:
    value = data.get("signature")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        return b""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value[:_LABEL_LENGTH] if isinstance(value, str) else ""


# ------------------------------------------------------------------------------------------ at activation


def accept(body: Body, certificate: Certificate, *, acting: Acting, world: World) -> Body:
    """Make the device's key the live one, in the activation's transaction; return the body without secrets.

    The pattern's proof key is enrolled with the device and leaves the run.
    """
    facts = dict(body.progress.facts)
    pattern, device = facts.pop("pattern", None), facts.get("device")
    proof_key = None if pattern is None else base64.b64decode(pattern.values["proof_key"])
    accept_device_certificate(
        body.order["key_id"],
        certificate,
        proof_key=proof_key,
        label=body.order.get("label", ""),
        platform=body.order.get("platform", ""),
        app_version="" if device is None else str(device.values.get("app_version", "")),
        acting=acting,
        world=world,
    )
    return body.at(replace(body.progress, facts=facts))
