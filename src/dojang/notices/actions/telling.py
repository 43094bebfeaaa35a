"""Telling customers: the notice and its job are written in the transaction of what they tell about."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction
from procrastinate.contrib.django import app as queue

from dojang.audit.actions import draft_event, record_events
from dojang.guard.rounds import Round
from dojang.guard.sealing import sealer
from dojang.notices.errors import NoticeNotFoundError
from dojang.notices.models import KnownChannel, Notice
from dojang.notices.queries import Channel, known_channels_of, reach
from dojang.pki.day import local
from dojang.products.messages import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from procrastinate.types import JSONDict

    from dojang.audit.actions import Draft
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

#: A worker that died between sending and noting it may send again only after this long.
MAX_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom to tell, gathered before the transaction: channels registered now, and the language."""

    customer_id: str
    channels: tuple[Channel, ...]
    locale: str


def gather_audience(customer_id: str, *, world: World) -> Audience:
    """Ask the core bank how to reach a customer. An outside call: never inside a transaction."""
    return Audience(customer_id, *reach(customer_id, world=world))


def remember_channels(audience: Audience, *, world: World) -> None:
    """Keep the channels seen now; mark those that are no longer registered as gone. Inside a transaction."""
    now = world.clock.now()
    present: set[tuple[str, bytes]] = set()
    seen = []
    for channel in audience.channels:
        index = sealer().blind_index(f"channel.{channel.kind}", channel.address)
        present.add((channel.kind, index))
        row = uuid.uuid4()
        address = sealer().seal(channel.address, table="notices_knownchannel", column="address", row=str(row))
        seen.append(
            KnownChannel(
                id=row,
                customer_id=audience.customer_id,
                kind=channel.kind,
                address=address,
                address_index=index,
                first_seen=now,
            )
        )
    KnownChannel.objects.bulk_create(seen, ignore_conflicts=True)
    for known in KnownChannel.objects.filter(customer_id=audience.customer_id).order_by("id"):
        is_present = (known.kind, bytes(known.address_index)) in present
        if is_present != (known.gone_at is None):
            known.gone_at = None if is_present else now
            known.save(update_fields=["gone_at"])


def tell(
    audience: Audience,
    message_id: str,
    args: Mapping[str, Any],
    *,
    key: str,
    acting: Acting,
    world: World,
) -> int:
    """Write one notice per channel, registered now or known from before; return how many are new.

    Must run inside the transaction of the change it tells about. `key` names the occasion: the same
    occasion told again writes nothing. `args` are JSON values and never secrets.
    """
    made, drafts = tell_all([Occasion(audience, message_id, dict(args), key, acting)], world=world)
    record_events(drafts)
    return made


@dataclass(frozen=True, slots=True)
class Occasion:
    """One thing to tell one customer; the fields are the arguments of `tell`."""

    audience: Audience
    message_id: str
    args: dict[str, Any] = field(repr=False)
    key: str
    acting: Acting


def tell_all(occasions: Sequence[Occasion], *, world: World) -> tuple[int, list[Draft]]:
    """Write the notices of many occasions, as `tell`, with few statements; return how many are new.

    Also returns the events about them, for the caller to record in the same transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a notice is written in the transaction of what it tells about")
    now = world.clock.now()
    known = known_channels_of({one.audience.customer_id for one in occasions}, now=now)
    notices: list[tuple[int, Notice]] = []
    for place, one in enumerate(occasions):
        before = known.get(one.audience.customer_id, ())
        channels = dict.fromkeys((*one.audience.channels, *before))
        notices.extend((place, _notice(one, channel, now=now)) for channel in channels)
    new = _write([notice for _, notice in notices])
    drafts = []
    for place, one in enumerate(occasions):
        mine = [notice for at, notice in notices if at == place]
        if any(notice.id in new for notice in mine):
            told = draft_event(
                "notice:told",
                acting=one.acting,
                subject=one.audience.customer_id,
                at=now,
                message=one.message_id,
                channels=sorted(notice.channel for notice in mine),
            )
            drafts.append(told)
    return len(new), drafts


def _notice(one: Occasion, channel: Channel, *, now: datetime) -> Notice:
    """Make one channel's notice of an occasion (not saved)."""
    row, customer_id = uuid.uuid4(), one.audience.customer_id
    index = sealer().blind_index(f"channel.{channel.kind}", channel.address).hex()
    once = hashlib.sha256(f"{one.key}|{one.message_id}|{customer_id}|{index}".encode()).hexdigest()
    return Notice(
        id=row,
        key=once,
        customer_id=customer_id,
        message_id=one.message_id,
        args=sealer().seal(one.args, table="notices_notice", column="args", row=str(row)),
        channel=channel.kind,
        address=sealer().seal(channel.address, table="notices_notice", column="address", row=str(row)),
        locale=one.audience.locale,
        created_at=now,
    )


