"""Moving a run to another device: begin on the computer, go on with the telephone, and back.

The device where the run is offers a number of twelve digits and a link for a QR code; each works once, for
ten minutes, and is known here by a keyed digest alone. Whoever brings it gets the run under a new token, and
the session before it is closed. Tries are counted per network source before anything is looked up.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.guard import budgets
from dojang.guard.budgets import Budget
from dojang.guard.sealing import sealer
from dojang.journeys.login import is_void
from dojang.ports.writing import plain_digits
from dojang.ra.access import access_run
from dojang.ra.actions.walking import Started, find_journey, open_page, session_of, turn_of
from dojang.ra.errors import HandoffBlockedError, HandoffNotFoundError, HandoffRefusedError
from dojang.ra.models import Handoff, Run
from dojang.ra.store import open_body

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.acting import Acting
    from dojang.ports.world import World

DIGITS: Final = 12
_NUMBER: Final = re.compile(r"[0-9]{12}")
_LINK: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_FACTOR: Final = "handoff"
_DEVICE_FACT: Final = "device"


@dataclass(frozen=True, slots=True)
class HandoffOffer:
    """A number to type and a link for a QR code, both for the same run; shown once, kept nowhere."""

    number: str = field(repr=False)
    link: str = field(repr=False)
    until: datetime


def offer_handoff(run_id: str, *, acting: Acting, world: World) -> HandoffOffer:
    """Offer an open run to another device; an earlier offer of the run stops working.

    Raises `RunNotFoundError`; `HandoffRefusedError` for a run that is not open, or is bound to its device:
    once the app has named it, the key made there cannot be ordered from another one.
    """
    run = access_run(run_id, acting)
    now = world.clock.now()
    number = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    link = secrets.token_urlsafe(32)
    with transaction.atomic():
        run = Run.objects.select_for_update().get(id=run.id)
        _refuse_bound(run, now=now)
        if is_void(turn_of(run, acting, world).view()):
            raise HandoffRefusedError(reason="over")
        until = min(now + timedelta(seconds=world.policy.handoff.ttl), run.absolute_until)
        run.handoffs.filter(used_at__isnull=True).delete()
        Handoff.objects.create(
            id=secrets.token_hex(16),
            run=run,
            number_index=_index("number", number),
            link_index=_index("link", link),
            created_at=now,
            expires_at=until,
        )
        record_event("run:offered", acting=acting, subject=run.id, at=now, customer=run.customer_id)
    return HandoffOffer(number, link, until)


def _refuse_bound(run: Run, *, now: datetime) -> None:
    is_open = run.state == Run.State.OPEN and now < run.idle_until and now < run.absolute_until
    if not is_open:
        raise HandoffRefusedError(reason="over")
    if _DEVICE_FACT in open_body(run).progress.facts:
        made_here = find_journey(run.journey).product.on_device
        raise HandoffRefusedError(reason="key" if made_here else "device", product=run.product)


def _index(kind: str, value: str) -> bytes:
    return sealer().blind_index(f"handoff.{kind}", value)


def accept_handoff(brought: str, *, acting: Acting, world: World) -> Started:
    """Take a run over with its number (spaces and hyphens do not matter) or its link; both die with it.

    Raises `HandoffNotFoundError` for anything that does not work, whatever the reason, and
    `HandoffBlockedError` after too many of those from one network source. What cannot be either is no try.
    """
    if _read_brought(brought) is None:
        raise HandoffNotFoundError
    taken = _count(acting, world=world)
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        run = _take(brought, token, acting=acting, world=world)
        close = budgets.keep if run is None else budgets.give_back
        close(taken, now=world.clock.now())
    if run is None:
        raise HandoffNotFoundError
    mine = replace(acting, session=run.session)
    return Started(open_page(run.id, acting=mine, world=world), token)


def _count(acting: Acting, *, world: World) -> tuple[int, ...]:
    """Count a try for its source and for everybody together, durably, before anything is looked up."""
    limits = {
        f"source:{acting.source}": world.policy.wrong_entries.handoff,
        "everybody": world.policy.wrong_entries.everybody,
    }
    tries = [Budget(_FACTOR, subject, limit) for subject, limit in limits.items()]
    with transaction.atomic():
        taken = budgets.take(tries, now=world.clock.now())
    if taken is None:
        raise HandoffBlockedError
    return taken


def _take(brought: str, token: str, *, acting: Acting, world: World) -> Run | None:
    """Spend the offer and give its run a new session. Inside a transaction; None when there is none."""
    row = _offer_of(brought)
    now = world.clock.now()
    if row is None or row.used_at is not None or now >= row.expires_at:
        return None
    run = Run.objects.select_for_update().get(id=row.run_id)
    if run.state != Run.State.OPEN or now >= run.idle_until or now >= run.absolute_until:
        return None
    if is_void(turn_of(run, acting, world).view()):
        return None
    row.used_at = now
    row.save(update_fields=["used_at"])
    run.former_session, run.session = run.session, session_of(token)
    run.touched_at = now
    run.idle_until = min(now + timedelta(seconds=world.policy.sessions.idle), run.absolute_until)
    run.source_index = sealer().blind_index("counter.source", acting.source)
    run.save(update_fields=["former_session", "session", "touched_at", "idle_until", "source_index"])
    record_event(
        "run:handed_over", acting=replace(acting, session=run.session), subject=run.id, at=now,
        customer=run.customer_id,
    )  # fmt: skip
    return run


def _read_brought(brought: str) -> tuple[str, str] | None:
    """Tell a number from a link by its form: (kind, value); None for neither."""
    digits, link = plain_digits(brought), brought.strip()
    if _NUMBER.fullmatch(digits):
        return "number", digits
    return ("link", link) if _LINK.fullmatch(link) else None


def _offer_of(brought: str) -> Handoff | None:
    found = _read_brought(brought)
    if found is None:
        return None
    kind, value = found
    wanted = {f"{kind}_index": _index(kind, value)}
    return Handoff.objects.select_for_update().filter(**wanted).first()


def forget_handoffs(*, world: World) -> int:
    """Delete offers that have been over for a day; return how many."""
    old = world.clock.now() - timedelta(days=1)
    return Handoff.objects.filter(expires_at__lt=old).delete()[0]
