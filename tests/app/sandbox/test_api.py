"""The sandbox's JSON: everything one can do with a telephone, a drawer, a mailbox and the clock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dojang.config import wiring
from dojang.sandbox.cast import BY_HANDLE, CAST
from dojang.sandbox.clock import MOST_SECONDS

if TYPE_CHECKING:
    from django.test import Client

    from dojang.sandbox.world import SandboxWorldParts

NUMBER = "01000000101"


def _post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(f"/sandbox/api{path}", body, content_type="application/json")


def _call(country: SandboxWorldParts, key: str = "call-1") -> str:
    return country.telephony.place_call(
        number=NUMBER, expect="47", announcement="도장은행입니다.", locale="ko", key=key
    ).id


def _problem(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert set(body) >= {"type", "title", "status", "detail", "code"}
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"]


def test_lists_the_cast_in_the_reader_s_language(client: Client) -> None:
    """Ten people, with what is special about each in Korean or English; Korean text is not escaped."""
    korean = client.get("/sandbox/api/people", headers={"Accept-Language": "ko"})
    english = client.get("/sandbox/api/people", headers={"Accept-Language": "en"})
    assert [person["person"] for person in korean.json()] == [person.handle for person in CAST]
    assert "홍길동" in korean.content.decode()
    assert korean.json()[2]["about"] != english.json()[2]["about"]
    assert "token" in english.json()[2]["about"]


def test_opens_a_drawer(client: Client) -> None:
    """Identity, telephones with ids, accounts and card are what the cast has."""
    drawer = client.get("/sandbox/api/people/hong/drawer").json()
    hong = BY_HANDLE["hong"]
    assert hong.card is not None
    assert (drawer["rrn"], drawer["birth"], drawer["user_id"]) == (hong.rrn, "1988-03-15", "hong1234")
    assert drawer["customer_id"] == hong.id
    assert [phone["number"] for phone in drawer["phones"]] == ["01000000101", "01000000102"]
    assert [account["password"] for account in drawer["accounts"]] == [
        account.password for account in hong.accounts
    ]
    assert drawer["card"]["cells"] == {str(n): cell for n, cell in enumerate(hong.card.cells, 1)}
    assert drawer["card"]["serial"] == hong.card.serial
    assert drawer["token"] is None


def test_the_token_shows_what_the_bank_accepts(client: Client, country: SandboxWorldParts) -> None:
    """The code in lee's drawer passes the core bank's check."""
    token = client.get("/sandbox/api/people/lee/drawer").json()["token"]
    assert 1 <= token["seconds_left"] <= 60
    assert country.corebank.check_otp(BY_HANDLE["lee"].id, code=token["code"], key="otp-1").ok


def test_a_medium_can_be_lost_and_found(client: Client, country: SandboxWorldParts) -> None:
    """A lost card is no factor; found again it is one; a medium never held is 404."""
    customer = BY_HANDLE["hong"].id
    for state, names in (("lost", ()), ("usable", ("security_card",))):
        answer = client.put(
            "/sandbox/api/people/hong/drawer/card", {"state": state}, content_type="application/json"
        )
        assert answer.status_code == 204
        assert country.corebank.factors(customer).names == names
    answer = client.put(
        "/sandbox/api/people/hong/drawer/token", {"state": "lost"}, content_type="application/json"
    )
    assert _problem(answer) == (404, "medium_unknown")


def test_a_call_is_answered_and_approved(client: Client, country: SandboxWorldParts) -> None:
    """Look, answer, key: the bank's side sees the approval, and hyphens in the number do not matter."""
    call = _call(country)
    country.clock.advance(2)
    seen = client.get("/sandbox/api/phones/010-0000-0101").json()
    assert (seen["number"], seen["person"]) == (NUMBER, "hong")
    assert [(one["id"], one["state"]) for one in seen["calls"]] == [(call, "ringing")]
    answered = _post(client, f"/phones/{NUMBER}/calls/{call}/answer").json()
    assert (answered["state"], answered["announcement"]) == ("answered", "도장은행입니다.")
    keyed = _post(client, f"/phones/{NUMBER}/calls/{call}/keys", {"digits": "4"}).json()
    assert (keyed["state"], keyed["digits_keyed"]) == ("answered", 1)
    assert _post(client, f"/phones/{NUMBER}/calls/{call}/keys", {"digits": "7"}).json()["state"] == "approved"
    assert country.telephony.call(call).state == "approved"
    again = _post(client, f"/phones/{NUMBER}/calls/{call}/keys", {"digits": "7"})
    assert _problem(again) == (409, "call_state")


