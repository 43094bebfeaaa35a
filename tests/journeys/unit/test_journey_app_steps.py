"""The steps of the app's journeys: what each accepts, refuses, counts and proves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.unit.country import (
    NOW,
    Locked,
    Rejected,
    SmallCountry,
    Someone,
    Walker,
    holding,
    make_a,
    make_b,
)
from tests.journeys.unit.gadgets import SEALED_R, request_of, text

from dojang.journeys import engine
from dojang.pki.day import day_of
from dojang.products import JOURNEYS
from dojang.products.presets import policy_of

if TYPE_CHECKING:
    from dojang.ports.policy import Policy


def start(journey: str, step: str, *, who: Someone | None = None, policy: Policy | None = None) -> Walker:
    """Return A's run at a step; B lives in the country too."""
    a = who or make_a()
    country = SmallCountry(a, make_b())
    country.wallet.signers["00ab"] = a.id
    walker = Walker(JOURNEYS[journey], country, policy=policy)
    walker.walk(a, until=step)
    assert walker.step == step, (walker.step, walker.page.errors)
    return walker


def line_of(who: Someone, **other: str) -> dict[str, Any]:
    """Return a person's line as typed, with other values if wanted."""
    typed = {
        "name": who.name,
        "birth": f"{who.birth:%Y%m%d}",
        "gender": who.gender,
        "carrier": who.carrier,
        "phone": who.numbers[0],
    }
    return {**typed, **other}


# --- device and request


def test_an_old_app_is_told_to_update_and_may_go_on_after_it() -> None:
    """Version 0.9 is refused with the wanted version; 1.0.0 and 1.10.0 pass; nothing was counted."""
    walker = start("joint-app-issue", "device")
    page = walker.submit(device_id="device-of-a-000000000001", app_version="0.9.12")
    assert [(e.code, e.message.args) for e in page.errors] == [("update_required", {"version": "1.0.0"})]
    assert walker.submit(device_id="short", app_version="1.0.0").errors[0].code == "device_format"
    assert walker.submit(device_id="device-of-a-000000000001", app_version="1.10.0").step == "request"
    assert walker.counters == {}


def test_a_blocked_device_ends_the_run() -> None:
    """A telephone reported lost cannot begin, and the page says what to do."""
    walker = start("bank-app-issue", "device")
    walker.country.wallet.blocked.add("device-of-a-000000000001")
    page = walker.submit(device_id="device-of-a-000000000001", app_version="1.0.0")
    assert (page.state, page.errors[0].code) == ("failed", "device_blocked")


# --- the telephone in one's own name


def test_the_phone_check_passes_with_own_line_and_code() -> None:
    """One text with six digits; the fact knows the number, its owner and that it is not new."""
    walker = start("joint-app-issue", "phone_check")
    a = walker.country.people["c-a"]
    page = walker.submit(**line_of(a))
    assert page.wait is not None
    assert (page.wait.kind, page.wait.state) == ("phone_check", "sent")
    assert len(walker.country.texts) == 1
    walker.do(a)
    fact = walker.progress.facts["phone_check"]
    assert (fact.customer, fact.values["phone"], fact.values["recent"]) == ("c-a", a.numbers[0], False)


@pytest.mark.parametrize(
    "other", [{"name": "다른이"}, {"birth": "19900201"}, {"gender": "female"}, {"carrier": "narae"}]
)
def test_a_line_that_is_not_ones_own_gets_no_text(other: dict[str, str]) -> None:
    """For a known customer one wrong detail is refused and counted; nothing is sent."""
    walker = start("joint-app-issue", "phone_check")
    page = walker.submit(**line_of(walker.country.people["c-a"], **other))
    assert [(e.code, e.message.args["left"]) for e in page.errors] == [("phone_not_own", 4)]
    assert walker.country.texts == []
    assert "phone_check" not in walker.progress.facts


def test_before_identification_nobody_learns_who_is_a_customer() -> None:
    """A stranger's line, a wrong name and the right line show one page; only the right one gets a text."""
    pages, sent = [], []
    for other in ({"phone": "01099999999"}, {"name": "다른이"}, {}):
        walker = start("bank-app-issue", "phone_check")
        page = walker.submit(**line_of(walker.country.people["c-a"], **other))
        pages.append((page.kind, page.fields, page.errors, [m.id for m in page.messages], page.actions))
        sent.append(len(walker.country.texts))
        if other:
            code = walker.view.code("phone_check:1", 6)
            assert walker.submit(code=code).errors[0].code == "code_wrong"
            assert "phone_check" not in walker.progress.facts
    assert pages[0] == pages[1] == pages[2]
    assert sent == [0, 0, 1]


