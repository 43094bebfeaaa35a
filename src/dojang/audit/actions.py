"""Writing into the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connection

from dojang.audit.errors import AuditUnwrittenError
from dojang.audit.models import Chain
from dojang.ports.trail import event_body

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dojang.ports.acting import Acting
    from dojang.ports.signer import Signer
    from dojang.ports.world import World


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


def type_name(error: BaseException) -> str:
    """Name the class of an error, for a sentence that must not quote data."""
    return type(error).__name__


def read_heads() -> dict[str, str]:
    """Return each chain's present head as ``count:hash`` (hex), keyed by the chain's number."""
    return {str(head.id): f"{head.seq}:{bytes(head.hash).hex()}" for head in Chain.objects.order_by("id")}


def anchor_heads(*, acting: Acting, world: World) -> dict[str, str]:
    """Write the present heads into the signer's journal, outside the database; returns them.

    From then on a trail cut shorter than these heads is found out by `queries.verify_chains`.
    """
    del acting  # an anchor tells of the trail itself; the signer's journal keeps who asked
    return anchor_with(world.signer)


def anchor_with(signer: Signer) -> dict[str, str]:
    """Anchor the present heads with a signer at hand."""
    heads = read_heads()
    signer.anchor(heads=heads)
    return heads
