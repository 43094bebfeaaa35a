"""The sandbox as JSON: play a person of the cast without a browser. How it fails is the edge's business."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Field, NinjaAPI, Path, Status
from ninja.renderers import JSONRenderer

from dojang import __version__
from dojang.sandbox.country import country_of
from dojang.sandbox.pages import ADDRESS
from dojang.sandbox.reference import Reference
from dojang.sandbox.schemas import (
    CallOut,
    ClockIn,
    ClockOut,
    DrawerOut,
    HandsetOut,
    KeysIn,
    MailboxOut,
    MediumIn,
    PersonOut,
    ReplyIn,
    ReplyOut,
    SandboxProblemOut,
)
from dojang.sandbox.wording import about, reader_locale

if TYPE_CHECKING:
    from ninja.openapi.schema import OpenAPISchema

    from dojang.sandbox.clock import SandboxClock
    from dojang.sandbox.drawer import OtherBankbook, Resident
    from dojang.sandbox.telephony import HandsetCall

DESCRIPTION = """\
The simulated country around the certificate centre: people, their telephones, drawers and mailboxes,
and a clock. With it and the centre's own interface any journey can be walked from a terminal.

Everybody in it is invented. It shows codes and passwords to whoever asks, so it belongs on a developer's
own machine and is never mounted in a centre with real customers.
"""


class Renderer(JSONRenderer):
    """JSON with Korean as it is written, not as escapes."""

    json_dumps_params: dict[str, Any] = {"ensure_ascii": False}  # noqa: RUF012 - the base class has it so


class SandboxInterface(NinjaAPI):
    """An interface whose problems are described under their own media type."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Return the OpenAPI 3.1 document."""
        document = super().get_openapi_schema(**options)
        for methods in document["paths"].values():
            for operation in methods.values():
                for status, answer in operation["responses"].items():
                    if int(status) >= HTTPStatus.BAD_REQUEST:
                        answer["content"] = {
                            "application/problem+json": answer["content"]["application/json"]
                        }
        return document


reference = Reference()
api = SandboxInterface(
    title="Dojang sandbox",
    version=__version__,
    description=DESCRIPTION,
    renderer=Renderer(),
    docs=reference,
    docs_url="/docs",
    openapi_url="/openapi.json",
    urls_namespace="sandbox-api",
    openapi_extra={
        "tags": [
            {"name": "people", "description": "Who lives here, and what they keep at home."},
            {"name": "phones", "description": "Telephones: calls, keypad, text messages."},
            {"name": "mail", "description": "Mailboxes."},
            {"name": "country", "description": "The clock, and a fresh start."},
        ]
    },
)

PROBLEMS = frozenset({400, 404, 409, 503})
NOT_THERE = frozenset({400, 404, 503})

Person = Path[Annotated[str, Field(pattern=r"^[a-z0-9]{1,20}$", examples=["hong"])]]
Number = Path[
    Annotated[
        str, Field(pattern=r"^[0-9-]{9,14}$", examples=["01000000101"], description="Hyphens do not matter.")
    ]
]
CallId = Path[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]]
Address = Path[Annotated[str, Field(pattern=f"^{ADDRESS.pattern}$", examples=["kim@example.test"])]]


def person_json(resident: Resident) -> dict[str, Any]:
    """Return a resident in the shape of `PersonOut`."""
    return {
        "person": resident.handle,
        "customer_id": resident.customer_id,
        "name": resident.name,
        "name_en": resident.name_en,
        "about": about(resident.handle, reader_locale()),
        "user_id": resident.user_id,
        "email": resident.email,
        "numbers": list(resident.numbers),
    }


def call_json(call: HandsetCall) -> dict[str, Any]:
    """Return a call in the shape of `CallOut`."""
    return {
        "id": call.id,
        "state": call.state,
        "announcement": call.announcement,
        "locale": call.locale,
        "digits_keyed": call.keyed,
        "placed_at": call.placed_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
    }


def clock_json(clock: SandboxClock) -> dict[str, Any]:
    """Return the clock in the shape of `ClockOut`."""
    return {"now": clock.now(), "offset_seconds": int(clock.offset().total_seconds())}


