"""The sandbox's pages: plain forms that post and redirect; a script only saves the reloading."""

from __future__ import annotations

import hashlib
import re
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dojang.ports.writing import is_digits, plain_digits, plain_mail, plain_phone, plain_text
from dojang.products.messages import render as sentence
from dojang.sandbox.clock import ClockMoveError
from dojang.sandbox.country import country_of, world_of
from dojang.sandbox.drawer import STATES
from dojang.sandbox.telephony import CallStateError
from dojang.sandbox.wording import LOCALES, reader_locale, write_clock, write_day

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    View = Callable[..., HttpResponse]

NUMBER = re.compile(r"0[0-9]{8,10}")
HANDLE = re.compile(r"[a-z0-9]{1,20}")
ADDRESS = re.compile(r"[!-.0-?A-~]{1,64}@[A-Za-z0-9.-]{1,189}")
TEXT = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f]{1,160}")
DAY = 86_400
MOST_DAYS = 7_300
JUMPS = (
    ("minute", 60),
    ("three_minutes", 180),
    ("ten_minutes", 600),
    ("hour", 3_600),
    ("day", DAY),
    ("week", 7 * DAY),
    ("month", 30 * DAY),
    ("year", 365 * DAY),
)
DISPLAYS = ("light", "dark", "contrast")
_YEAR = 31_536_000


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = HTTPStatus.OK
) -> HttpResponse:
    """Render a page with what every page carries."""
    locale = reader_locale()
    other = "ko" if locale == "en" else "en"
    display = request.COOKIES.get("dojang_display", "")
    policy = world_of(request).policy
    common = {
        "locale": locale,
        "other_locale": other,
        "display": display if display in DISPLAYS else "",
        "bank": policy.bank.name(locale),
        "bank_phone": policy.bank.phone,
        "short_code": policy.bank.text_number,
    }
    return render(request, template, {**common, **context}, status=status)


