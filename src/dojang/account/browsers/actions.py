"""Browsers connected with a customer: by a log-in, by an issue that ended there, or by the telephone.

Only there may a PIN be typed for a user id, and the first log-in from any other is told to the customer. A
browser is known by a token in a cookie, new at every log-in; one may be connected with several people. Unlike
a browser that remembers its customer, it names nobody.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.db import transaction

from dojang.account.browsers.queries import LIFE, is_connected
from dojang.account.models import Browser, SeenBrowser, Session
from dojang.audit.actions import record_event
from dojang.guard.rounds import delete_each
from dojang.guard.sealing import digest_of
from dojang.notices.letters import Letters, gather

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.account.proving.values import LoggedIn
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def greet_browser(done: LoggedIn, token: str, *, acting: Acting, world: World) -> str:
    """Note a log-in of the browser with this token; tell the customer if it is the first from there.

    Returns the browser's token from now on. Must come before the session's own token leaves: nobody has the
    session, then, whose customer was not told. Outside a transaction.
    """
    now, agent = world.clock.now(), acting.agent
    session = Session.objects.get(token=digest_of(done.session))
    # What cannot leave its registered device is at home there: nobody can be at a strange browser with it.
    is_home = done.product.on_device and not done.product.portable
    is_known = is_home or is_connected(token, done.customer_id, now=now)
    letters = Letters() if is_known else Letters(gather([done.customer_id], world=world))
    with transaction.atomic():
        fresh = know_browser(token, done.customer_id, acting=acting, now=now)
        if not is_known:
            key = f"browser:{session.pk}"
            letters.add(done.customer_id, "login_new_browser", key, product=session.method, agent=agent)
            letters.write(acting=acting, world=world)
            record_event("browser:first_seen", acting=acting, subject=done.customer_id, at=now, agent=agent)
    return fresh


def know_browser(token: str, customer_id: str, *, acting: Acting, now: datetime) -> str:
    """Connect the browser with this token (empty: it has none yet) with a customer; return its new token.

    Inside a transaction.
    """
    fresh = secrets.token_urlsafe(32)
    if token:  # the browser of several people stays connected with all of them
        SeenBrowser.objects.filter(token=digest_of(token)).update(token=digest_of(fresh))
    named = {"agent": acting.agent[:80], "seen_at": now}
    SeenBrowser.objects.update_or_create(
        token=digest_of(fresh),
        customer_id=customer_id,
        defaults=named,
        create_defaults={**named, "made_at": now},
    )
    return fresh


def clear_browsers(*, world: World) -> int:
    """Delete browsers that are new again anyway; return how many."""
    old = SeenBrowser.objects.filter(seen_at__lt=world.clock.now() - LIFE)
    return delete_each("account.clear_browsers", old, now=world.clock.now())


def disconnect_browser(browser_id: str, customer_id: str, *, acting: Acting, world: World) -> bool:
    """Disconnect one browser of a customer; it may not ask for their PIN any more."""
    with transaction.atomic():
        gone, _ = SeenBrowser.objects.filter(pk=browser_id, customer_id=customer_id).delete()
        if gone:
            now = world.clock.now()
            record_event("browser:disconnected", acting=acting, subject=customer_id, at=now)
    return bool(gone)


def forget_browsers_of(customer_id: str) -> int:
    """Make every browser new again for a customer; return how many were known."""
    return SeenBrowser.objects.filter(customer_id=customer_id).delete()[0]


# --- browsers that remember ------------------------------------------------------------------------------


def remember_browser(customer_id: str, *, agent: str, world: World) -> str:
    """Let this browser know its customer; return the token for its cookie. Inside a transaction."""
    now, token = world.clock.now(), secrets.token_urlsafe(32)
    Browser.objects.create(
        token=digest_of(token), customer_id=customer_id, agent=agent[:80], made_at=now, seen_at=now
    )
    return token


def note_visit(token: str, *, world: World) -> None:
    """Note that a browser that remembers was used again."""
    if token:
        Browser.objects.filter(token=digest_of(token)).update(seen_at=world.clock.now())


def forget_browser(*, token: str = "", browser_id: str = "", customer_id: str = "", world: World) -> bool:
    """Make a browser forget: by its own token, or by its id and its customer."""
    rows = Browser.objects.filter(ended_at__isnull=True)
    if token:
        rows = rows.filter(token=digest_of(token))
    elif browser_id and customer_id:
        rows = rows.filter(pk=browser_id, customer_id=customer_id)
    else:
        return False
    return bool(rows.update(ended_at=world.clock.now()))
