"""`/me/`: everything a holder can see and do about what is in their name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from dojang.account import actions as account
from dojang.account.browsers.actions import forget_browser
from dojang.account.browsers.queries import browsers_of, known_browser
from dojang.account.errors import StopRefusedError
from dojang.account.queries import log_of
from dojang.edge.holding import hold_until
from dojang.edge.refusals import refuse_in_form
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import knows, phrase, product_name, reader_locale, write_moment, write_time
from dojang.journeys.kinds.account import PASSWORD_DIGITS
from dojang.notices.reading import letters_of
from dojang.ports.writing import (
    ACCOUNT,
    RRN,
    USER_ID,
    is_digits,
    plain_account,
    plain_digits,
    plain_user_id,
)
from dojang.products import PRODUCTS
from dojang.wallet.devices.actions.enrolment import turn_off_of
from dojang.wallet.devices.queries import devices_of
from dojang.wallet.uses.queries import uses_of
from dojang.web.app.offers import made_on_a_phone
from dojang.web.asking import control, form_status, summary_of
from dojang.web.deeds import Deed, deeds_of, newest_of_each
from dojang.web.me import KNOWN, SESSION, logged_in, read_cookie, see_other, set_cookie, shown_out
from dojang.web.shell import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.http import HttpRequest, HttpResponse

    from dojang.account.queries import LogEntry
    from dojang.account.sessions.access import SessionView
    from dojang.notices.reading import Letter
    from dojang.pki.errors import DojangError
    from dojang.wallet.devices.queries import DeviceView
    from dojang.wallet.uses.queries import UseView

_FEW = 3


def _purpose(purpose: str, locale: str) -> str:
    """Say what a certificate was used for; ``factor_<product>`` is a step while that product was issued."""
    what, _, product = purpose.partition("_")
    if what == "factor" and product in PRODUCTS:
        return phrase("me.purpose.factor", locale, {"product": phrase(f"product.{product}.named", locale)})
    return _known_or(f"me.purpose.{purpose}", "me.purpose.other", locale)


def use_rows(uses: Iterable[UseView], locale: str) -> list[dict[str, Any]]:
    """Write uses in the reader's language."""
    return [
        {
            "at": write_moment(use.at, locale),
            "what": _purpose(use.purpose, locale),
            "product": product_name(use.product, locale),
            "where": ", ".join(filter(None, (use.origin.partition("://")[2], use.agent, use.source))),
            "result": _known_or(f"me.outcome.{use.outcome}", "me.outcome.refused", locale),
            "good": use.accepted,
        }
        for use in uses
    ]


def log_rows(entries: Iterable[LogEntry], locale: str) -> list[dict[str, Any]]:
    """Write the log in the reader's language."""
    rows = []
    for entry in entries:
        product = product_name(entry.product, locale) if entry.product else ""
        where = _known_or(f"me.origin.{entry.channel}", "me.origin.other", locale)
        who = phrase(f"me.log.by_{entry.who}", locale)
        rows.append(
            {
                "at": write_moment(entry.at, locale),
                "what": phrase(f"me.event.{entry.type.replace(':', '_')}", locale, {"product": product}),
                "where": ", ".join(filter(None, (who, where, entry.source))),
                "serial": entry.serial,
            }
        )
    return rows


def letter_rows(letters: Iterable[Letter], locale: str) -> list[dict[str, Any]]:
    """Write notices in the reader's language."""
    return [
        {
            "at": write_moment(letter.at, locale),
            "subject": letter.subject,
            "text": letter.text,
            "channels": ", ".join(phrase(f"me.notices.{name}", locale) for name in letter.channels),
        }
        for letter in letters
    ]


def device_rows(devices: Iterable[DeviceView], locale: str) -> list[dict[str, Any]]:
    """Write registered devices in the reader's language."""
    return [
        {
            "id": device.id,
            "name": device_name(device, locale),
            "biometric": write_moment(device.biometric_since, locale) if device.biometric_since else "",
            "state": phrase(f"me.device_state.{device.state}", locale),
            "tone": {"live": "good", "held": "bad"}.get(device.state, ""),
            "products": ", ".join(product_name(name, locale) for name in device.products),
            "since": write_moment(device.created_at, locale),
            "seen": write_moment(device.seen_at, locale),
        }
        for device in devices
    ]