def test_a_code_lapses_after_three_minutes_and_five_tries() -> None:
    """Too late is not a try; five wrong ones lock; a code sent again replaces the first."""
    walker = start("joint-app-issue", "phone_check")
    a = walker.country.people["c-a"]
    walker.submit(**line_of(a))
    first = walker.right("phone_check", a)["code"]
    walker.country.moment += timedelta(seconds=181)
    assert walker.submit(code=first).errors[0].code == "code_late"
    walker.resend()
    assert walker.right("phone_check", a)["code"] != first
    for left in (4, 3, 2, 1):
        assert walker.submit(code=first).errors[0].message.args == {"left": left}
    assert walker.submit(code=first).state == "locked"


def test_texts_to_one_number_are_limited() -> None:
    """Three more texts a run, ten a day for one number, whatever run asks."""
    counters: dict[str, int] = {}
    a = make_a()
    country = SmallCountry(a)
    refused = []
    for _ in range(4):
        walker = Walker(JOURNEYS["bank-app-issue"], country, counters=counters)
        walker.walk(a, until="phone_check")
        walker.submit(**line_of(a))
        for _ in range(3):
            if "resend" in {action.name for action in walker.page.actions}:
                walker.resend()
            refused += [e.code for e in walker.page.errors]
    assert len(country.texts) == 10
    assert "sends_spent" in refused


# --- whose evidence


def test_invariant_8_a_phone_of_b_and_an_identity_of_a_do_not_meet() -> None:
    """Phone of B, then A's id card or RRN: refused, both named, B's phone dropped and asked anew."""
    for journey, step in (("bank-app-issue", "id_card"), ("joint-app-reissue", "identify")):
        a, b = make_a(), make_b()
        walker = Walker(JOURNEYS[journey], SmallCountry(a, b))
        walker.walk(b, until=step)
        walker.submit(**walker.right(step, a))
        assert [e.code for e in walker.page.errors] == ["person_mismatch"]
        assert set(walker.mismatch.owners) == {"c-a", "c-b"}
        assert not {"identified", "id_card", "phone_check"} & set(walker.progress.facts)
        assert walker.progress.customer is None
        walker.do(a)
        assert (walker.progress.customer, walker.step) == ("c-a", "phone_check")
        walker.walk(a)
        assert walker.page.state == "issuing"
        assert engine.required_evidence(walker.view) == ()


FOREIGN: dict[tuple[str, str], dict[str, Any]] = {
    ("financial-app-issue", "account_number"): {"account": "11000099990000"},
    ("financial-app-issue", "details"): {
        "email": "b@example.com",
        "address": "somewhere else",
        "phone": "01000005678",
    },
    ("bank-app-issue", "account"): {"account": "11000099990000", "account_password": "1357"},
    ("bank-app-issue", "one_won"): {"bank": "901", "account": "901000000002"},
    ("joint-app-issue", "phone_check"): line_of(make_b()),
}


@pytest.mark.parametrize(("journey", "step"), sorted(FOREIGN))
def test_invariant_8_evidence_of_another_person_is_refused(journey: str, step: str) -> None:
    """B's true evidence in A's run: refused, nothing proven, B named."""
    walker = start(journey, step)
    facts = dict(walker.progress.facts)
    walker.submit(**FOREIGN[journey, step])
    assert walker.step == step
    assert walker.page.errors
    assert walker.mismatch.owners == ("c-b",)
    assert walker.progress.facts == facts


def test_invariant_8_a_pattern_or_certificate_of_b_proves_nothing_for_a() -> None:
    """B's right pattern and B's certificate are refused and counted."""
    walker = factor_run("pattern")
    walker.submit(mac=text(b"mac:c-b"), signature=text(b"sig"))
    assert [e.code for e in walker.page.errors] == ["pattern_wrong"]
    assert walker.mismatch.owners == ("c-b",)
    walker = password_run()
    walker.country.wallet.signers["00bb"] = "c-b"
    walker.submit(serial="00bb", signature=text(b"sig"))
    assert [e.code for e in walker.page.errors] == ["signature_wrong"]
    assert walker.mismatch.owners == ("c-b",)


# --- identity card and one won