_COLUMNS: Final = (
    "id", "key", "customer_id", "message_id", "args", "channel", "address", "locale", "state", "attempts",
    "created_at",
)  # fmt: skip
_INSERT: Final = f"""
    INSERT INTO notices_notice ({", ".join(_COLUMNS)})
    SELECT w.* FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::bytea[], %b::text[],
                           %b::bytea[], %b::text[], %b::text[], %b::smallint[], %b::timestamptz[]) AS w
    ON CONFLICT DO NOTHING RETURNING id
"""  # noqa: S608 - our own names of columns


def _write(notices: list[Notice]) -> set[uuid.UUID]:
    """Store notices with their jobs, except those told before; return which are new."""
    if not notices:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [[getattr(notice, name) for notice in notices] for name in _COLUMNS])
        new = {row[0] for row in cursor.fetchall()}
    if new:
        jobs: list[JSONDict] = [{"notice_id": str(notice.id)} for notice in notices if notice.id in new]
        queue.configure_task("notices.deliver_notice").batch_defer(*jobs)
    return new


def deliver(notice_id: str, *, world: World) -> Notice:
    """Send one notice. The outside is asked with the notice's id as key, so a repeat is not a second message.

    Raises whatever the outside raised, for the queue to retry; the last allowed attempt marks it failed.
    """
    with transaction.atomic():
        notice = Notice.objects.select_for_update().filter(id=notice_id).first()
        if notice is None:
            raise NoticeNotFoundError(notice=notice_id)
        if notice.state == Notice.State.SENT:
            return notice
        notice.attempts += 1
        notice.save(update_fields=["attempts"])
    try:
        _send(notice, world=world)
    except Exception:
        if notice.attempts >= MAX_ATTEMPTS:
            Notice.objects.filter(id=notice_id).update(state=Notice.State.FAILED)
        raise
    notice.state, notice.sent_at = Notice.State.SENT, world.clock.now()
    notice.save(update_fields=["state", "sent_at"])
    return notice


def _send(notice: Notice, *, world: World) -> None:
    row = str(notice.id)
    address = sealer().open(bytes(notice.address), table="notices_notice", column="address", row=row)
    args = sealer().open(bytes(notice.args), table="notices_notice", column="args", row=row)
    words = notice_words(args, notice.locale, world=world)
    if notice.channel == "sms":
        text = render(f"notice.{notice.message_id}.sms", notice.locale, **words)
        world.sms.send(number=address, text=text, key=row)
        return
    subject = render(f"notice.{notice.message_id}.subject", notice.locale, **words)
    text = render(f"notice.{notice.message_id}.text", notice.locale, **words)
    if notice.channel == "mail":
        world.mail.send(to=address, subject=subject, text=text, key=row)
    else:
        world.push.send(customer_id=address, title=subject, text=text, key=row)


def notice_words(args: Mapping[str, Any], locale: str, *, world: World) -> dict[str, Any]:
    """Turn arguments into words: product and factor names, Korean time, the bank's name and number."""
    words = dict(args)
    if "product" in words:
        words["product"] = render(f"product.{words['product']}.named", locale)
    if "factor" in words:
        words["factor"] = render(f"notice.factor.{words['factor']}", locale)
    if "agent" in words:
        words["agent"] = words["agent"] or render("notice.agent.unknown", locale)
    if "at" in words:
        words["at"] = local(datetime.fromisoformat(words["at"])).strftime("%Y-%m-%d %H:%M")
    policy = world.policy
    words["bank"] = policy.bank.name(locale)
    words["bank_phone"] = policy.bank.phone
    return words


def deliver_waiting(*, world: World, limit: int = 100) -> int:
    """Put waiting notices that have lost their job back on the queue; return how many (a start-up repair)."""
    old = world.clock.now() - timedelta(hours=1)
    tended = Round[None]("notices.deliver_waiting", world.clock.now(), world.signer)
    lost = Notice.objects.filter(state=Notice.State.WAITING, created_at__lt=old, attempts=0)
    rows = list(lost.exclude(id__in=tended.resting()).values_list("id", flat=True)[:limit])

    def requeue(row: uuid.UUID) -> None:
        queue.configure_task("notices.deliver_notice", lock=str(row)).defer(notice_id=str(row))

    return len(tended.each(rows, requeue))
