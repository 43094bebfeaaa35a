"""Walking a journey: order, back, side journeys, evidence, and what is stored."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.journeys.unit.country import NOW, SmallCountry, Walker, holding, make_a, make_b

from dojang.journeys import engine
from dojang.journeys.outcomes import Passed, Rejected
from dojang.journeys.store import dump_progress, load_progress
from dojang.products import JOURNEYS

ISSUE = JOURNEYS["financial-web-issue"]
REISSUE = JOURNEYS["financial-web-reissue"]


def start(journey_id: str = "financial-web-issue") -> tuple[Walker, SmallCountry]:
    """Start a run in a country of two."""
    country = SmallCountry(make_a(), make_b())
    return Walker(JOURNEYS[journey_id], country), country


def test_the_steps_come_in_the_order_of_the_guide() -> None:
    """An ordinary customer passes twelve steps, and their guide numbers rise from 3 to 18."""
    walker, country = start()
    walker.walk(country.people["c-a"])
    steps = list(dict.fromkeys(page.step for page in walker.pages))
    assert steps == [
        "terms",
        "identify",
        "ars",
        "account",
        "factor",
        "security_card",
        "contact",
        "person",
        "sms_reply",
        "pin",
        "confirm",
    ]
    numbers = [n for step in steps for n in ISSUE.step(step).guide]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(3, 19))


def test_the_end_of_the_steps_is_issuing_with_all_evidence() -> None:
    """After the last step the run is finished and nothing is missing."""
    walker, country = start()
    page = walker.walk(country.people["c-a"])
    assert page.state == "issuing"
    assert walker.progress.finished
    assert engine.required_evidence(walker.view) == ()


def test_a_holder_is_asked_for_the_reason_of_a_reissue() -> None:
    """Who holds a certificate is asked why in the issue journey, and keeps the old end far from it."""
    walker, country = start()
    country.people["c-a"].holdings = (holding(days=700),)
    walker.walk(country.people["c-a"], until="reissue")
    walker.submit(reason="lost")
    assert walker.step == "ars"
    assert walker.progress.facts["reissue"].values == {
        "reason": "lost",
        "replaces": "00ab",
        "keep_not_after": True,
    }


def test_near_its_end_a_reissue_gets_a_full_life() -> None:
    """Within the renewal window the old end is not kept."""
    walker, country = start()
    country.people["c-a"].holdings = (holding(days=20),)
    walker.walk(country.people["c-a"], until="ars")
    assert walker.progress.facts["reissue"].values["keep_not_after"] is False


def test_reissue_without_a_certificate_becomes_a_first_issue() -> None:
    """The reissue journey tells who holds none that a first one will be issued, and goes on."""
    walker, country = start("financial-web-reissue")
    page = walker.walk(country.people["c-a"], until="reissue")
    assert page.fields == ()
    assert [m.id for m in page.messages] == ["reissue.none_held"]
    assert walker.submit().step == "ars"


def test_a_second_reissue_on_one_day_is_refused() -> None:
    """One re-issue a day: the next one stops with the way out."""
    walker, country = start()
    country.people["c-a"].holdings = (holding(days=700), holding(days=10, ended=NOW - timedelta(minutes=5)))
    walker.walk(country.people["c-a"], until="reissue")
    assert walker.page.state == "failed"
    assert [e.code for e in walker.page.errors] == ["reissue_limit"]


def test_back_forgets_what_the_step_proved() -> None:
    """Going back asks for the proof again, under a new visit, and shows what was typed except secrets."""
    walker, country = start()
    walker.walk(country.people["c-a"], until="factor")
    page = walker.back()
    assert page.step == "account"
    assert "account" not in walker.progress.facts
    assert walker.progress.top.visit == 2
    shown = {f.name: f.value for f in page.fields}
    assert shown == {"account": country.people["c-a"].account, "account_password": None}


def test_back_past_identify_frees_the_run_of_its_person() -> None:
    """Having gone back to the identity, the run belongs to nobody and another customer may use it."""
    walker, country = start()
    walker.walk(country.people["c-a"], until="ars")
    walker.back()
    assert walker.progress.customer is None
    walker.walk(country.people["c-b"], until="ars")
    assert walker.progress.customer == "c-b"


def test_there_is_no_way_back_from_the_first_step() -> None:
    """The first page offers no back, and pressing it changes nothing."""
    walker, _country = start()
    assert "back" not in {a.name for a in walker.page.actions}
    before = walker.progress
    assert engine.back(before) is before


def test_find_my_id_returns_to_the_identity_step() -> None:
    """The side journey shows the masked id where it was called from."""
    walker, country = start()
    walker.walk(country.people["c-a"], until="identify")
    page = walker.side("find-id")
    assert (page.step, page.side, page.position.stage) == ("find_id", "find-id", 2)
    page = walker.do(country.people["c-a"])
    assert (page.step, page.side) == ("identify", None)
    assert [m.args for m in page.messages if m.id == "identify.found"] == [{"user_id": "ahn*****"}]
    assert walker.progress.customer is None


def test_a_side_journey_can_be_left_by_back() -> None:
    """Back from its first step returns to the step that offered it, without facts."""
    walker, country = start()
    walker.walk(country.people["c-a"], until="ars")
    walker.side("change-phone")
    walker.do(country.people["c-a"])
    assert "change-phone/account" in walker.progress.facts
    walker.back()
    assert walker.step == "account"
    page = walker.back()
    assert (page.step, page.side) == ("ars", None)
    assert not [k for k in walker.progress.facts if k.startswith("change-phone/")]


def test_a_changed_number_is_used_and_takes_the_higher_path() -> None:
    """After the change the call goes to the new number, and the mail box must help as well."""
    walker, country = start()
    person = country.people["c-a"]
    walker.walk(person, until="ars")
    walker.side("change-phone")
    for step in ("account", "factor", "security_card", "new_phone", "phone_code"):
        assert walker.step == step
        walker.do(person)
    assert (walker.step, walker.page.side) == ("ars", None)
    assert person.numbers == ["01000009876"]
    walker.submit()
    assert [o.label.args["masked"] for o in walker.page.fields[0].options] == ["010-****-9876"]
    walker.walk(person, until="mail_code")
    assert walker.step == "mail_code"
    assert country.mails[-1][0] == "someone@example.com"
    assert walker.walk(person).state == "issuing"


def test_facts_of_a_side_journey_are_no_evidence_for_issuing() -> None:
    """The account proven while changing the number does not count for the certificate."""
    walker, country = start()
    person = country.people["c-a"]
    walker.walk(person, until="ars")
    walker.side("change-phone")
    walker.do(person)
    side_fact = walker.progress.facts["change-phone/account"]
    walker.back()
    walker.back()
    walker.walk(person)
    moved = replace(walker.progress, facts={**walker.progress.facts, "account": side_fact})
    problems = engine.required_evidence(engine.look_at(ISSUE, moved, walker.context()))
    assert [(p.name, p.reason) for p in problems] == [("account", "other_purpose")]


def test_a_side_journey_is_offered_only_at_its_step() -> None:
    """Asking for it elsewhere is a `KeyError`, and nothing changes."""
    walker, _country = start()
    with pytest.raises(KeyError):
        engine.enter_side(walker.view, "find-id")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"customer": "c-b"}, "foreign"),
        ({"run": "another"}, "other_run"),
        ({"purpose": "change-phone"}, "other_purpose"),
        ({"used": True}, "used"),
        ({"expires": NOW - timedelta(seconds=1)}, "expired"),
    ],
)
def test_each_piece_of_evidence_is_checked_again_at_issuing(change: dict[str, object], reason: str) -> None:
    """Invariant 8: live, unused, same person, same run, same purpose, for every single fact."""
    walker, country = start()
    walker.walk(country.people["c-a"])
    names = [k for k in walker.progress.facts if k not in {"terms", "identified"}]
    assert len(names) == 9
    for name in names:
        fact = replace(walker.progress.facts[name], **change)  # type: ignore[arg-type]
        changed = replace(walker.progress, facts={**walker.progress.facts, name: fact})
        problems = engine.required_evidence(engine.look_at(ISSUE, changed, walker.context()))
        assert [(p.name, p.reason) for p in problems if "|" not in p.name] == [(name, reason)]


def test_a_missing_fact_is_missed_at_issuing() -> None:
    """Dropping any one fact leaves exactly that gap."""
    walker, country = start()
    walker.walk(country.people["c-a"])
    for name in set(walker.progress.facts) - {"identified", "factor_choice"}:
        facts = {k: f for k, f in walker.progress.facts.items() if k != name}
        changed = replace(walker.progress, facts=facts)
        problems = engine.required_evidence(engine.look_at(ISSUE, changed, walker.context()))
        assert (name, "missing") in [(p.name, p.reason) for p in problems]


def test_spent_evidence_serves_no_second_time() -> None:
    """After issuing began, every fact is used."""
    walker, country = start()
    walker.walk(country.people["c-a"])
    spent = engine.mark_used(walker.progress)
    problems = engine.required_evidence(engine.look_at(ISSUE, spent, walker.context()))
    assert len(problems) == 12
    assert {p.reason for p in problems if "|" not in p.name} == {"used"}


def test_a_certificate_that_appeared_meanwhile_asks_for_its_reissue() -> None:
    """When another run issued one in between, this run's evidence no longer suffices."""
    walker, country = start()
    walker.walk(country.people["c-a"])
    country.people["c-a"].holdings = (holding(days=1096),)
    assert [p.name for p in engine.required_evidence(walker.view)] == ["reissue"]