@pytest.mark.parametrize(("verb", "state"), [("reject", "rejected"), ("hang-up", "rejected")])
def test_a_ringing_call_can_be_refused(
    client: Client, country: SandboxWorldParts, verb: str, state: str
) -> None:
    """Both words end a call that rings as ``rejected``."""
    call = _call(country)
    assert _post(client, f"/phones/{NUMBER}/calls/{call}/{verb}").json()["state"] == state
    assert country.telephony.call(call).state == state


def test_hanging_up_after_the_answer_ends_the_call(client: Client, country: SandboxWorldParts) -> None:
    """An answered call put down is ``ended``."""
    call = _call(country)
    _post(client, f"/phones/{NUMBER}/calls/{call}/answer")
    assert _post(client, f"/phones/{NUMBER}/calls/{call}/hang-up").json()["state"] == "ended"


def test_an_unknown_call_is_404(client: Client, country: SandboxWorldParts) -> None:
    """A call of another number is as unknown as one that never was; it goes on ringing."""
    call = _call(country)
    assert _problem(_post(client, f"/phones/01000000201/calls/{call}/answer")) == (404, "call_unknown")
    assert _problem(_post(client, f"/phones/{NUMBER}/calls/none/answer")) == (404, "call_unknown")
    assert country.telephony.call(call).state == "dialing"


def test_the_code_is_never_shown_to_the_telephone(client: Client, country: SandboxWorldParts) -> None:
    """What is expected on the keypad is in no answer about the handset."""
    _call(country)
    seen = client.get(f"/sandbox/api/phones/{NUMBER}").content.decode()
    assert '"47"' not in seen
    assert "expect" not in seen


def test_texts_go_both_ways(client: Client, country: SandboxWorldParts) -> None:
    """The bank's text is in the inbox; the reply reaches the bank with its sender."""
    country.sms.send(number=NUMBER, text="38을 보내 주세요", key="text-1")
    since = country.clock.now()
    answer = _post(client, f"/phones/{NUMBER}/reply", {"text": "38"})
    assert answer.status_code == 201
    inbound = country.sms.inbound(since=since, sender=NUMBER)
    assert [(reply.id, reply.text) for reply in inbound] == [(answer.json()["id"], "38")]
    messages = client.get(f"/sandbox/api/phones/{NUMBER}").json()["messages"]
    assert [(one["sender"], one["text"]) for one in messages] == [
        ("bank", "38을 보내 주세요"),
        ("handset", "38"),
    ]


def test_mail_and_push_are_delivered(client: Client, country: SandboxWorldParts) -> None:
    """Mails lie in the mailbox of their address; app messages show on the person's telephone."""
    country.mail.send(to="kim@example.test", subject="확인번호", text="482913", key="mail-1")
    country.push.send(customer_id=BY_HANDLE["hong"].id, title="도장은행", text="발급", key="push-1")
    box = client.get("/sandbox/api/mail/KIM@example.test").json()
    assert (box["address"], [one["text"] for one in box["letters"]]) == ("kim@example.test", ["482913"])
    assert client.get("/sandbox/api/mail/nobody@example.test").json()["letters"] == []
    assert [one["text"] for one in client.get(f"/sandbox/api/phones/{NUMBER}").json()["push"]] == ["발급"]


def test_a_number_nobody_has_still_gets_texts(client: Client, country: SandboxWorldParts) -> None:
    """A new number, before the bank knows whose it is, has a telephone without an owner."""
    country.sms.send(number="01000007777", text="확인번호 112233", key="text-2")
    seen = client.get("/sandbox/api/phones/01000007777").json()
    assert seen["person"] is None
    assert [one["text"] for one in seen["messages"]] == ["확인번호 112233"]