def test_a_lost_identity_card_proves_nothing_and_is_no_wrong_try() -> None:
    """The refusal says so; the try is given back."""
    a = make_a()
    a.lost_id_card = True
    walker = start("bank-app-issue", "id_card", who=a)
    walker.submit(**walker.right("id_card", a))
    assert walker.page.errors[0].code == "id_card_unusable"
    assert walker.counters["id_card|phone:01000001234"] == 0


def test_wrong_identity_cards_lock_for_the_day() -> None:
    """Five guesses of the day of issue, over runs and for one telephone."""
    walker = start("bank-app-issue", "id_card")
    a = walker.country.people["c-a"]
    for day in range(1, 6):
        walker.submit(card_type="resident", card_number=a.rrn, issued=f"201001{day:02d}")
    assert walker.page.state == "locked"
    assert isinstance(walker.outcome, Locked)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"locked": True}, "customer_locked"), ({"ebanking": False}, "not_ebanking")],
)
def test_the_identity_card_of_someone_not_eligible_ends_the_run(change: dict[str, Any], code: str) -> None:
    """Eligibility is the same whatever said who the customer is."""
    a = make_a()
    for name, value in change.items():
        setattr(a, name, value)
    walker = start("bank-app-issue", "id_card", who=a)
    page = walker.do(a)
    assert (page.state, page.errors[0].code) == ("failed", code)


def test_a_child_is_sent_to_the_branch_with_a_parent() -> None:
    """In every journey, once it is known who it is."""
    for journey in JOURNEYS:
        child = make_a()
        child.birth = (NOW - timedelta(days=13 * 365)).date()
        walker = Walker(JOURNEYS[journey], SmallCountry(child))
        page = walker.walk(child)
        assert (page.state, page.errors[0].code) == ("failed", "under_age")


@pytest.mark.parametrize("kind", ["foreigner", "sole_proprietor"])
def test_other_customers_are_told_what_they_get(kind: str) -> None:
    """Foreigners and sole proprietors go on, with one sentence for them."""
    a = make_a()
    a.kind = kind
    walker = start("joint-app-issue", "identify", who=a)
    page = walker.do(a)
    assert f"eligible.{kind}" in {m.id for m in page.messages}
    assert walker.walk(a).state == "issuing"


def test_one_won_is_proven_by_the_bankbook() -> None:
    """The code stands in the memo; a wrong one counts, ten minutes end it, five transfers a day."""
    walker = start("bank-app-issue", "one_won")
    a = walker.country.people["c-a"]
    walker.submit(bank="901", account=a.other_account)
    assert len(walker.country.deposits) == 1
    assert walker.submit(code="0000" if walker.country.deposits[0][1][-4:] != "0000" else "1111").errors
    walker.country.moment += timedelta(seconds=601)
    assert walker.submit(**walker.right("one_won", a)).errors[0].code == "code_late"
    for _ in range(4):
        walker.resend()
    assert walker.resend().errors[0].code == "one_won_spent"
    assert len(walker.country.deposits) == 5
    walker.do(a)
    assert walker.progress.facts["one_won"].values == {"bank": "901", "masked": "***0001"}


# --- accounts in two orders


def test_with_the_password_first_the_number_must_be_of_the_same_account() -> None:
    """Printed order: the number of another account of one's own is not the one whose password was right."""
    a = make_a()
    a.second_account = True
    walker = start("financial-app-issue", "account_password", who=a)
    assert len(walker.page.fields) == 2
    walker.do(a)
    assert walker.step == "account_number"
    facts = dict(walker.progress.facts)
    elsewhere = replace(facts["account"], values={"masked": "***0000", "account_id": "a-more"})
    walker.progress = replace(walker.progress, facts={**facts, "account": elsewhere})
    walker.submit(account=a.account)
    assert [e.code for e in walker.page.errors] == ["account_number_wrong"]
    walker.progress = replace(walker.progress, facts=facts)
    assert walker.submit(account=a.account).step == "factor"


def test_with_the_number_first_only_that_account_s_password_is_asked() -> None:
    """Number first: no list, and the mask of the account named."""
    a = make_a()
    a.second_account = True
    walker = start("financial-app-issue", "account_password", who=a, policy=policy_of("kisa"))
    assert [f.name for f in walker.page.fields] == ["account_password"]
    assert walker.page.show[0].data["rows"][0]["value"] == "***5678"


# --- the bank certificate as a factor


