"""Guides: every journey has one, complete in both languages, found by search, true to the bank's figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from dojang.ports.policy import Policy
from dojang.products import JOURNEYS
from dojang.products.presets import policy_of
from dojang.web.guide_search import LONGEST_QUERY, MOST, search_guides
from dojang.web.guides import PICTURES, all_guides, guide_by_id

if TYPE_CHECKING:
    from dojang.ports.world import World

LARGEST_PICTURES = 1_500_000  # bytes; they travel in the repository


@pytest.mark.parametrize("locale", ["ko", "en"])
def test_every_journey_has_a_whole_guide(locale: str) -> None:
    """Needs, steps with a reason each, time and at least ten answered questions, for each journey."""
    guides = {guide.journey: guide for guide in all_guides(locale, policy=Policy())}
    assert set(guides) == set(JOURNEYS)
    for guide in guides.values():
        assert guide.needs
        assert guide.minutes > 0
        assert all(step.title and step.why for step in guide.steps)
        assert len({asked.id for asked in guide.questions}) == len(guide.questions) >= 10
        assert not any("{" in asked.question + asked.answer for asked in guide.questions)


def test_a_guide_walks_the_order_the_bank_has_chosen() -> None:
    """Another order and a step switched on show in the guide at once."""

    def steps(journey: str, policy: Policy) -> list[str]:
        guide = guide_by_id(journey, "ko", policy=policy)
        assert guide
        return [step.id for step in guide.steps]

    printed, lawful = policy_of("as-printed"), policy_of("kisa")
    first, then = steps("joint-app-reissue", lawful), steps("joint-app-reissue", printed)
    assert first.index("terms") < first.index("identify") < then.index("terms")
    assert "certificate_password" not in steps("financial-app-issue", lawful)
    assert "certificate_password" in steps("financial-app-issue", printed)
    assert "factor" not in steps("joint-app-issue", printed)
    assert "factor" in steps("joint-app-issue", lawful)


def test_answers_tell_the_banks_own_figures() -> None:
    """Years, days and the telephone number come from the policy."""
    guide = guide_by_id(
        "joint-app-issue",
        "en",
        policy=Policy().changed({"products": {"joint": {"life_days": 731}}, "bank": {"phone": "02-1"}}),
    )
    assert guide
    answers = {asked.id: asked.answer for asked in guide.questions}
    assert answers["life"].startswith("2 year(s)")
    assert "02-1" in answers["not_me"]


def test_no_guide_for_what_does_not_exist() -> None:
    """Side journeys and inventions have none."""
    assert guide_by_id("find-id", "ko", policy=Policy()) is None
    assert guide_by_id("gold-app-issue", "ko", policy=Policy()) is None


@pytest.mark.parametrize(
    ("query", "anchor"),
    [
        ("휴대폰 잃어버렸어요", "faq-lost_phone"),
        ("잃어버렸는데 휴대폰", "faq-lost_phone"),
        ("출금 계좌 확인", "step-account"),
        ("OTP", "step-otp"),
        ("otp 입력", "step-otp"),
        ("PATTERN forgot", "faq-bank_pattern"),
        ("forgot my pattern", "faq-bank_pattern"),
        ("１원", "faq-bank_one_won"),
    ],
)
@pytest.mark.parametrize("locale", ["ko", "en"])
def test_search_finds_in_both_languages(query: str, anchor: str, locale: str) -> None:
    """Whatever the reader's language, a query in either finds the same place near the top."""
    found = search_guides(query, locale, policy=Policy())
    assert anchor in [hit.anchor for hit in found[:4]]


def test_search_is_bounded_and_finds_nothing_in_nothing() -> None:
    """Empty and odd queries find nothing, common ones at most twenty, endless ones are cut."""
    for query in ("", "   ", "!!! ???", "xyzzy", "0" * 10_000):
        assert search_guides(query, "ko", policy=Policy()) == []
    assert len(search_guides("인증서", "ko", policy=Policy())) == MOST
    long = "OTP" + " " * LONGEST_QUERY + "xyzzy"
    assert search_guides(long, "ko", policy=Policy())
    hits = search_guides("인증서", "ko", policy=Policy())
    assert len({(hit.kind, hit.title, hit.text) for hit in hits}) == len(hits)


@pytest.mark.parametrize("journey", sorted(JOURNEYS))
def test_the_page_of_a_guide_needs_no_script(world: World, journey: str) -> None:
    """Each guide is a page in both languages with its steps as a list; another address is not found."""
    del world
    visitor = Client()
    for language in ("ko", "en"):
        page = visitor.get(f"/help/{journey}/?lang={language}", follow=True)
        assert page.status_code == 200
        html = page.content.decode()
        guide = guide_by_id(journey, language, policy=Policy())
        assert guide
        assert all(f'id="step-{step.id}"' in html for step in guide.steps)
        assert all(f'id="faq-{asked.id}"' in html for asked in guide.questions)
    assert visitor.get(f"/help/{journey}x/").status_code == 404


def test_search_on_the_page_escapes_what_was_asked(world: World) -> None:
    """A query comes back as text, and the results link into the guides."""
    del world
    html = Client().get("/help/", {"q": "<script>otp"}).content.decode()
    assert "<script>otp" not in html
    assert "&lt;script&gt;otp" in html
    found = Client().get("/help/", {"q": "OTP"}).content.decode()
    assert 'href="/help/financial-web-issue/#step-otp"' in found


def test_pictures_are_few_and_belong_to_steps() -> None:
    """What is kept of the browser's pictures is small, listed, and of steps that exist."""
    index = PICTURES / "index.json"
    if not index.exists():
        assert not list(PICTURES.glob("*/*"))
        return
    listed = json.loads(index.read_text("utf-8"))
    files = {str(file.relative_to(PICTURES)) for file in PICTURES.rglob("*") if file.is_file()}
    assert files == {entry["file"] for entry in listed.values()} | {"index.json"}
    assert sum((PICTURES / file).stat().st_size for file in files) < LARGEST_PICTURES
    known = {
        f"{journey.id.rpartition('-')[0]}/{step.id}.{locale}"
        for journey in JOURNEYS.values()
        for step in journey.steps
        for locale in ("ko", "en")
    }
    assert set(listed) <= known
