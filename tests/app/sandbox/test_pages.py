"""The sandbox's pages: they render in both languages and work by plain forms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from dojang.sandbox.world import SandboxWorldParts

NUMBER = "01000000101"
PHONE = f"/sandbox/phone/{NUMBER}/"
PAGES = (
    "/sandbox/",
    PHONE,
    "/sandbox/phone/01000007777/",
    "/sandbox/drawer/hong/",
    "/sandbox/drawer/lee/",
    "/sandbox/drawer/smith/",
    "/sandbox/drawer/park/",
    "/sandbox/mail/kim@example.test/",
    "/sandbox/clock/",
    "/sandbox/api/docs",
)


def _get(client: Client, path: str, locale: str = "ko", **headers: str) -> Any:
    return client.get(path, headers={"Accept-Language": locale, **headers})


def _press(client: Client, path: str, **fields: str) -> Any:
    """Send a form as a browser would: with the token of the page it stands on."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(path).content.decode())
    assert token is not None
    target = "/sandbox/recast/" if path == "/sandbox/" else path
    return client.post(target, {"csrfmiddlewaretoken": token[1], **fields})


def _call(country: SandboxWorldParts, key: str = "call-1") -> str:
    return country.telephony.place_call(
        number=NUMBER, expect="47", announcement="도장은행입니다.", locale="ko", key=key
    ).id


@pytest.mark.parametrize("path", PAGES)
def test_every_page_renders_in_both_languages(client: Client, path: str) -> None:
    """200 in Korean and English, one level-one heading, no script or style inside, no message id left."""
    texts = {}
    for locale in ("ko", "en"):
        answer = _get(client, path, locale)
        assert answer.status_code == 200
        text = texts[locale] = answer.content.decode()
        assert f'<html lang="{locale}"' in text
        assert text.count("<h1") == 1
        assert "<style" not in text
        assert not re.search(r"<script(?![^>]* src=)", text)
        assert not re.search(r'\s(style|on\w+)="', text)
        assert "sandbox." not in re.sub(r"<[^>]*>", "", text)
    assert texts["ko"] != texts["en"]


def test_the_language_can_be_chosen(client: Client) -> None:
    """The link to the other language sets a cookie and comes back to the same page."""
    answer = client.get("/sandbox/clock/?lang=en")
    assert (answer.status_code, answer["Location"]) == (302, "/sandbox/clock/")
    assert '<html lang="en"' in client.get("/sandbox/clock/").content.decode()


def test_a_telephone_rings_answers_and_approves(client: Client, country: SandboxWorldParts) -> None:
    """By forms alone: ringing screen, announcement, digit by digit, approved in the log."""
    call = _call(country)
    ringing = client.get(PHONE).content.decode()
    assert "data-ringing" in ringing
    assert "도장은행입니다." not in ringing
    answer = _press(client, PHONE, call=call, action="answer")
    assert (answer.status_code, answer["Location"]) == (302, PHONE)
    talking = client.get(PHONE).content.decode()
    assert "도장은행입니다." in talking
    assert talking.count('name="digit"') == 10
    _press(client, PHONE, call=call, digit="4")
    assert "•" not in client.get(PHONE).content.decode()
    _press(client, PHONE, call=call, digit="7")
    assert country.telephony.call(call).state == "approved"
    assert f'data-call="{call}" data-state="approved"' in client.get(PHONE).content.decode()


def test_a_call_is_declined(client: Client, country: SandboxWorldParts) -> None:
    """The red button refuses the call."""
    call = _call(country)
    _press(client, PHONE, call=call, action="reject")
    assert country.telephony.call(call).state == "rejected"


def test_a_button_pressed_too_late_changes_nothing(client: Client, country: SandboxWorldParts) -> None:
    """Answering a call that ended meanwhile, or keying in one not answered, only shows the present state."""
    call = _call(country)
    _press(client, PHONE, call=call, digit="4")
    assert country.telephony.call(call).state == "dialing"
    country.telephony.hang_up(call)
    assert _press(client, PHONE, call=call, action="answer").status_code == 302
    assert country.telephony.call(call).state == "ended"


def test_a_reply_is_sent_to_the_bank(client: Client, country: SandboxWorldParts) -> None:
    """The box below the messages sends; an empty reply is refused at the field and sends nothing."""
    since = country.clock.now()
    assert _press(client, PHONE, action="reply", text="38").status_code == 302
    wrong = _press(client, PHONE, action="reply", text="  ")
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.content.decode()
    assert [reply.text for reply in country.sms.inbound(since=since, sender=NUMBER)] == ["38"]


def test_what_people_write_is_shown_as_text(client: Client, country: SandboxWorldParts) -> None:
    """Mark-up in messages, mails and announcements is not mark-up."""
    nasty = "<b>x</b>"
    country.sms.send(number=NUMBER, text=nasty, key="text-1")
    country.mail.send(to="kim@example.test", subject=nasty, text=nasty, key="mail-1")
    for path in (PHONE, "/sandbox/mail/kim@example.test/"):
        assert nasty not in client.get(path).content.decode()


