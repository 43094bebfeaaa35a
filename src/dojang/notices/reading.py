"""Notices as their customer reads them again: what was said, when, and by which channels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from dojang.guard.sealing import sealer
from dojang.notices.actions import notice_words
from dojang.notices.models import Notice
from dojang.products.messages import render

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.world import World

#: Notices of one occasion that are fetched for each one shown.
_CHANNELS = 6


@dataclass(frozen=True, slots=True)
class Letter:
    """One occasion, told by one or more channels (``sms`` ``mail`` ``push``)."""

    at: datetime
    subject: str
    text: str
    channels: tuple[str, ...]


def letters_of(customer_id: str, *, locale: str, world: World, limit: int = 50) -> tuple[Letter, ...]:
    """List what a customer was told, newest first, in the reader's language."""
    rows = Notice.objects.filter(customer_id=customer_id).order_by("-created_at", "message_id", "id")
    found = []
    occasions = groupby(rows[: limit * _CHANNELS], key=lambda row: (row.created_at, row.message_id))
    for (at, message_id), group in occasions:
        told = list(group)
        row = str(told[0].id)
        args = sealer().open(bytes(told[0].args), table="notices_notice", column="args", row=row)
        words = notice_words(args, locale, world=world)
        found.append(
            Letter(
                at,
                render(f"notice.{message_id}.subject", locale, **words),
                render(f"notice.{message_id}.text", locale, **words),
                tuple(dict.fromkeys(sorted(notice.channel for notice in told))),
            )
        )
    return tuple(found[:limit])
