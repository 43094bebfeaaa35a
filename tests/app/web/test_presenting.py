"""From a Page to HTML: every kind of field and display, both languages, nothing secret."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.template.loader import get_template, render_to_string
from django.test import RequestFactory

from dojang.edge.wording import localise
from dojang.journeys.page import Action, Field, FieldError, Message, Option, Page, Position, Show, Wait
from dojang.products.messages import catalog
from dojang.web.presenting import present, present_result, write_serial
from dojang.web.shell import page_context
from dojang.web.theme import ThemeError, load_theme

SECRET = "8675309"
KINDS = (
    "text", "user_id", "rrn", "digits", "secret_digits", "card_code", "otp", "email", "phone", "birth",
    "name", "choice", "consent", "terms", "pin",
)  # fmt: skip
SHOWS = {
    "code": {"digits": "37"},
    "notice": {"tone": "warn", "message": Message("scam.pin")},
    "facts": {"rows": [{"label": Message("facts.name"), "value": "홍길동"}]},
    "terms": {
        "items": [{"id": "a", "title": Message("field.name"), "text": Message("scam.otp"), "required": True}]
    },
    "card_cells": {"first": 3, "second": 21},
    "seal": {"name": "홍길동"},
    "certificate": {"serial": "4f3a9b21c0de77", "not_after": "2029-11-22T14:59:59Z"},
}
STAGES = ("terms", "identity", "factor", "details", "issue")


def make_page(**parts: object) -> Page:
    """Return an open page of the second stage."""
    plain = Page(
        run="r", journey="financial-web-issue", product="financial", channel="web", state="open", revision=4,
        step="identify", kind="identify", position=Position(2, 5, "identity", STAGES, (5, 6)),
        title=Message("step.identify.title"), why=Message("step.identify.why"),
        actions=(Action("submit", Message("action.next"), primary=True),),
        expires="2026-11-22T07:10:00Z", server_time="2026-11-22T07:00:00Z",
    )  # fmt: skip
    return replace(plain, **parts)  # type: ignore[arg-type]


def html_of(page: Page, locale: str = "ko") -> str:
    """Return a page as the site shows it."""
    request = RequestFactory().get("/runs/r/")
    context = {**page_context(request), "locale": locale, "page": page, "view": present(page, locale)}
    return render_to_string("web/run.html", context, request)


@pytest.mark.parametrize("locale", ["ko", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_field_can_be_answered_and_has_a_name(kind: str, locale: str) -> None:
    """Each kind has its control, its label and its error beside it."""
    options = (Option("a", Message("field.name")), Option("b", Message("field.email"), Message("field.otp")))
    field = Field(
        "thing", kind, Message("field.account"), {"length": 4}, secret=kind in {"rrn", "pin", "card_code"},
        options=options if kind in {"choice", "terms"} else (),
    )  # fmt: skip
    error = FieldError("digits_needed", Message("error.digits_needed", {"count": 4}), "thing")
    html = html_of(make_page(fields=(field,), errors=(error,)), locale)
    names = ["thing_front", "thing_back"] if kind == "rrn" else ["thing"]
    for name in names:
        assert f'name="{name}"' in html
    assert catalog(locale)["field.account"] in html
    assert html.count(catalog(locale)["error.digits_needed"].format(count=4)) == 2
    anchor = html.split('<li><a href="#')[1].split('"')[0]
    assert f'id="{anchor}"' in html


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"choice", "terms", "consent"}])
def test_a_secret_is_never_echoed(kind: str) -> None:
    """Even a page that wrongly carried a secret's value would not show it."""
    field = Field("thing", kind, Message("field.pin"), {"length": 7}, value=SECRET, secret=True)
    assert SECRET not in html_of(make_page(fields=(field,)))


def test_what_was_typed_before_is_kept() -> None:
    """Nothing typed is lost, except secrets; and it is escaped."""
    field = Field("email", "email", Message("field.email"), value='"><b>hong@example.test')
    html = html_of(make_page(fields=(field,)))
    assert 'value="&quot;&gt;&lt;b&gt;hong@example.test"' in html


@pytest.mark.parametrize("locale", ["ko", "en"])
@pytest.mark.parametrize("kind", sorted(SHOWS))
def test_every_kind_of_display_renders(kind: str, locale: str) -> None:
    """Each kind of display has a template that shows what it is given."""
    html = html_of(make_page(show=(Show(kind, SHOWS[kind]),)), locale)
    expected = {"code": "37", "facts": "홍길동", "certificate": "4f3a 9b21 c0de 77", "seal": 'class="seal"'}
    assert expected.get(kind, "<form") in html