@api.get(
    "/people",
    response={200: list[PersonOut], 503: SandboxProblemOut},
    operation_id="listPeople",
    tags=["people"],
    summary="List the cast",
)
def list_people(request: HttpRequest) -> list[dict[str, Any]]:
    """Everybody one can play, and what is special about each."""
    return [person_json(resident) for resident in country_of(request).drawers.residents()]


@api.get(
    "/people/{person}/drawer",
    response={200: DrawerOut, NOT_THERE: SandboxProblemOut},
    operation_id="openDrawer",
    tags=["people"],
    summary="Open a drawer",
)
def open_drawer(request: HttpRequest, person: Person) -> dict[str, Any]:
    """Show what a person needs at hand: identity, accounts with passwords, security card, token."""
    country = country_of(request)
    drawer = country.drawers.open(person)
    return person_json(drawer.resident) | {
        "kind": drawer.kind,
        "rrn": drawer.rrn,
        "birth": drawer.birth,
        "address": drawer.address,
        "branch_code": drawer.branch_code,
        "locked": drawer.locked,
        "phones": [
            {"id": phone.id, "number": phone.number, "registered_at": phone.registered_at}
            for phone in country.corebank.phones(drawer.resident.customer_id)
        ],
        "accounts": [
            {"number": page.number, "kind": page.kind, "balance": page.balance, "password": page.password}
            for page in drawer.accounts
        ],
        "card": drawer.card
        and {
            "serial": drawer.card.serial,
            "state": drawer.card.state,
            "cells": {str(number): cell for number, cell in enumerate(drawer.card.cells, 1)},
        },
        "token": drawer.token
        and {
            "serial": drawer.token.serial,
            "state": drawer.token.state,
            "code": drawer.token.code,
            "seconds_left": drawer.token.seconds_left,
        },
        "papers": [
            {"type": paper.type, "number": paper.number, "issued": paper.issued, "state": paper.state}
            for paper in drawer.papers
        ],
        "other_bankbooks": [_bankbook_json(book) for book in drawer.others],
        "lines": [
            {"number": line.number, "carrier": line.carrier, "gender": line.gender} for line in drawer.lines
        ],
    }


def _bankbook_json(book: OtherBankbook) -> dict[str, Any]:
    return {
        "bank": book.bank,
        "name": book.name_en if reader_locale() == "en" else book.name_ko,
        "number": book.number,
        "deposits": [{"memo": line.memo, "amount": line.amount, "at": line.at} for line in book.deposits],
    }


@api.put(
    "/people/{person}/drawer/{medium}",
    response={204: None, NOT_THERE: SandboxProblemOut},
    operation_id="setMedium",
    tags=["people"],
    summary="Lose or find a medium",
)
def set_medium(
    request: HttpRequest, person: Person, medium: Path[Literal["card", "token", "paper"]], body: MediumIn
) -> Status[None]:
    """Report a security card, token or identity card lost, let it expire, or make it usable again."""
    country_of(request).drawers.set_state(person, medium, body.state)
    return Status(204, None)


@api.get(
    "/phones/{number}",
    response={200: HandsetOut, NOT_THERE: SandboxProblemOut},
    operation_id="lookAtPhone",
    tags=["phones"],
    summary="Look at a telephone",
)
def look_at_phone(request: HttpRequest, number: Number) -> dict[str, Any]:
    """Show calls, text messages and push messages of a telephone. Any number has a telephone."""
    country, digits = country_of(request), _digits(number)
    owner = country.drawers.resident_of_number(digits)
    return {
        "number": digits,
        "person": owner and owner.handle,
        "calls": [call_json(call) for call in country.telephony.calls(digits)],
        "messages": [
            {"sender": "handset" if text.outgoing else "bank", "text": text.text, "at": text.at}
            for text in country.sms.texts(digits)
        ],
        "push": [
            {"title": banner.title, "text": banner.text, "at": banner.at}
            for banner in (country.push.banners(owner.customer_id) if owner else ())
        ],
    }


