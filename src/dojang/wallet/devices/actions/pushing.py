"""Push messages to browsers on registered devices: who subscribed, what is on its way, and what was the last.

A message is one row for each device, written together with its job; the job hands it to the push service of
that device's browser, again and again with growing pauses until it is taken or worth nothing any more. A
subscription is sealed in its device's row: whoever knows it can write to the browser.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from procrastinate.contrib.django import app as queue

from dojang.audit.actions import record_event
from dojang.guard.rounds import delete_each
from dojang.guard.sealing import sealer
from dojang.ports.acting import Acting
from dojang.ports.errors import PushGoneError, PushRefusedError, SubscriptionRefusedError
from dojang.ports.push import ORDINARY, Manner
from dojang.products.messages import render
from dojang.wallet.devices.models import Device, PushMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.clock import Clock
    from dojang.ports.world import World

log = logging.getLogger(__name__)

STANDING: Final = (Device.State.LIVE, Device.State.HELD)
_LONGEST: Final = 4_096  #: characters of a subscription
_LONGEST_TITLE: Final = 100
_LONGEST_TEXT: Final = 700
#: Tries of one message; the pauses between them grow to about two hours.
MAX_ATTEMPTS: Final = 9
_WAITING: Final = PushMessage.State.WAITING
_LAST: Final = Manner(urgent=True)


# ------------------------------------------------------------------------------------------ subscriptions


def subscribe_push(
    device_id: str,
    subscription: Mapping[str, Any] | None,
    *,
    locale: str = "ko",
    acting: Acting,
    world: World,
) -> bool:
    """Keep a device's subscription (None: forget it); tell whether the device is registered.

    For every customer who registered the device. A held device takes none. Raises
    `SubscriptionRefusedError`, also where no browser can be pushed to.
    """
    states = STANDING if subscription is None else (Device.State.LIVE,)
    kept = None if subscription is None else _checked(subscription, locale, world=world)
    with transaction.atomic():
        rows = list(
            Device.objects.select_for_update().filter(device_id=device_id, state__in=states).order_by("id")
        )
        for row in rows:
            had = row.push is not None
            _keep(row, kept, world=world)
            if had != (kept is not None):
                verb = "push_off" if kept is None else "push_on"
                record_event(f"device:{verb}", acting=acting, subject=row.customer_id, device=row.id)
    return bool(rows)


def renew_push(
    device_id: str, previous: str, subscription: Mapping[str, Any], *, acting: Acting, world: World
) -> bool:
    """Put a subscription in the place of one that the browser has ended; tell whether there was one.

    `previous` is the address of the ended one: only the browser and this centre know it. Raises
    `SubscriptionRefusedError`.
    """
    _checked(subscription, "ko", world=world)
    changed = False
    with transaction.atomic():
        rows = Device.objects.select_for_update().filter(device_id=device_id, state=Device.State.LIVE)
        for row in rows.exclude(push=None).order_by("id"):
            known = push_subscription(row) or {}
            if hmac.compare_digest(str(known.get("endpoint", "")).encode(), previous.encode()):
                _keep(row, _checked(subscription, str(known.get("locale", "ko")), world=world), world=world)
                record_event("device:push_renewed", acting=acting, subject=row.customer_id, device=row.id)
                changed = True
    return changed


def _checked(subscription: Mapping[str, Any], locale: str, *, world: World) -> dict[str, Any]:
    """Return what is kept of a subscription: its address, its keys, and its reader's language."""
    if world.push_service is None or len(repr(dict(subscription))) > _LONGEST:
        raise SubscriptionRefusedError
    world.push_service.check(subscription)
    keys = subscription["keys"]
    return {
        "endpoint": subscription["endpoint"],
        "keys": {name: keys[name] for name in ("p256dh", "auth")},
        "locale": locale if locale in {"ko", "en"} else "ko",
    }


def _keep(row: Device, kept: dict[str, Any] | None, *, world: World) -> None:
    row.push = None if kept is None else sealer().seal(kept, table="wallet_device", column="push", row=row.id)
    row.seen_at = world.clock.now()
    row.save(update_fields=["push", "seen_at"])


def push_subscription(row: Device) -> dict[str, Any] | None:
    """Open a device's push subscription."""
    if row.push is None:
        return None
    return dict(sealer().open(bytes(row.push), table="wallet_device", column="push", row=row.id))


def takes_push(device_id: str) -> bool | None:
    """Tell whether a device has a subscription here; None when it is not registered, or held."""
    found = Device.objects.filter(device_id=device_id, state=Device.State.LIVE)
    kept = list(found.values_list("push", flat=True))
    return any(push is not None for push in kept) if kept else None


def end_push(row: Device, reason: str, *, world: World) -> None:
    """Forget a device's subscription, after one last message that says so. Inside a transaction.

    `reason`: ``held`` or ``replaced``. The message carries its own copy of the subscription and names nobody:
    the device may be in other hands.
    """
    kept = push_subscription(row)
    if kept is None:
        return
    locale, policy = str(kept.get("locale", "ko")), world.policy
    words = {
        "bank": policy.bank.name(locale),
        "bank_phone": policy.bank.phone,
    }
    said = {
        "title": render(f"push.{reason}.title", locale, **words),
        "text": render(f"push.{reason}.text", locale, **words),
    }
    key = f"last|{row.id}|{reason}|{world.clock.now().isoformat()}"
    _write(row, said, key=key, manner=_LAST, clock=world.clock, copy=kept)
    row.push = None
    row.save(update_fields=["push"])