def factor_run(way: str, *, journey: str = "financial-app-issue") -> Walker:
    """Return A's run at the bank certificate: `way` ``pattern`` (registered device) or ``approval``."""
    a = make_a()
    a.media, a.holdings = (), (holding(days=300, product="bank"),)
    country = SmallCountry(a, make_b())
    if way == "pattern":
        country.wallet.registered[a.device] = a.id
    walker = Walker(JOURNEYS[journey], country)
    walker.walk(a, until="bank_certificate")
    assert walker.step == "bank_certificate"
    return walker


def test_the_pattern_is_proven_over_a_fresh_challenge_each_time() -> None:
    """A wrong pattern gets another challenge; the fifth locks; a right one passes with the device."""
    walker = factor_run("pattern")
    challenges = [walker.page.show[0].data["challenge"]]
    for left in (4, 3, 2, 1):
        page = walker.submit(mac=text(b"mac:nobody"), signature=text(b"sig"))
        assert [(e.code, e.message.args["left"]) for e in page.errors] == [("pattern_wrong", left)]
        challenges.append(page.show[0].data["challenge"])
    assert len(set(challenges)) == 5
    walker.do(walker.country.people["c-a"])
    values = walker.progress.facts["bank_certificate"].values
    assert values == {"way": "pattern", "device_id": "device-of-a-000000000001", "serial": "00ab"}
    walker = factor_run("pattern")
    for _ in range(5):
        walker.submit(mac=text(b"mac:nobody"), signature=text(b"sig"))
    assert walker.page.state == "locked"


@pytest.mark.parametrize(("reason", "state"), [("late", "open"), ("locked", "locked"), ("blocked", "locked")])
def test_what_the_wallet_says_of_a_pattern_is_passed_on(reason: str, state: str) -> None:
    """A late answer is no try; a locked or blocked device locks the factor."""
    walker = factor_run("pattern")
    walker.country.wallet.refuses = reason
    walker.submit(mac=text(b"mac:c-a"), signature=text(b"sig"))
    assert walker.page.state == state
    if reason == "late":
        assert walker.counters["bank_certificate|customer:c-a"] == 0


@pytest.mark.parametrize("journey", ["financial-web-issue", "financial-app-issue"])
def test_an_approval_passes_only_when_the_telephone_approved(journey: str) -> None:
    """The button decides nothing; number and question match; a refusal is told and may be asked again."""
    walker = factor_run("approval", journey=journey)
    wallet = walker.country.wallet
    question = walker.view.scratch["approval"]
    assert walker.page.show[0].data["digits"] == wallet.numbers[question]
    assert walker.submit().step == "bank_certificate"
    wallet.approvals[question] = "rejected"
    assert walker.look().wait is not None
    assert walker.submit().errors[0].code == "approval_rejected"
    walker.resend()
    again = walker.view.scratch["approval"]
    assert again != question
    assert wallet.numbers[again] != wallet.numbers[question] or len(wallet.numbers) == 2
    wallet.approvals[again] = "approved"
    walker.submit()
    assert walker.progress.facts["bank_certificate"].values == {
        "way": "approval",
        "approval": again,
        "serial": "00ab",
    }


def test_an_approval_that_comes_too_late_is_none() -> None:
    """Nobody answered in 180 seconds: expired, and asked again."""
    walker = factor_run("approval")
    walker.country.moment += timedelta(seconds=181)
    assert walker.submit().errors[0].code == "approval_expired"
    assert walker.page.show == ()


def test_without_a_telephone_to_ask_another_factor_can_be_chosen() -> None:
    """The page says so and goes back; nothing passes."""
    a = make_a()
    a.media, a.holdings = (), (holding(days=300, product="bank"),)
    country = SmallCountry(a)
    country.wallet.silent = True
    walker = Walker(JOURNEYS["financial-web-issue"], country)
    page = walker.walk(a, until="bank_certificate")
    assert [m.id for m in page.messages] == ["approval.unavailable"]
    assert "submit" not in {action.name for action in page.actions}
    assert walker.back().step == "factor"


# --- password of an existing certificate


def password_run() -> Walker:
    """Return A's run at the password of the joint certificate held."""
    a = make_a()
    a.holdings = (holding(days=300, product="joint"),)
    return start("financial-app-issue", "certificate_password", who=a)


