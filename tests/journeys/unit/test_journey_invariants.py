"""The invariants this room keeps, each tried to be broken at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.unit.country import SmallCountry, Someone, Walker, make_a, make_b

from dojang.journeys import engine
from dojang.products import JOURNEYS

if TYPE_CHECKING:
    from dojang.journeys.outcomes import Count

ISSUE = JOURNEYS["financial-web-issue"]
FOREIGN: dict[str, dict[str, Any]] = {
    "ars": {"phone": "p-5678"},
    "account": {"account": "11000099990000", "account_password": "1357"},
    "otp": {"code": "271828"},
    "person": {"name": "백두", "phone": "01000005678", "birth": "19850702"},
}


def walk_to(step: str) -> tuple[Walker, Someone, Someone]:
    """Return A's run at a step."""
    a, b = make_a(), make_b()
    if step == "otp":
        a.media = b.media = ("otp",)
        b.otp = "271828"
    walker = Walker(ISSUE, SmallCountry(a, b))
    walker.walk(a, until=step)
    assert walker.step == step
    return walker, a, b


@pytest.mark.parametrize("step", ["ars", "account", "security_card", "otp", "person", "sms_reply"])
def test_invariant_8_evidence_of_another_person_is_refused_and_both_are_named(step: str) -> None:
    """B's true evidence in A's run: refused, nothing proven, B named beside A."""
    walker, _a, b = walk_to(step)
    facts = dict(walker.progress.facts)
    if step == "sms_reply":
        walker.reply(walker.page.show[0].data["digits"], b.numbers[0])
        walker.submit()
    elif step == "security_card":
        walker.submit(**walker.right("security_card", b))
    else:
        walker.submit(**FOREIGN[step])
    assert walker.step == step
    assert walker.page.errors
    assert walker.mismatch is not None
    assert walker.mismatch.owners == ("c-b",)
    assert walker.progress.facts == facts
    assert walker.progress.customer == "c-a"


def test_invariant_10_counters_move_before_anyone_is_asked() -> None:
    """Every kind that compares something secret names a counter for the submit that compares it."""
    compared = {
        "identify": {"user_id": "ahnyoung", "rrn": "9001311000000"},
        "account": {"account": "11000012345678", "account_password": "8264"},
        "security_card": {"serial_tail": "5678", "code_first": "00", "code_second": "00"},
        "otp": {"code": "000000"},
        "mail_code": {"code": "000000"},
        "person": {"name": "안영", "phone": "01000001234", "birth": "1990-01-31"},
        "sms_reply": {},
        "find_id": {"account": "11000012345678"},
        "phone_code": {"code": "000000"},
    }
    walker, _a, _b = walk_to("terms")
    steps = [*ISSUE.steps, *(s for side in ISSUE.sides for s in side.steps)]
    locking: dict[str, list[Count]] = {}
    for step in steps:
        if step.id in compared:
            locking[step.id] = [c for c in step.kind.counts(walker.view, compared[step.id]) if c.locks]
    assert set(locking) == set(compared)
    assert all(counts and all(c.on_pass == "reset" for c in counts) for counts in locking.values())


def test_invariant_10_counters_belong_to_people_and_not_to_runs() -> None:
    """Wrong card codes in one run leave fewer in the next."""
    a = make_a()
    country = SmallCountry(a)
    counters: dict[str, int] = {}
    for left in (4, 3, 2, 1):
        walker = Walker(ISSUE, country, counters=counters)
        walker.walk(a, until="security_card")
        page = walker.submit(serial_tail="0000", code_first="00", code_second="00")
        assert page.errors[0].message.args == {"left": left}
    walker = Walker(ISSUE, country, counters=counters)
    walker.walk(a, until="security_card")
    assert walker.submit(serial_tail="0000", code_first="00", code_second="00").state == "locked"


