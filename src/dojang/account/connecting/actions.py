"""Connecting a browser: name, birth date and number, then the telephone answers with the number shown.

Until it has answered nothing is told, and nobody is asked who could tell by time: a text is awaited from
whatever number was typed, and a job rings or asks the app, if there is such a customer. Only then whose
telephone it is decides, every channel of the customer is told, and the browser may ask for the PIN.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from procrastinate.contrib.django import app as queue

from dojang.account.browsers.actions import know_browser
from dojang.account.connecting.errors import ConnectBusyError, ConnectGoneError, ConnectRefusedError
from dojang.account.connecting.telephone import TABLE, digits_of, line_of, lives_for, state_of, view_of
from dojang.account.connecting.values import APPROVAL, ARS_CALL, SMS_REPLY
from dojang.account.models import Connecting
from dojang.audit.actions import record_event
from dojang.guard import budgets
from dojang.guard.budgets import Budget
from dojang.guard.sealing import digest_of, sealer
from dojang.notices.letters import Letters, gather
from dojang.products import PRODUCTS
from dojang.products.messages import render
from dojang.ra.queries import holder_of_done
from dojang.wallet.devices.actions import ask_approval
from dojang.wallet.devices.queries import CONNECT, is_asked

if TYPE_CHECKING:
    from dojang.account.connecting.values import ConnectingView, Line
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

log = logging.getLogger("dojang.account")
#: Whose telephone is asked: the product that is opened by a pattern.
_BY_PATTERN: Final = next(product.id for product in PRODUCTS.values() if product.unlock == "pattern")
#: Rows older than this are deleted: whoever is still waiting has long been told that it is over.
KEPT: Final = timedelta(days=1)
#: So long after its end an issue connects the browser it ended in.
JUST: Final = timedelta(minutes=30)


def begin_connecting(line: Line, way: str, *, acting: Acting, world: World) -> str:
    """Begin to connect the browser that gets the token returned. Nobody is asked anything here.

    Raises `ConnectBusyError` after too many from one network source in a day.
    """
    now, policy = world.clock.now(), world.policy
    token, row_id = secrets.token_urlsafe(32), uuid.uuid4()
    begun = Budget("connects", acting.source, policy.connect.per_source)
    if budgets.spent_of([begun], now=now):
        raise ConnectBusyError
    with transaction.atomic():
        budgets.spend([begun], now=now)
        row = Connecting.objects.create(
            id=row_id,
            token=digest_of(token),
            way=way,
            line=sealer().seal(line.as_json(), table=TABLE, column="line", row=str(row_id)),
            locale=acting.locale,
            agent=acting.agent[:80],
            made_at=now,
            until=now + timedelta(seconds=lives_for(way, policy)),
        )
        if way != SMS_REPLY:
            queue.configure_task("account.ask_telephone").defer(connecting_id=str(row.id))
    return token


def connecting_of(token: str, *, world: World) -> ConnectingView:
    """Tell how the browser with this token stands. Raises `ConnectGoneError`."""
    return view_of(_row(token), world=world)


def _row(token: str) -> Connecting:
    row = Connecting.objects.filter(token=digest_of(token)).first() if token else None
    if row is None:
        raise ConnectGoneError
    return row


def ask_telephone(connecting_id: str, *, acting: Acting, world: World) -> None:
    """Ring the telephone or ask its app, if name, birth date and number are a customer's. A job's work.

    So many times a day for one number: beyond that it is left in peace, and a reply by text still connects.
    """
    now = world.clock.now()
    row = Connecting.objects.filter(id=connecting_id, ended_at=None, outside="").first()
    if row is None or now > row.until:
        return
    customer_id, line = _customer_of(row, world=world), line_of(row)
    if customer_id is None or (row.way == APPROVAL and is_asked(customer_id, now=now)):
        return
    limit = world.policy.connect.calls_per_day
    with transaction.atomic():
        taken = budgets.take([Budget("connect_calls", f"phone:{line.phone}", limit)], now=now)
        if taken is not None:
            budgets.keep(taken, now=now)
    if taken is None:
        return
    outside = _ring(row, world=world) if row.way == ARS_CALL else None
    if row.way == APPROVAL:
        asked = ask_approval(
            customer_id, purpose=CONNECT, product=_BY_PATTERN, number=digits_of(row, world.policy),
            locale=row.locale, key=f"connect:{row.id}", acting=acting, world=world,
        )  # fmt: skip
        outside = asked.id if asked else None
    if outside is not None:
        Connecting.objects.filter(id=row.id, ended_at=None).update(outside=outside)


def _ring(row: Connecting, *, world: World) -> str:
    bank = world.policy.bank.name(row.locale)
    return world.telephony.place_call(
        number=line_of(row).phone,
        expect=digits_of(row, world.policy),
        announcement=render("say.connect", row.locale, bank=bank),
        locale=row.locale,
        key=f"connect:{row.id}",
    ).id


def _customer_of(row: Connecting, *, world: World) -> str | None:
    """Find the customer whose name, birth date and number these are."""
    line = line_of(row)
    owner = world.corebank.owner_of_phone(line.phone)
    if owner is None:
        return None
    match = world.corebank.check_person(owner, name=line.name, phone=line.phone, birth=line.birth)
    return owner if match.ok else None


def finish_connecting(token: str, browser: str, *, acting: Acting, world: World) -> str | None:
    """Connect the browser if its telephone has answered; return the browser's new token, None if not yet.

    `browser`: its token until now, if it has one. Every channel is told in the same transaction. Raises
    `ConnectGoneError`; `ConnectRefusedError` when the telephone that answered is not that person's.
    """
    row = _row(token)
    if row.ended_at is not None:
        raise ConnectGoneError
    if state_of(row, world=world) != "received":
        return None
    customer_id, now = _customer_of(row, world=world), world.clock.now()
    letters = Letters(gather([customer_id] if customer_id else [], world=world))
    with transaction.atomic():
        ended = Connecting.objects.filter(id=row.id, ended_at=None).update(ended_at=now)
        if not ended:
            raise ConnectGoneError
        fresh = know_browser(browser, customer_id, acting=acting, now=now) if customer_id else ""
        if customer_id:
            letters.add(customer_id, "browser_connected", f"connect:{row.id}", agent=acting.agent)
            letters.write(acting=acting, world=world)
            record_event("browser:connected", acting=acting, subject=customer_id, at=now, way=row.way)
    if customer_id is None:
        raise ConnectRefusedError
    return fresh


def connect_by_issue(run_id: str, browser: str, *, acting: Acting, world: World) -> str:
    """Connect the browser in which a certificate was just issued: more than a telephone was proven there.

    Once for a run, and while its last page is fresh. Returns the browser's new token; empty otherwise.
    """
    now = world.clock.now()
    customer_id = holder_of_done(run_id, since=now - JUST, acting=acting)
    if customer_id is None:
        return ""
    with transaction.atomic():
        defaults = {
            "token": digest_of(secrets.token_urlsafe(32)), "way": "issue", "line": b"",
            "locale": acting.locale, "made_at": now, "until": now, "ended_at": now,
        }  # fmt: skip
        _, is_first = Connecting.objects.get_or_create(id=uuid.UUID(run_id), defaults=defaults)
        if not is_first:
            return ""
        fresh = know_browser(browser, customer_id, acting=acting, now=now)
        record_event("browser:connected", acting=acting, subject=customer_id, at=now, way="issue")
    return fresh


def clear_connecting(*, world: World) -> int:
    """Delete what nobody waits for any more; return how many."""
    return Connecting.objects.filter(made_at__lt=world.clock.now() - KEPT).delete()[0]
