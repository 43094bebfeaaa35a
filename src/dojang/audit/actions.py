"""Writing into the audit trail."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connection

from dojang.audit.errors import AuditUnwrittenError
from dojang.audit.models import Chain
from dojang.guard.budgets import EVERYBODY
from dojang.guard.rounds import Round
from dojang.ports.trail import event_body, head_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dojang.ports.acting import Acting
    from dojang.ports.world import World

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that is going to be recorded with others of its transaction (`record_events`)."""

    type: str
    acting: Acting
    subject: str
    at: datetime
    data: dict[str, Any]


def draft_event(
    type: str,  # noqa: A002 - the word of the trail itself
    /,
    *,
    acting: Acting,
    subject: str,
    at: datetime,
    **data: Any,
) -> Draft:
    """Say what `record_events` is to append; arguments as for `record_event`."""
    return Draft(type, acting, subject, at, data)


def record_events(drafts: Iterable[Draft]) -> None:
    """Append many events, in their order, inside the caller's transaction: one statement for all.

    Locks and errors as for `record_event`; nothing is written when one of them cannot be.
    """
    if not connection.in_atomic_block:
        raise AuditUnwrittenError("an event belongs to the transaction of what it tells")
    try:
        bodies = [
            event_body(one.type, acting=one.acting, subject=one.subject, at=one.at, data=one.data)
            for one in drafts
        ]
        if bodies:
            with connection.cursor() as cursor:
                cursor.execute("SELECT seq FROM audit_append_many(%b::text[])", [bodies])
    except (DatabaseError, ValueError, TypeError) as error:
        raise AuditUnwrittenError(type_name(error)) from error


def record_event(
    type: str,  # noqa: A002 - the word of the trail itself
    /,
    *,
    acting: Acting,
    subject: str = "",
    at: datetime | None = None,
    **data: Any,
) -> tuple[int, int]:
    """Append one event inside the caller's transaction and return (chain, sequence number).

    `type` is ``subject:verb`` (``certificate:issued``), `subject` the id of what it is about, `at` the
    moment by the caller's clock (the database's, when left out), `data` plain JSON values without secrets.
    The chain's head stays locked until the transaction ends: record as late as you can.
    Raises `AuditUnwrittenError` outside a transaction and whenever the database refuses.
    """
    if not connection.in_atomic_block:
        raise AuditUnwrittenError("an event belongs to the transaction of what it tells")
    try:
        with connection.cursor() as cursor:
            if at is None:
                cursor.execute("SELECT clock_timestamp()")
                at = cursor.fetchone()[0]
            body = event_body(type, acting=acting, subject=subject, at=at, data=data)
            cursor.execute("SELECT chain, seq FROM audit_append(%s)", [body])
            chain, seq = cursor.fetchone()
    except (DatabaseError, ValueError, TypeError) as error:
        # The sentence of the database may quote the body; only the class of the failure goes on.
        raise AuditUnwrittenError(type_name(error)) from error
    return chain, seq


def tell_brakes(names: Iterable[str], *, acting: Acting, at: datetime) -> None:
    """Record that budgets of wrong entries were used up just now, and from where. In a transaction."""
    for name in names:
        level = logging.ERROR if name == EVERYBODY else logging.WARNING
        log.log(level, "wrong entries are slowed from now on", extra={"budget": name})
        record_event("brake:on", acting=acting, subject=name, at=at)


def type_name(error: BaseException) -> str:
    """Name the class of an error, for a sentence that must not quote data."""
    return type(error).__name__


def _chains() -> list[int]:
    return list(Chain.objects.order_by("id").values_list("id", flat=True))


def _head(number: int) -> tuple[str, str]:
    """Return one chain's head. Raises `MalformedError` for what can be no head."""
    head = Chain.objects.get(pk=number)
    return str(number), head_text(head.seq, bytes(head.hash))


def anchor_heads(*, acting: Acting, world: World) -> dict[str, str]:
    """Write the present heads into the signer's journal, outside the database; returns them.

    From then on a trail cut shorter than these heads is found out by `queries.verify_chains`. A damaged head
    is put aside: nobody could compare with it, and the signer would refuse it.
    """
    del acting  # an anchor tells of the trail itself; the signer's journal keeps who asked
    tended = Round[tuple[str, str]]("audit.anchor_heads.chains", world.clock.now(), world.signer)
    heads = dict(tended.each(_chains(), _head))
    world.signer.anchor(heads=heads)
    return heads
