"""Certificates as their holder sees them: of who is logged in, or of a run just finished here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from dojang.ca.queries import certificates_of
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import knows, phrase, product_name, write_day
from dojang.notices.actions.expiry import days_left
from dojang.pki.day import day_of
from dojang.pki.errors import DojangError
from dojang.products import PRODUCTS, journey_of
from dojang.ra.access import access_run
from dojang.ra.queries import standing_of
from dojang.web.cookies import known_runs
from dojang.web.me import session_of
from dojang.web.presenting import certificate_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

    from dojang.ca.queries import CertificateView
    from dojang.journeys.product import Product
    from dojang.ports.world import World

_COMMON_NAME = re.compile(r"(?:^|,)\s*CN=((?:[^,\\]|\\.)*)", re.IGNORECASE)
_ORDER = {"active": 0, "held": 1, "expired": 2}


@dataclass(frozen=True, slots=True)
class Deed:
    """One certificate as its holder sees it."""

    view: CertificateView
    name: str
    usable: bool
    state: str
    product_name: str
    state_name: str
    not_after_text: str
    days: int
    window: int  #: days before the end from which a new one is for a full life
    rows: list[dict[str, Any]]

    @property
    def serial(self) -> str:
        """Serial number, hexadecimal."""
        return self.view.serial

    @property
    def product(self) -> Product:
        """What kind of certificate it is."""
        return PRODUCTS[self.view.product]

    @property
    def renewable(self) -> bool:
        """Whether its end is so near that it can be renewed."""
        return self.usable and self.days <= self.window

    @property
    def renew_url(self) -> str:
        """Where it is renewed, or re-issued: here, or on the telephone where its key lives."""
        return begin_url(self.product, "reissue")

    @property
    def issue_url(self) -> str:
        """Where a new one is issued, once this one has ended."""
        return begin_url(self.product, "issue")

    @property
    def tone(self) -> str:
        """How the state is coloured."""
        return {"active": "good", "held": "bad"}.get(self.state, "")


def common_name(name: str) -> str:
    """Return the common name out of a distinguished name (RFC 4514); the whole when it has none."""
    match = _COMMON_NAME.search(name)
    return (match[1] if match else name).replace("\\", "").strip()


def holder_name(subject: str) -> str:
    """Return the person's name out of a subject: what stands before the number in the common name."""
    return common_name(subject).split("(")[0].strip()


def begin_url(product: Product, purpose: str, *, in_app: bool = False) -> str:
    """Return where a certificate is issued or re-issued: here, or at the page that leads to the telephone."""
    if in_app:
        return reverse("web:app-begin", args=[product.id, purpose])
    if journey_of(product, purpose, "web") is not None:
        return reverse("web:begin", args=[product.id, purpose])
    return f"{reverse('web:product', args=[product.id])}?{purpose}"


def deed_of(view: CertificateView, locale: str, *, world: World) -> Deed:
    """Describe one certificate in the reader's language."""
    now = world.clock.now()
    state = "expired" if view.state == "active" and view.not_after < now else view.state
    name = holder_name(view.subject)
    facts = {
        "holder": name,
        "product": view.product,
        "issuer": common_name(view.issuer),
        "not_before": view.not_before.isoformat(),
        "not_after": view.not_after.isoformat(),
        "revoked_at": view.revoked_at.isoformat() if view.revoked_at else "",
        "reason": phrase(f"web.reason.{view.reason}", locale)
        if view.reason and knows(f"web.reason.{view.reason}", locale)
        else (view.reason or ""),
        "serial": view.serial,
        "policy": view.policy,
        "sha256": view.sha256,
    }
    return Deed(
        view=view,
        name=name,
        usable=state == "active",
        state=state,
        product_name=product_name(view.product, locale),
        state_name=phrase(f"web.state.{state}", locale),
        not_after_text=write_day(day_of(view.not_after), locale),
        days=days_left(view.not_after, now),
        window=PRODUCTS[view.product].window_under(world.policy),
        rows=certificate_rows(facts, locale),
    )


def deeds_of(customer_id: str, locale: str, *, world: World) -> list[Deed]:
    """Every certificate a person ever had, those in use first, then the newest.

    Certificates signed but never confirmed are not shown: their holder never had them.
    """
    views = [view for view in certificates_of(customer_id) if view.activated_at is not None]
    deeds = [deed_of(view, locale, world=world) for view in views]
    return sorted(deeds, key=lambda deed: _ORDER.get(deed.state, 3))


def newest_of_each(deeds: Iterable[Deed]) -> list[Deed]:
    """Keep the newest certificate of each product, out of a list that begins with the newest."""
    newest: dict[str, Deed] = {}
    for deed in deeds:
        newest.setdefault(deed.view.product, deed)
    return list(newest.values())


def own_holders(request: HttpRequest) -> list[str]:
    """Return whose certificates this browser may see: of who is logged in, else of runs finished here lately.

    A finished run shows no more than a log-in would, nor for longer: the computer may be a shared one.
    """
    session = session_of(request)
    if session is not None:
        return [session.customer_id]
    world = world_of(request)
    since = world.clock.now() - timedelta(seconds=world.policy.sessions.absolute)
    holders: dict[str, None] = {}
    for run_id, token in known_runs(request).items():
        try:
            run = access_run(run_id, acting_of(request, token=token))
        except DojangError:
            continue
        end = standing_of(run)
        if end.state == "done" and end.ended_at is not None and end.ended_at > since:
            holders.setdefault(run.customer_id)
    return list(holders)


def own_deeds(request: HttpRequest, locale: str) -> list[Deed]:
    """Return the certificates this browser may see."""
    world = world_of(request)
    return [deed for holder in own_holders(request) for deed in deeds_of(holder, locale, world=world)]
