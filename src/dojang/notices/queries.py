"""What the notices room can tell: a customer's channels now, and those known from before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from dojang.guard.sealing import sealer
from dojang.notices.models import KnownChannel

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dojang.ports.world import World

#: A replaced number or address goes on being told for this long: whoever took over a line or
#: changed the address cannot silence the person it was taken from.
OLD_CHANNEL_LIFE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach a customer. `kind`: ``sms`` (digits), ``mail`` (address) or ``push`` (customer id)."""

    kind: str
    address: str = field(repr=False)


def channels_of(customer_id: str, *, world: World) -> tuple[Channel, ...]:
    """Ask the core bank for every channel registered now. An outside call: never inside a transaction."""
    return reach(customer_id, world=world)[0]


def reach(customer_id: str, *, world: World) -> tuple[tuple[Channel, ...], str]:
    """Ask for the channels registered now and for the language of a customer's notices, as `channels_of`.

    The language is by the bank's record, not by what somebody chose on a screen.
    """
    customer = world.corebank.customer(customer_id)
    found = [Channel("sms", phone.number) for phone in world.corebank.phones(customer_id)]
    if customer.email:
        found.append(Channel("mail", customer.email))
    found.append(Channel("push", customer_id))
    return tuple(found), "en" if customer.kind == "foreigner" else "ko"


def known_channels(customer_id: str, *, now: datetime) -> tuple[Channel, ...]:
    """Channels seen before, those replaced within `OLD_CHANNEL_LIFE` included."""
    return known_channels_of([customer_id], now=now).get(customer_id, ())


def known_channels_of(customers: Iterable[str], *, now: datetime) -> dict[str, tuple[Channel, ...]]:
    """Channels of several customers, as `known_channels`; one read, whoever has none is left out."""
    rows = KnownChannel.objects.filter(customer_id__in=sorted(set(customers))).filter(
        Q(gone_at=None) | Q(gone_at__gt=now - OLD_CHANNEL_LIFE)
    )
    found: dict[str, tuple[Channel, ...]] = {}
    for row in rows.order_by("first_seen", "id"):
        address = sealer().open(
            bytes(row.address), table="notices_knownchannel", column="address", row=str(row.id)
        )
        found[row.customer_id] = (*found.get(row.customer_id, ()), Channel(row.kind, address))
    return found