def show_refusal(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    """Render a refusal: what is wrong, in one sentence."""
    return show(request, "sandbox/wrong.html", {"text": sentence}, status=status)


def page(view: View) -> View:
    """Answer ``?lang=`` with a cookie and a redirect. Typed errors become pages at the edge."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wanted = request.GET.get("lang")
        if request.method == "GET" and wanted in LOCALES:
            query = request.GET.copy()
            del query["lang"]
            answer = HttpResponseRedirect(f"{request.path}?{query.urlencode()}" if query else request.path)
            answer.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                wanted,
                max_age=_YEAR,
                samesite="Lax",
                secure=request.is_secure(),
            )
            return answer
        return view(request, *args, **kwargs)

    return wrapped


# --- people -----------------------------------------------------------------------------------------------


@page
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Show who can be played."""
    country = country_of(request)
    context = {
        "place": "people",
        "residents": country.drawers.residents(),
        "recast": "recast" in request.GET,
        **_now(country.clock.now()),
    }
    return show(request, "sandbox/overview.html", context)


@page
@require_POST
def recast(request: HttpRequest) -> HttpResponse:
    """Bring the country back to its first state."""
    country_of(request).recast()
    return redirect(f"{reverse('sandbox:overview')}?recast")


@page
@require_GET
def find_phone(request: HttpRequest) -> HttpResponse:
    """Go to the telephone of a number that was typed."""
    number = plain_phone(request.GET.get("number", ""))
    if not NUMBER.fullmatch(number):
        return redirect("sandbox:overview")
    return redirect("sandbox:phone", number=number)


@page
@require_GET
def find_mail(request: HttpRequest) -> HttpResponse:
    """Go to the mailbox of an address that was typed."""
    address = plain_mail(request.GET.get("address", "")).lower()
    if not ADDRESS.fullmatch(address):
        return redirect("sandbox:overview")
    return redirect("sandbox:mail", address=address)


# --- the telephone ----------------------------------------------------------------------------------------


@page
@require_http_methods(["GET", "POST"])
def phone(request: HttpRequest, number: str) -> HttpResponse:
    """Show a telephone, and do what was pressed on it."""
    if not NUMBER.fullmatch(number):
        raise Http404
    if request.method == "POST":
        return _use_phone(request, number)
    return _show_phone(request, number)


def _use_phone(request: HttpRequest, number: str) -> HttpResponse:
    country, call_id = country_of(request), request.POST.get("call", "")
    action = request.POST.get("action", "")
    if action == "reply":
        text = request.POST.get("text", "").strip()
        if not TEXT.fullmatch(text):
            return _show_phone(request, number, status=HTTPStatus.UNPROCESSABLE_ENTITY, reply=text)
        country.sms.reply(number=number, text=text)
    else:
        digit = plain_digits(request.POST.get("digit", ""))
        try:
            if action == "answer":
                country.telephony.answer(number, call_id)
            elif action == "reject":
                country.telephony.reject(number, call_id)
            elif is_digits(digit, 1):
                country.telephony.press(number, call_id, digit)
        except CallStateError:
            pass  # the call went on meanwhile; the page shown next says how
    return redirect("sandbox:phone", number=number)


def _show_phone(
    request: HttpRequest, number: str, *, status: HTTPStatus = HTTPStatus.OK, reply: str | None = None
) -> HttpResponse:
    country = country_of(request)
    owner = country.drawers.resident_of_number(number)
    calls = country.telephony.calls(number, limit=8)
    # The bank's app runs on the newest number's telephone only.
    has_app = owner is not None and owner.numbers[0] == number
    context = {
        "place": "phone",
        "number": number,
        "owner": owner,
        "call": next((call for call in calls if call.is_live), None),
        "calls": [call for call in calls if not call.is_live],
        "texts": country.sms.texts(number),
        "banners": country.push.banners(owner.customer_id, limit=3) if owner and has_app else (),
        **_now(country.clock.now()),
    }
    state = _digest(request, *(value for key, value in context.items() if key != "day"))
    if request.headers.get("If-None-Match") == state and reply is None:
        return HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": state})
    answer = show(
        request,
        "sandbox/phone.html",
        {**context, "rows": ("123", "456", "789"), "reply": reply or "", "reply_wrong": reply is not None},
        status=status,
    )
    answer["ETag"] = state
    return answer


# --- the drawer -------------------------------------------------------------------------------------------


@page
@require_http_methods(["GET", "POST"])
def drawer(request: HttpRequest, handle: str) -> HttpResponse:
    """Show what a person keeps at home; lose or find a medium."""
    if not HANDLE.fullmatch(handle):
        raise Http404
    country = country_of(request)
    if request.method == "POST":
        medium, state = request.POST.get("medium", ""), request.POST.get("state", "")
        if medium in {"card", "token", "paper"} and state in STATES:
            country.drawers.set_state(handle, medium, state)
        return redirect("sandbox:drawer", handle=handle)
    context = {
        "place": "drawer",
        "drawer": country.drawers.open(handle),
        "states": STATES,
        **_now(country.clock.now()),
    }
    return show(request, "sandbox/drawer.html", context)


# --- mail -------------------------------------------------------------------------------------------------


@page
@require_GET
def mailbox(request: HttpRequest, address: str) -> HttpResponse:
    """Show a mailbox."""
    if not ADDRESS.fullmatch(address):
        raise Http404
    country = country_of(request)
    letters = country.mail.letters(address)
    state = _digest(request, address, letters)
    if request.headers.get("If-None-Match") == state:
        return HttpResponse(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": state})
    context = {
        "place": "mail",
        "address": address.lower(),
        "letters": letters,
        **_now(country.clock.now()),
    }
    answer = show(request, "sandbox/mail.html", context)
    answer["ETag"] = state
    return answer


# --- the clock --------------------------------------------------------------------------------------------


@page
@require_http_methods(["GET", "POST"])
def clock(request: HttpRequest) -> HttpResponse:
    """Show the clock, and move it on."""
    country, wrong, typed = country_of(request), "", ""
    if request.method == "POST":
        typed = request.POST.get("days", "")
        days = plain_text(typed)
        seconds = dict(JUMPS).get(request.POST.get("jump", ""))
        if seconds is None and re.fullmatch(r"[1-9][0-9]{0,3}", days) and int(days) <= MOST_DAYS:
            seconds = int(days) * DAY
        if seconds is None:
            wrong = "sandbox.time.wrong"
        else:
            try:
                country.clock.advance(seconds)
            except ClockMoveError as error:
                wrong = error.message_id
            else:
                return redirect("sandbox:clock")
    context = {
        "place": "clock",
        "ahead": _split(country.clock.offset()),
        "jumps": [name for name, _ in JUMPS],
        "wrong": sentence(wrong, reader_locale()) if wrong else "",
        "typed": typed,
        **_now(country.clock.now()),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
    return show(request, "sandbox/clock.html", context, status=status)


# --- inside -----------------------------------------------------------------------------------------------


def _now(moment: datetime) -> dict[str, str]:
    return {"time": write_clock(moment), "day": write_day(moment, reader_locale())}


def _split(offset: timedelta) -> dict[str, int]:
    return {
        "days": offset.days,
        "hours": offset.seconds // 3600,
        "minutes": offset.seconds % 3600 // 60,
    }


def _digest(request: HttpRequest, *values: object) -> str:
    """Return an ETag of everything shown, except what changes with every rendering."""
    seen = repr((reader_locale(), request.COOKIES.get("dojang_display"), values))
    return f'"{hashlib.sha256(seen.encode()).hexdigest()[:24]}"'