def test_an_existing_certificate_is_proven_by_its_signature() -> None:
    """A wrong signature counts and draws another challenge; a right one names the certificate."""
    walker = password_run()
    first = walker.page.show[0].data["challenge"]
    assert walker.submit(signature=text(b"bad")).errors[0].message.args == {"left": 4}
    assert walker.page.show[0].data["challenge"] != first
    walker.submit(signature=text(b"sig"))
    assert walker.progress.facts["certificate_password"].values == {"serial": "00ab"}


def test_without_a_joint_certificate_its_password_is_not_asked() -> None:
    """Nor where the bank does not want it, nor for one whose key lives on another device."""
    a = make_a()
    walker = Walker(JOURNEYS["financial-app-issue"], SmallCountry(a))
    assert walker.walk(a).state == "issuing"
    assert "certificate_password" not in walker.progress.facts
    a.holdings = (holding(days=300, product="joint"),)
    unwanted = Walker(JOURNEYS["financial-app-issue"], SmallCountry(a), policy=policy_of("kisa"))
    elsewhere = Walker(JOURNEYS["financial-app-issue"], SmallCountry(a))
    elsewhere.on_device = frozenset()
    for walker in (unwanted, elsewhere):
        assert walker.walk(a).state == "issuing"
        assert "certificate_password" not in walker.progress.facts


# --- keys made on the device


def test_the_joint_key_comes_with_its_virtual_id() -> None:
    """Public key, algorithm and VID are kept; neither the sealed R nor the password is."""
    walker = start("joint-app-issue", "certificate_key")
    shown = walker.page.show[0].data
    assert (shown["algorithm"], shown["password"], bool(shown["transport_key"])) == ("rsa-2048", True, True)
    walker.do(walker.country.people["c-a"])
    values = walker.progress.facts["device_key"].values
    assert (values["algorithm"], len(values["vid"])) == ("rsa-2048", 64)
    assert set(values) == {"key_id", "public_key", "algorithm", "vid", "csr_sha256", "device_id"}
    assert SEALED_R not in repr(walker.progress)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"csr": request_of("ec-p256"), "sealed_r": SEALED_R, "password_ok": "1"}, "device_key_unusable"),
        ({"csr": request_of("rsa-2048"), "sealed_r": "cg==", "password_ok": "1"}, "device_key_unusable"),
        ({"csr": request_of("rsa-2048"), "sealed_r": SEALED_R, "password_ok": "0"}, "password_rules"),
        ({"csr": "!!", "sealed_r": SEALED_R, "password_ok": "1"}, "device_key_missing"),
        ({"csr": "YmFk", "sealed_r": SEALED_R, "password_ok": "1"}, "device_key_unusable"),
    ],
)
def test_a_key_of_another_kind_or_without_its_proof_is_refused(sent: dict[str, str], code: str) -> None:
    """Wrong algorithm, no R, a password off its rules, no request: nothing is proven."""
    walker = start("joint-app-issue", "certificate_key")
    assert walker.submit(**sent).errors[0].code == code
    assert "device_key" not in walker.progress.facts


@pytest.mark.parametrize("algorithm", ["rsa-3072", "rsa-4096"])
def test_every_key_the_profile_allows_is_taken(algorithm: str) -> None:
    """Our devices make 2048 bits; a request with a longer RSA key gets its joint certificate as well."""
    walker = start("joint-app-issue", "certificate_key")
    walker.submit(csr=request_of(algorithm), sealed_r=SEALED_R, password_ok="1")
    assert walker.progress.facts["device_key"].values["algorithm"] == algorithm


def test_the_pattern_needs_four_dots() -> None:
    """Three are refused by the device's own count; the proof key is 32 bytes."""
    walker = start("bank-app-issue", "pattern")
    assert walker.submit(proof_key=text(b"p" * 32), points="3").errors[0].code == "pattern_short"
    assert walker.submit(proof_key=text(b"p" * 31), points="5").errors[0].code == "pattern_required"
    assert walker.submit(proof_key=text(b"p" * 32), points="5").step == "device_key"


# --- details, terms, reasons


def test_details_keep_what_was_edited_and_never_the_name() -> None:
    """The page is filled in; an edit is named beside what was there before."""
    walker = start("financial-app-issue", "details")
    assert {f.name: f.value for f in walker.page.fields} == {
        "email": "someone@example.com",
        "address": "서울 도장구 옛길 3",
        "phone": "01000001234",
    }
    walker.submit(email="someone@example.com", address="새길 4, 5호", phone="01000001234", name="x")
    values = walker.progress.facts["contact"].values
    assert (values["edited"], values["old_address"]) == (["address"], "서울 도장구 옛길 3")
    assert "name" not in values