def test_progress_survives_json() -> None:
    """What is stored is plain JSON and reads back equal, at every step."""
    walker, country = start()
    while walker.page.state == "open":
        stored = json.loads(json.dumps(dump_progress(walker.progress)))
        assert load_progress(stored) == walker.progress
        walker.do(country.people["c-a"])
    with pytest.raises(ValueError, match="unknown progress format"):
        load_progress({"format": 99})


def test_mistakes_of_form_count_nothing_and_ask_nobody() -> None:
    """A malformed submit leaves counters and the outside untouched; what was typed is shown again."""
    walker, country = start()
    walker.walk(country.people["c-a"], until="identify")
    asked, counters = list(country.asked), dict(walker.counters)
    page = walker.submit(user_id="x", rrn="123")
    assert [(e.field, e.code) for e in page.errors] == [("user_id", "user_id_format"), ("rrn", "rrn_format")]
    assert (country.asked, walker.counters) == (asked, counters)
    assert {f.name: f.value for f in page.fields} == {"user_id": "x", "rrn": None}


def test_secrets_are_remembered_nowhere() -> None:
    """Invariant 15: neither progress nor any page holds RRN, passwords, card codes or PIN."""
    walker, country = start()
    person = country.people["c-a"]
    walker.walk(person)
    pages = "".join(repr(page) for page in walker.pages)
    stored = json.dumps(dump_progress(walker.progress), ensure_ascii=False)
    for secret in (person.rrn, person.account_password, "295038"):
        assert f'"{secret}"' not in stored
        assert f"'{secret}'" not in pages
    assert person.rrn not in stored + pages


def test_a_foreign_fact_never_enters_a_run() -> None:
    """Invariant 8: even a kind that passes foreign evidence is overruled by the engine."""
    walker, country = start()
    walker.walk(country.people["c-a"], until="account")
    fact = walker.view.prove("account", customer="c-b")
    settled = engine.settle(walker.view, Passed(facts=(fact,)))
    assert isinstance(settled.outcome, Rejected)
    assert settled.mismatch is not None
    assert settled.mismatch.owners == ("c-b",)
    assert "account" not in settled.progress.facts
    assert settled.progress.top.step == "account"


def test_find_my_id_of_one_and_identity_of_another_is_refused() -> None:
    """Looking up B's id and going on as A names both and keeps neither."""
    walker, country = start()
    walker.walk(country.people["c-a"], until="identify")
    walker.side("find-id")
    walker.do(country.people["c-b"])
    page = walker.do(country.people["c-a"])
    assert [e.code for e in page.errors] == ["person_mismatch"]
    assert walker.mismatch.owners == ("c-a", "c-b")
    assert walker.progress.customer is None
    assert set(walker.progress.facts) == {"terms"}
    assert walker.do(country.people["c-a"]).step == "ars"