def device_name(device: DeviceView, locale: str) -> str:
    """Name a device as its holder knows it."""
    named = ", ".join(filter(None, (device.label, device.platform)))
    return named or phrase("me.devices.unnamed", locale, {"tail": device.device_id[-4:]})


def _known_or(message_id: str, other: str, locale: str) -> str:
    return phrase(message_id if knows(message_id, locale) else other, locale)


def own_deeds_of(request: HttpRequest, me: SessionView) -> list[Deed]:
    """Return every certificate of who is logged in."""
    return deeds_of(me.customer_id, reader_locale(), world=world_of(request))


def own_deed(request: HttpRequest, me: SessionView, serial: str) -> Deed:
    """Return one of the holder's certificates; absent and somebody else's look alike."""
    for deed in own_deeds_of(request, me):
        if deed.serial == serial.lower():
            return deed
    raise Http404


def _show(
    request: HttpRequest, template: str, tab: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    place = "help" if template in {"lost_phone", "stop_heard"} else "mine"
    base = {"place": place, "tab": tab, "said": request.GET.get("said", "")}
    return show(request, f"web/me/{template}.html", {**base, **context}, status=status)


@require_GET
@logged_in
def home(request: HttpRequest, me: SessionView) -> HttpResponse:
    """Show everything at a glance."""
    locale, world = reader_locale(), world_of(request)
    deeds = own_deeds_of(request, me)
    live = [deed for deed in deeds if deed.state in {"active", "held"}]
    replaced = {deed.view.product for deed in live}
    over = [d for d in deeds if d.state == "expired" and d.view.product not in replaced]
    return _show(
        request,
        "home",
        "home",
        name=deeds[0].name if deeds else "",
        method=product_name(me.method, locale),
        idle_until=write_time(me.idle_until, locale),
        deeds=live,
        soon=[deed for deed in live if deed.renewable],
        over=newest_of_each(over),
        locks=account.locks_of(me.customer_id, world=world),
        uses=use_rows(uses_of(me.customer_id, limit=_FEW), locale),
        letters=letter_rows(letters_of(me.customer_id, locale=locale, world=world, limit=_FEW), locale),
    )


@require_GET
@logged_in
def uses(request: HttpRequest, me: SessionView) -> HttpResponse:
    """Show every use, refused ones included."""
    return _show(request, "uses", "uses", uses=use_rows(uses_of(me.customer_id), reader_locale()))


@require_GET
@logged_in
def notices(request: HttpRequest, me: SessionView) -> HttpResponse:
    """Show what was told, and by which channels."""
    locale = reader_locale()
    letters = letters_of(me.customer_id, locale=locale, world=world_of(request))
    return _show(request, "notices", "notices", letters=letter_rows(letters, locale))


@require_GET
@logged_in
def log(request: HttpRequest, me: SessionView) -> HttpResponse:
    """Show what was ever done in the holder's name."""
    return _show(request, "log", "log", entries=log_rows(log_of(me.customer_id), reader_locale()))


@require_http_methods(["GET", "HEAD", "POST"])
@logged_in
def devices(request: HttpRequest, me: SessionView) -> HttpResponse:
    """Show devices and browsers; POST makes one browser forget, or one device ask for its pattern again."""
    if request.method == "POST" and "biometric" in request.POST:
        device, acting = request.POST["biometric"], acting_of(request, customer_id=me.customer_id)
        turn_off_of(me.customer_id, device, acting=acting, world=world_of(request))
        return see_other("/me/devices/?said=biometric")
    if request.method == "POST":
        browser = request.POST.get("browser", "")
        known = {row.id for row in browsers_of(me.customer_id)}
        if browser in known:
            forget_browser(browser_id=browser, customer_id=me.customer_id, world=world_of(request))
        return see_other("/me/devices/?said=forgotten")
    this = known_browser(read_cookie(request, KNOWN))
    phones = device_rows(devices_of(me.customer_id), reader_locale())
    browsers = browsers_of(me.customer_id)
    return _show(request, "devices", "devices", phones=phones, browsers=browsers, this=this)


@require_http_methods(["GET", "HEAD", "POST"])
@logged_in
def hold(request: HttpRequest, serial: str, me: SessionView) -> HttpResponse:
    """Stop one certificate: "that was not me". Asks once, and for nothing else."""
    deed = own_deed(request, me, serial)
    if request.method == "POST":
        acting = acting_of(request, customer_id=me.customer_id)
        account.stop_certificate(me.customer_id, deed.serial, acting=acting, world=world_of(request))
        out = shown_out(request, me, deed.view.id, why="held")
        return out or see_other(f"/me/certificates/{deed.serial}/?said=held")
    return _show(request, "hold", "certificates", deed=deed)


@require_http_methods(["GET", "HEAD", "POST"])
@logged_in
def panic(request: HttpRequest, me: SessionView) -> HttpResponse:
    """Stop everything at once, and log out everywhere."""
    if request.method != "POST":
        return _show(request, "panic", "")
    acting = acting_of(request, customer_id=me.customer_id)
    stopped = account.stop_everything(me.customer_id, acting=acting, world=world_of(request))
    response = _show(request, "stopped", "", stopped=stopped, elsewhere=made_on_a_phone(reader_locale()))
    for cookie in (SESSION, KNOWN):
        set_cookie(request, response, cookie, "")
    return response


@sensitive_post_parameters("rrn_front", "rrn_back", "account", "account_password")
@require_http_methods(["GET", "HEAD", "POST"])
def lost_phone(request: HttpRequest) -> HttpResponse:
    """Stop everything without logging in and without a phone: right answers always do."""
    if request.method != "POST":
        return _lost_page(request)
    locale, post = reader_locale(), request.POST
    typed = {
        "user_id": plain_user_id(post.get("user_id", "")),
        "rrn": plain_digits(post.get("rrn_front", "") + post.get("rrn_back", "")),
        "account": plain_account(post.get("account", "")),
        "account_password": plain_digits(post.get("account_password", "")),
    }
    gaps = [name for name, value in typed.items() if not value]
    if not post.get("consent"):
        gaps.append("consent")
    # A wrong form is said before anybody is asked, and is no try.
    formed = {
        "user_id": USER_ID.fullmatch(typed["user_id"]),
        "rrn": RRN.fullmatch(typed["rrn"]),
        "account": ACCOUNT.fullmatch(typed["account"]),
        "account_password": is_digits(typed["account_password"], PASSWORD_DIGITS),
    }
    misformed = [name for name, fits in formed.items() if not fits and name not in gaps]
    kept = {name: typed[name] for name in ("user_id", "account")}
    if gaps or misformed:
        errors = {
            name: (phrase("me.lost.fill", locale, {"field": phrase(f"me.lost.{name}", locale)}),)
            for name in gaps
        } | {name: (phrase(f"error.{name}_format", locale),) for name in misformed}
        return _lost_page(request, kept, errors=errors)
    began = time.monotonic()
    heard = account.stop_by_proof(**typed, acting=acting_of(request), world=world_of(request))
    if heard.wait:
        hold_until(request, began + heard.wait)
    if heard.is_told and heard.held is None:
        refused = StopRefusedError(wait=round(heard.wait), next=round(heard.next_wait))
        return _lost_page(request, kept, error=refused)
    template = "stopped" if heard.is_told else "stop_heard"
    response = _show(request, template, "", stopped=heard.held, elsewhere=made_on_a_phone(locale))
    response["Cache-Control"] = "no-store"
    return response


def _lost_page(
    request: HttpRequest,
    kept: dict[str, str] | None = None,
    *,
    errors: Mapping[str, tuple[str, ...]] | None = None,
    error: DojangError | None = None,
) -> HttpResponse:
    locale, kept, errors = reader_locale(), kept or {}, errors or {}
    kinds = (
        ("consent", "consent", 1), ("user_id", "user_id", 40), ("rrn", "rrn", 13),
        ("account", "digits", 20), ("account_password", "secret_digits", 4),
    )  # fmt: skip
    fields = [
        control(
            name, kind, f"me.lost.{name}", locale, value=kept.get(name, ""), longest=longest,
            errors=errors.get(name, ()), help_id="me.lost.consent_help" if name == "consent" else "",
        )
        for name, kind, longest in kinds
    ]  # fmt: skip
    refusal = refuse_in_form(error) if error else None
    general = [refusal.sentence] if refusal else []
    response = _show(
        request, "lost_phone", "", fields=fields, view={"summary": summary_of(fields, general)},
        status=form_status(refusal, *errors.values()),
    )  # fmt: skip
    response["Cache-Control"] = "no-store"
    return response