def test_a_changed_text_is_asked_again_before_issuing() -> None:
    """Consent to an older version is no consent: the last button leads back to the terms."""
    walker = start("joint-app-issue", "confirm")
    fact = walker.progress.facts["terms"]
    agreed = {**fact.values["agreed"]}
    agreed["privacy"] = {**agreed["privacy"], "version": "0.9"}
    old = replace(fact, values={"agreed": agreed})
    walker.progress = replace(walker.progress, facts={**walker.progress.facts, "terms": old})
    problems = engine.required_evidence(walker.view)
    assert ("terms", "outdated") in {(p.name, p.reason) for p in problems}
    page = walker.submit()
    assert (page.state, page.step) == ("open", "terms")
    assert walker.do(walker.country.people["c-a"]).state == "issuing"
    assert engine.required_evidence(walker.view) == ()


@pytest.mark.parametrize(
    ("journey", "own"),
    [
        ("financial-app-reissue", "pin_forgotten"),
        ("joint-app-reissue", "password_forgotten"),
        ("bank-app-reissue", "pattern_forgotten"),
    ],
)
def test_each_product_has_its_own_reasons(journey: str, own: str) -> None:
    """What was forgotten differs; the others are alike; joint files may be damaged."""
    a = make_a()
    product = journey.split("-", maxsplit=1)[0]
    a.holdings = (holding(days=300, product=product),)
    step = "reissue_request" if product == "joint" else "reissue"
    walker = start(journey, step, who=a)
    offered = [o.value for o in walker.page.fields[0].options]
    assert own in offered
    assert ("damaged" in offered) == (product == "joint")
    assert {"phone_changed", "lost", "leaked", "expiring"} <= set(offered)
    assert walker.submit(reason="bored").errors[0].code == "reason_required"


@pytest.mark.parametrize(
    ("product", "days", "kept"),
    [("joint", 31, True), ("joint", 30, False), ("bank", 91, True), ("bank", 90, False)],
)
def test_near_its_end_a_certificate_is_renewed_for_a_full_life(product: str, days: int, kept: bool) -> None:  # noqa: FBT001
    """Before the window the end is kept; from its first day on a new life begins (30 days joint, 90 bank)."""
    a = make_a()
    held = holding(days=days, product=product)
    held = replace(held, not_after=held.not_after + timedelta(hours=1))
    a.holdings = (held,)
    walker = start(f"{product}-app-issue", "confirm", who=a)
    shown = {row["label"].id: row["value"] for row in walker.page.show[0].data["rows"]}
    assert (shown["facts.valid_until"] == day_of(held.not_after).isoformat()) == kept


# --- invariant 16


@pytest.mark.parametrize("journey", sorted(JOURNEYS))
def test_invariant_16_line_rrn_birth_and_account_number_are_not_enough(journey: str) -> None:
    """Who has all of these walks each journey as far as it goes, and always stops before any key is made."""
    a = make_a()
    a.holdings = (holding(days=300, product="bank"),)
    walker = Walker(JOURNEYS[journey], SmallCountry(a))
    unknown: dict[str, dict[str, Any]] = {
        "account": {"account": a.account, "account_password": "0000"},
        "account_password": {"account_id": "a-5678", "account_password": "0000"},
        "id_card": {"card_type": "resident", "card_number": a.rrn, "issued": "20100101"},
    }
    for _ in range(40):
        if walker.page.state != "open":
            break
        if walker.step in unknown:
            walker.submit(**unknown[walker.step])
        else:
            walker.do(a)
    assert walker.page.state == "locked"
    assert walker.step in unknown
    assert not {"pin", "device_key", "confirmed"} & set(walker.progress.facts)


def test_invariant_16_a_line_registered_yesterday_takes_the_higher_path() -> None:
    """With a number changed lately, or unknown to the bank, the mail box registered before is asked, too."""
    for journey in ("joint-app-issue", "bank-app-issue", "financial-app-issue"):
        a = make_a()
        a.phone_since = NOW - timedelta(days=1)
        walker = Walker(JOURNEYS[journey], SmallCountry(a))
        walker.walk(a, until="mail_code")
        assert walker.step == "mail_code"
        assert isinstance(walker.outcome, engine.Passed)
        walker.submit(code="000000")
        assert isinstance(walker.outcome, Rejected)