@api.post(
    "/phones/{number}/calls/{call}/answer",
    response={200: CallOut, PROBLEMS: SandboxProblemOut},
    operation_id="answerCall",
    tags=["phones"],
    summary="Answer a call",
)
def answer_call(request: HttpRequest, number: Number, call: CallId) -> dict[str, Any]:
    """Take a call that rings. Its `announcement` is what the bank says."""
    return call_json(country_of(request).telephony.answer(_digits(number), call))


@api.post(
    "/phones/{number}/calls/{call}/reject",
    response={200: CallOut, PROBLEMS: SandboxProblemOut},
    operation_id="rejectCall",
    tags=["phones"],
    summary="Reject a call",
)
def reject_call(request: HttpRequest, number: Number, call: CallId) -> dict[str, Any]:
    """Refuse a call that rings."""
    return call_json(country_of(request).telephony.reject(_digits(number), call))


@api.post(
    "/phones/{number}/calls/{call}/keys",
    response={200: CallOut, PROBLEMS: SandboxProblemOut},
    operation_id="pressKeys",
    tags=["phones"],
    summary="Press keys in a call",
)
def press_keys(request: HttpRequest, number: Number, call: CallId, body: KeysIn) -> dict[str, Any]:
    """Key digits in an answered call, one by one or together. The last one expected decides the call."""
    return call_json(country_of(request).telephony.press(_digits(number), call, body.digits))


@api.post(
    "/phones/{number}/calls/{call}/hang-up",
    response={200: CallOut, PROBLEMS: SandboxProblemOut},
    operation_id="hangUp",
    tags=["phones"],
    summary="Hang up",
)
def hang_up(request: HttpRequest, number: Number, call: CallId) -> dict[str, Any]:
    """Put the handset down. A call that still rings is rejected by it."""
    return call_json(country_of(request).telephony.reject(_digits(number), call))


@api.post(
    "/phones/{number}/reply",
    response={201: ReplyOut, NOT_THERE: SandboxProblemOut},
    operation_id="sendText",
    tags=["phones"],
    summary="Text the bank",
)
def send_text(request: HttpRequest, number: Number, body: ReplyIn) -> Status[dict[str, Any]]:
    """Send a text message from this telephone to the bank's short code."""
    sent = country_of(request).sms.reply(number=_digits(number), text=body.text)
    return Status(201, {"id": sent.id, "text": sent.text, "at": sent.at})


@api.get(
    "/mail/{address}",
    response={200: MailboxOut, NOT_THERE: SandboxProblemOut},
    operation_id="openMailbox",
    tags=["mail"],
    summary="Open a mailbox",
)
def open_mailbox(request: HttpRequest, address: Address) -> dict[str, Any]:
    """Mails sent to an address. Any address has a mailbox."""
    letters = country_of(request).mail.letters(address)
    return {
        "address": address.strip().lower(),
        "letters": [{"subject": one.subject, "text": one.text, "at": one.at} for one in letters],
    }


@api.get(
    "/clock",
    response={200: ClockOut, 503: SandboxProblemOut},
    operation_id="readClock",
    tags=["country"],
    summary="Read the clock",
)
def read_clock(request: HttpRequest) -> dict[str, Any]:
    """Tell the present moment in the country."""
    return clock_json(country_of(request).clock)


@api.post(
    "/clock",
    response={200: ClockOut, frozenset({400, 409, 503}): SandboxProblemOut},
    operation_id="moveClock",
    tags=["country"],
    summary="Move the clock on",
)
def move_clock(request: HttpRequest, body: ClockIn) -> dict[str, Any]:
    """Let time pass for the whole centre and everything in it. It cannot be taken back."""
    clock = country_of(request).clock
    clock.advance(body.advance_seconds)
    return clock_json(clock)


@api.post(
    "/recast",
    response={204: None, 503: SandboxProblemOut},
    operation_id="recast",
    tags=["country"],
    summary="Start afresh",
)
def recast(request: HttpRequest) -> HttpResponse:
    """Bring people, telephones and mailboxes back to their first state. Certificates and the clock stay."""
    country_of(request).recast()
    return HttpResponse(status=204)


def _digits(number: str) -> str:
    return number.replace("-", "")