def test_invariant_16_the_telephone_alone_never_issues() -> None:
    """Who owns A's line, RRN, ID, birth date and account number stops at the account's password."""
    walker, a, _b = walk_to("account")
    for guess in ("0000", "1111", "2222", "3333", "4444", "8264"):
        walker.submit(account=a.account, account_password=guess)
    assert walker.step == "account"
    assert walker.page.state == "locked"
    names = {p.name for p in engine.required_evidence(walker.view)}
    assert {"account", "factor_choice", "pin", "confirmed", "bank_certificate|otp|security_card"} <= names


def test_invariant_16_changing_the_number_needs_more_than_the_telephone() -> None:
    """The side journey asks for the account's password and a second factor before the new number."""
    change = ISSUE.find("change-phone")
    order = [s.id for s in change.steps]
    assert order.index("account") < order.index("security_card") < order.index("new_phone")
    walker, a, _b = walk_to("ars")
    walker.side("change-phone")
    walker.submit(account=a.account, account_password="0000")
    assert walker.step == "account"
    assert walker.page.side == "change-phone"


def test_invariant_16_every_path_has_a_factor_that_is_not_the_telephone() -> None:
    """Without card and token evidence, issuing misses it even if every `when` were fooled."""
    strong = {
        "financial": {frozenset({"security_card", "otp", "bank_certificate"})},
        "joint": {frozenset({"account"})},
        "bank": {frozenset({"id_card"}), frozenset({"account"}), frozenset({"one_won"})},
    }
    for journey in JOURNEYS.values():
        assert strong[journey.product.id] <= set(journey.evidence)
    walker, a, _b = walk_to("terms")
    walker.walk(a)
    facts = {k: f for k, f in walker.progress.facts.items() if k not in {"security_card", "factor_choice"}}
    fooled = Walker(ISSUE, walker.country)
    fooled.run, fooled.progress = (
        walker.run,
        walker.progress.__class__(
            journey=ISSUE.id, version=ISSUE.version, frames=walker.progress.frames, facts=facts, finished=True
        ),
    )
    assert "bank_certificate|otp|security_card" in {p.name for p in engine.required_evidence(fooled.view)}


def test_invariant_17_a_card_challenge_stays_until_answered() -> None:
    """Back, a second run and a wrong answer all show the same two cells; a right answer frees them."""
    a = make_a()
    country = SmallCountry(a)
    challenges: dict[str, Any] = {}
    walker = Walker(ISSUE, country, challenges=challenges)
    walker.walk(a, until="security_card")
    cells = walker.page.show[0].data
    walker.back()
    walker.walk(a, until="security_card")
    assert walker.page.show[0].data == cells
    walker.submit(serial_tail="0000", code_first="00", code_second="00")
    assert walker.page.show[0].data == cells
    second = Walker(ISSUE, country, challenges=challenges)
    second.walk(a, until="security_card")
    assert second.page.show[0].data == cells
    second.do(a)
    assert challenges == {}
    assert "security_card" in second.progress.facts


def test_invariant_17_codes_seen_being_answered_elsewhere_cannot_be_replayed() -> None:
    """A page whose challenge was answered in another run gets a new one; its codes are asked of nobody."""
    a = make_a()
    country = SmallCountry(a)
    challenges: dict[str, Any] = {}
    counters: dict[str, int] = {}
    first = Walker(ISSUE, country, challenges=challenges, counters=counters)
    first.walk(a, until="security_card")
    second = Walker(ISSUE, country, challenges=challenges, counters=counters)
    second.walk(a, until="security_card")
    answer = second.right("security_card", a)
    second.do(a)
    asked = country.asked.count("check_card")
    first.submit(**answer)
    assert [e.code for e in first.page.errors] == ["challenge_stale"]
    assert country.asked.count("check_card") == asked
    assert challenges["c-a"]["cells"] == first.view.scratch["cells"]
    assert counters["security_card|customer:c-a"] == 0
    assert first.do(a).step == "contact"