@pytest.mark.parametrize("kind", (Show.__doc__ or "").partition("``")[2].partition("``")[0].split())
def test_nothing_a_step_displays_is_without_its_template(kind: str) -> None:
    """A kind of display that the pages do not know would leave an empty place, and its step no way on."""
    assert get_template(f"show/{kind}.html")


def test_errors_that_sound_alike_name_their_fields() -> None:
    """Two codes of the same length are missed in the same words: the summary says which is which."""
    asked = {"code_first": "field.code_first", "serial_tail": "field.serial_tail"}
    fields = tuple(
        Field(name, "digits", Message(label, {"cell": 7}), {"length": 2}) for name, label in asked.items()
    )
    alike = Message("error.digits_needed", {"count": 2})
    view = present(
        make_page(fields=fields, errors=tuple(FieldError("digits_needed", alike, name) for name in asked)),
        "ko",
    )
    sentence = catalog("ko")["error.digits_needed"].format(count=2)
    assert [text for _, text in view.summary] == [f"{one.label}: {sentence}" for one in view.controls]
    alone = make_page(fields=fields, errors=(FieldError("digits_needed", alike, "code_first"),))
    assert [text for _, text in present(alone, "ko").summary] == [sentence]


def test_an_answer_to_the_button_just_pressed_is_heard_first() -> None:
    """Pressed too early, the page says so where the focus is; its other notes stay notes."""
    html = html_of(make_page(messages=(Message("ars.not_yet"), Message("reissue.replaces"))))
    assert html.count("data-focus") == 1
    assert catalog("ko")["ars.not_yet"] in html.split("data-focus")[1].split("</div>")[0]


@pytest.mark.parametrize(
    "state", ["dialing", "ringing", "answered", "approved", "no_answer", "never_heard_of"]
)
def test_a_wait_shows_its_state_and_its_end(state: str) -> None:
    """Every live state has a sentence, also one this site has never heard of."""
    panel = present(make_page(wait=Wait("call", state, "2026-11-22T07:03:00Z")), "ko").wait
    assert panel is not None
    assert panel.text
    assert panel.until_text == "오후 4:03"
    assert panel.good == (state == "approved")
    here = {"dialing": 0, "ringing": 0, "answered": 1, "approved": 2}.get(state)
    shown = [station.state for station in panel.stations]
    assert (
        shown
        == {
            0: ["now", "next", "next"],
            1: ["done", "now", "next"],
            2: ["done", "done", "good"],
            None: ["next", "next", "next"],
        }[here]
    )


def test_there_is_one_primary_button_and_it_comes_first_in_its_form() -> None:
    """Pressing Enter in a field submits; it never goes back, cancels or asks for more time."""
    actions = (
        Action("submit", Message("action.next"), primary=True),
        Action("resend", Message("action.send_again")),
        Action("side:find-id", Message("side.find-id.action")), Action("back", Message("action.back")),
        Action("extend", Message("action.extend")), Action("cancel", Message("action.cancel")),
    )  # fmt: skip
    html = html_of(make_page(fields=(Field("name", "name", Message("field.name")),), actions=actions))
    assert html.count("btn--primary btn--wide") == 1
    form = html[html.index('id="act"') :]
    first = form[form.index("<button") :].split(">")[0]
    assert 'value="submit"' in first
    assert 'form="act"' not in html[: html.index('id="act"')]


def test_dates_and_nested_messages_become_the_readers() -> None:
    """Machine dates are written as people write them, in Korea's time."""
    assert localise("2026-11-22T15:30:00Z", "ko") == "2026년 11월 23일 오전 12:30"
    assert localise("2026-11-22T03:30:00+00:00", "en") == "22 November 2026, 12:30 pm"
    assert localise("2029-11-22", "en") == "22 November 2029"
    assert localise({"id": "field.name", "args": {}}, "en") == catalog("en")["field.name"]
    assert localise("12-34", "ko") == "12-34"


def test_the_result_is_told_in_plain_words() -> None:
    """Name, what was revoked, and grouped serial numbers."""
    result = {
        "holder": "홍길동",
        "serial": "6b1f9c02d4",
        "replaced": "4f3a9b21",
        "product": "financial",
        "issuer": "x",
    }
    told = present_result(make_page(state="done", result=result), "ko")
    assert told["name"] == "홍길동"
    assert told["replaced"] == "4f3a 9b21"
    assert [row["value"] for row in told["rows"]] == ["홍길동", "금융인증서", "6b1f 9c02 d4"]
    assert write_serial("0xABCDEF") == "abcd ef"


def test_a_theme_may_only_bring_colours() -> None:
    """The default bank's theme loads; a name that is no name and a missing bank are refused."""
    assert load_theme("dojang").names["en"] == "Dojang Bank"
    for name in ("nobank", "../dojang", "Dojang"):
        with pytest.raises(ThemeError):
            load_theme(name)