# ------------------------------------------------------------------------------------------ sending


class DevicePush:
    """Implements `dojang.ports.push.Push` for browsers on registered devices: writes rows, asks nobody."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def send(self, *, customer_id: str, title: str, text: str, key: str, manner: Manner = ORDINARY) -> int:
        """See the port. Counts the devices that were subscribed when the key was first used."""
        asked = _digest(customer_id, key)
        with transaction.atomic():
            if not PushMessage.objects.filter(asked=asked).exists():
                rows = Device.objects.filter(customer_id=customer_id, state=Device.State.LIVE)
                for row in rows.exclude(push=None).order_by("id"):
                    said = {"title": title, "text": text}
                    _write(row, said, key=key, manner=manner, clock=self._clock)
        return PushMessage.objects.filter(asked=asked).count()


def _digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _write(
    device: Device,
    said: dict[str, str],
    *,
    key: str,
    manner: Manner,
    clock: Clock,
    copy: dict[str, Any] | None = None,
) -> None:
    """Write a message to one device together with its job, once for a key. Inside a transaction."""
    row, now = secrets.token_hex(16), clock.now()
    topic = _digest(device.id, key)
    shown = {
        "title": said["title"][:_LONGEST_TITLE],
        "text": said["text"][:_LONGEST_TEXT],
        "tag": topic[:32],
        "url": manner.place,
    }
    PushMessage.objects.bulk_create(
        [
            PushMessage(
                id=row,
                key=topic,
                asked=_digest(device.customer_id, key),
                device=device,
                message=sealer().seal(shown, table="wallet_pushmessage", column="message", row=row),
                subscription=None
                if copy is None
                else sealer().seal(copy, table="wallet_pushmessage", column="subscription", row=row),
                urgent=manner.urgent,
                created_at=now,
                until=now + timedelta(seconds=manner.life),
            )
        ],
        ignore_conflicts=True,
    )
    if PushMessage.objects.filter(id=row).exists():
        queue.configure_task("wallet.deliver_push").defer(message_id=row)


def deliver_message(message_id: str, *, world: World) -> str:
    """Hand one message to its push service; return what became of it (a state of `PushMessage`).

    Raises `PushError` for the queue to try again; the last allowed try gives up (``failed``).
    """
    with transaction.atomic():
        row = (
            PushMessage.objects.select_for_update(of=("self",))
            .select_related("device")
            .filter(id=message_id)
            .first()
        )
        if row is None or row.state != _WAITING:
            return "" if row is None else str(row.state)
        row.attempts += 1
        row.save(update_fields=["attempts"])
    life = int((row.until - world.clock.now()).total_seconds())
    subscription = _subscription_of(row)
    if subscription is None or world.push_service is None:
        return _end(row, PushMessage.State.GONE)
    if life <= 0:
        return _end(row, PushMessage.State.LATE)
    message = sealer().open(
        bytes(row.message or b""), table="wallet_pushmessage", column="message", row=row.id
    )
    try:
        world.push_service.post(
            subscription,
            json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode(),
            topic=row.key,
            life=life,
            urgent=row.urgent,
        )
    except PushGoneError:
        _forget(row)
        return _end(row, PushMessage.State.GONE)
    except PushRefusedError as error:
        log.warning("a push message was refused: %s", error.detail)
        return _end(row, PushMessage.State.FAILED)
    except Exception:
        if row.attempts >= MAX_ATTEMPTS:
            _end(row, PushMessage.State.FAILED)
        raise
    return _end(row, PushMessage.State.SENT)


def _subscription_of(row: PushMessage) -> dict[str, Any] | None:
    if row.subscription is not None:
        place = {"table": "wallet_pushmessage", "column": "subscription", "row": row.id}
        return dict(sealer().open(bytes(row.subscription), **place))
    return push_subscription(row.device) if row.device.state == Device.State.LIVE else None


def _forget(row: PushMessage) -> None:
    """Forget the subscription that is gone, unless the browser has brought another one meanwhile."""
    with transaction.atomic():
        device = Device.objects.select_for_update().get(id=row.device_id)
        if device.push is not None and device.push == row.device.push:
            device.push = None
            device.save(update_fields=["push"])
            acting = Acting(kind="system", id="push_service", channel="job")
            record_event("device:push_gone", acting=acting, subject=device.customer_id, device=device.id)


def _end(row: PushMessage, state: PushMessage.State) -> str:
    """Note what became of a message; its words and its copy of a subscription are kept no longer."""
    PushMessage.objects.filter(id=row.id, state=_WAITING).update(state=state, message=None, subscription=None)
    return str(state)


def forget_messages(*, world: World, limit: int = 1000) -> int:
    """Delete messages that have been worth nothing for a day; return how many."""
    old = world.clock.now() - timedelta(days=1)
    rows = PushMessage.objects.filter(until__lt=old)
    return delete_each("wallet.clear_away.messages", rows, now=world.clock.now(), limit=limit)