def test_the_clock_moves_forward_only(client: Client, country: SandboxWorldParts) -> None:
    """A day on is a day on; nought, back and too far are refused and move nothing."""
    assert client.get("/sandbox/api/clock").json()["offset_seconds"] == 0
    assert _post(client, "/clock", {"advance_seconds": 86_400}).json()["offset_seconds"] == 86_400
    for seconds in (0, -1, MOST_SECONDS + 1):
        answer = _post(client, "/clock", {"advance_seconds": seconds})
        assert _problem(answer) == (400, "request_malformed")
    assert _problem(_post(client, "/clock", {"advance_seconds": MOST_SECONDS})) == (409, "clock_move")
    assert country.clock.offset().total_seconds() == 86_400


def test_a_fresh_start_empties_the_country(client: Client, country: SandboxWorldParts) -> None:
    """Recasting through JSON clears inboxes and brings a lost card back."""
    country.drawers.set_state("hong", "card", "lost")
    country.sms.send(number=NUMBER, text="x", key="text-3")
    assert _post(client, "/recast").status_code == 204
    assert client.get(f"/sandbox/api/phones/{NUMBER}").json()["messages"] == []
    assert client.get("/sandbox/api/people/hong/drawer").json()["card"]["state"] == "usable"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/phones/{NUMBER}/calls/x/keys", {"digits": ""}),
        (f"/phones/{NUMBER}/calls/x/keys", {"digits": "four"}),
        (f"/phones/{NUMBER}/calls/x/keys", {"digits": "1" * 9}),
        (f"/phones/{NUMBER}/reply", {"text": ""}),
        (f"/phones/{NUMBER}/reply", {"text": "x" * 161}),
        (f"/phones/{NUMBER}/reply", {"text": "a\x00b"}),
        (f"/phones/{NUMBER}/reply", {"text": "\ud800"}),
        (f"/phones/{NUMBER}/reply", {}),
        ("/phones/12/reply", {"text": "38"}),
        ("/clock", {"advance_seconds": "soon"}),
        ("/clock", []),
    ],
)
def test_malformed_requests_are_refused(
    client: Client, country: SandboxWorldParts, path: str, body: Any
) -> None:
    """Each is a 400 problem that repeats nothing of what was sent, and nothing has happened."""
    answer = client.post(f"/sandbox/api{path}", json.dumps(body), content_type="application/json")
    assert _problem(answer) == (400, "request_malformed")
    assert "four" not in answer.content.decode()
    assert country.sms.texts(NUMBER) == ()
    assert country.clock.offset().total_seconds() == 0


def test_what_is_not_json_is_a_problem(client: Client) -> None:
    """A body that cannot be parsed, an unknown person and a wrong method each have their answer."""
    broken = client.post("/sandbox/api/clock", "{", content_type="application/json")
    assert _problem(broken) == (400, "request_malformed")
    assert _problem(client.get("/sandbox/api/people/nobody/drawer")) == (404, "person_unknown")
    assert client.delete("/sandbox/api/clock").status_code == 405


def test_another_outside_than_the_sandbox_has_no_pages(client: Client) -> None:
    """When the World's core bank is a real one, the sandbox's JSON and pages say so and show nothing."""
    world = wiring.get_world()
    object.__setattr__(world, "corebank", object())
    assert _problem(client.get("/sandbox/api/people")) == (404, "sandbox_off")
    assert client.get("/sandbox/").status_code == 404


def test_the_document_describes_every_operation(client: Client) -> None:
    """OpenAPI 3.1, each operation with an id, a summary, a description and typed problems."""
    document = client.get("/sandbox/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == 13
    assert len({operation["operationId"] for operation in operations}) == 13
    for operation in operations:
        assert operation["summary"]
        assert operation["description"].endswith(".")
        assert "503" in operation["responses"]
        for status, answer in operation["responses"].items():
            kinds = list(answer.get("content", {}))
            expected = ["application/problem+json"] if status >= "400" else ["application/json"]
            assert kinds == ([] if status == "204" else expected)