def test_an_unchanged_page_is_not_drawn_again(client: Client, country: SandboxWorldParts) -> None:
    """Polling gets 304 until something happens to the telephone, or the reader changes language."""
    happenings: dict[str, Callable[[], None]] = {
        PHONE: lambda: country.sms.send(number=NUMBER, text="x", key="text-2"),
        "/sandbox/mail/kim@example.test/": lambda: country.mail.send(
            to="kim@example.test", subject="x", text="x", key="mail-2"
        ),
    }
    for path, happen in happenings.items():
        tag = _get(client, path)["ETag"]
        assert _get(client, path, **{"If-None-Match": tag}).status_code == 304
        assert _get(client, path, "en", **{"If-None-Match": tag}).status_code == 200
        happen()
        assert _get(client, path, **{"If-None-Match": tag}).status_code == 200


def test_the_drawer_shows_what_the_journey_asks(client: Client) -> None:
    """All 35 cells, the serial, the account with its password and the token's code are on the page."""
    text = client.get("/sandbox/drawer/baek/").content.decode()
    baek = BY_HANDLE["baek"]
    assert baek.card is not None
    assert text.count("data-cell=") == 35
    for cell in baek.card.cells:
        assert f">{cell}</b>" in text
    assert baek.accounts[0].password in text
    assert re.search(r'data-fact="otp">\d{3} \d{3}<', text)


def test_a_card_is_lost_by_a_button(client: Client, country: SandboxWorldParts) -> None:
    """The drawer's buttons change a medium's state; an unknown state changes nothing."""
    customer = BY_HANDLE["hong"].id
    _press(client, "/sandbox/drawer/hong/", medium="card", state="lost")
    assert country.corebank.factors(customer).names == ()
    _press(client, "/sandbox/drawer/hong/", medium="card", state="burnt")
    assert country.corebank.factors(customer).names == ()
    _press(client, "/sandbox/drawer/hong/", medium="card", state="usable")
    assert country.corebank.factors(customer).names == ("security_card",)


def test_the_clock_page_moves_time(client: Client, country: SandboxWorldParts) -> None:
    """A jump and a number of days add up; nonsense is refused at the field."""
    _press(client, "/sandbox/clock/", jump="hour")
    _press(client, "/sandbox/clock/", days="2")
    assert country.clock.offset().total_seconds() == 3_600 + 2 * 86_400
    for days in ("0", "-1", "soon", "9999", ""):
        assert _press(client, "/sandbox/clock/", days=days).status_code == 422
    assert country.clock.offset().total_seconds() == 3_600 + 2 * 86_400


def test_the_country_is_reset_by_a_button(client: Client, country: SandboxWorldParts) -> None:
    """The overview's button recasts and says so."""
    country.drawers.set_state("hong", "card", "lost")
    answer = _press(client, "/sandbox/")
    assert answer["Location"] == "/sandbox/?recast"
    assert 'role="status"' in client.get("/sandbox/?recast").content.decode()
    assert country.corebank.factors(BY_HANDLE["hong"].id).names == ("security_card",)


def test_forms_without_their_token_are_refused(client: Client, country: SandboxWorldParts) -> None:
    """A foreign page cannot press buttons here."""
    assert client.post("/sandbox/clock/", {"jump": "year"}).status_code == 403
    assert client.post(PHONE, {"action": "reply", "text": "38"}).status_code == 403
    assert client.post("/sandbox/recast/").status_code == 403
    assert country.clock.offset().total_seconds() == 0
    assert country.sms.texts(NUMBER) == ()


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/sandbox/phone/?number=010-0000-7777", "/sandbox/phone/01000007777/"),
        ("/sandbox/phone/?number=abc", "/sandbox/"),
        ("/sandbox/phone/", "/sandbox/"),
        ("/sandbox/mail/?address=New@Example.test", "/sandbox/mail/new@example.test/"),
        ("/sandbox/mail/?address=//evil", "/sandbox/"),
    ],
)
def test_other_numbers_and_addresses_can_be_opened(client: Client, path: str, place: str) -> None:
    """The two boxes of the overview lead to the page, or back when what was typed is none."""
    assert client.get(path)["Location"] == place


@pytest.mark.parametrize(
    "path",
    [
        "/sandbox/drawer/nobody/",
        "/sandbox/drawer/%00/",
        "/sandbox/phone/12/",
        "/sandbox/mail/nothing/",
        "/sandbox/branchless/",
    ],
)
def test_what_does_not_exist_is_404(client: Client, path: str) -> None:
    """Unknown people, numbers that are none and addresses that are none are not found."""
    assert client.get(path).status_code == 404
