"""Properties: PIN rules, card cells, and the back-and-forth of a run against a simple model."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.journeys.unit.country import SmallCountry, Walker, make_a

from dojang.journeys import engine
from dojang.journeys.kinds.eligibility import age_on
from dojang.journeys.kinds.identify import birth_of_rrn
from dojang.journeys.kinds.secret import find_weakness
from dojang.journeys.kinds.security_card import draw_cells
from dojang.ports.policy import Policy
from dojang.products import JOURNEYS

PINS = st.integers(0, 999_999).map(lambda n: f"{n:06d}")
BIRTHS = st.dates(date(1900, 1, 1), date(2026, 1, 1))
PHONES = st.integers(0, 99_999_999).map(lambda n: f"010{n:08d}")


@given(PINS)
def test_a_good_pin_has_no_three_alike_or_in_a_row(pin: str) -> None:
    """Seen by brute force over all windows of three, in both directions."""
    windows = [pin[i : i + 3] for i in range(4)]
    rows = ["0123456789"[i : i + 3] for i in range(8)]
    weak = any(len(set(w)) == 1 or w in rows or w[::-1] in rows for w in windows)
    assert (find_weakness(pin) is not None) == weak


@given(BIRTHS, PHONES)
def test_no_part_of_birth_date_or_telephone_is_a_good_pin(birth: date, phone: str) -> None:
    """Every six digits in a row of either, and YYMMDD, are refused."""
    eight = f"{birth:%Y%m%d}"
    parts = [eight[i : i + 6] for i in range(3)] + [phone[i : i + 6] for i in range(6)]
    parts += [f"{birth:%d%m%y}", f"{birth:%m%d%y}", phone[-4:] + "97", "97" + phone[3:7]]
    for pin in parts:
        assert find_weakness(pin, births=[eight], phones=[phone]) is not None


@given(st.integers(2, 40))
def test_two_distinct_cells_of_the_card(count: int) -> None:
    """Whatever the card's size, both cells exist and differ."""
    first, second = draw_cells(count)
    assert first != second
    assert {first, second} <= set(range(1, count + 1))


def test_every_pair_of_cells_comes_up() -> None:
    """Over many draws from a card of four, each of the twelve ordered pairs appears."""
    assert len({tuple(draw_cells(4)) for _ in range(2_000)}) == 12


@given(BIRTHS, st.sampled_from("12345678"))
def test_the_century_follows_from_the_seventh_digit(birth: date, seventh: str) -> None:
    """A number made from a birth date reads back as that date when the digit fits its century."""
    fits = (birth.year >= 2000) == (seventh in "3478")
    read = birth_of_rrn(f"{birth:%y%m%d}{seventh}000000")
    assert (read == birth) == fits


@given(BIRTHS, st.integers(0, 120))
def test_age_rises_on_the_birthday(birth: date, years: int) -> None:
    """The day before a birthday one is a year younger."""
    try:
        birthday = birth.replace(year=birth.year + years)
    except ValueError:
        return
    assert age_on(birthday, birth) == years
    assert age_on(birthday - timedelta(days=1), birth) == years - 1


class BackAndForth(RuleBasedStateMachine):
    """A run is pushed forward, back, aside, and around; facts must always be those of the passed steps."""

    @initialize(journey=st.sampled_from(sorted(JOURNEYS)), printed=st.booleans())
    def begin(self, journey: str, printed: bool) -> None:  # noqa: FBT001
        """Start a run of any journey, in either order."""
        self.person = make_a()
        self.country = SmallCountry(self.person)
        orders = {"joint": {"reissue_order": "printed"}, "financial": {"app_account_order": "printed"}}
        policy = Policy(products=orders) if printed else Policy()
        self.walker = Walker(JOURNEYS[journey], self.country, policy=policy)

    def is_open(self) -> bool:
        """Tell whether the run still takes anything."""
        return self.walker.page.state == "open"

    @precondition(lambda self: self.is_open())
    @rule()
    def forward(self) -> None:
        """Do the step rightly."""
        self.country.moment += timedelta(seconds=1)
        self.walker.counters.clear()
        self.person.otp_used.clear()
        self.person.numbers = ["01000001234"]
        if self.walker.progress.top.step in {"new_phone", "phone_code"}:
            self.walker.back()
        else:
            self.walker.do(self.person)

    @precondition(lambda self: self.is_open())
    @rule()
    def malformed(self) -> None:
        """Submit nonsense: the step and the facts stay."""
        before = (self.walker.step, self.walker.progress.facts)
        self.walker.submit(agree=7, user_id="?", phone="?", code="?", pin="1", account="?", factor="?")
        after = (self.walker.step, self.walker.progress.facts)
        assert before == after or before[0] in {"reissue", "confirm"}

    @precondition(lambda self: self.is_open() and engine.can_back(self.walker.progress))
    @rule()
    def back(self) -> None:
        """Go back: one step fewer, or out of the side journey."""
        before = [len(f.passed) for f in self.walker.progress.frames]
        self.walker.back()
        after = [len(f.passed) for f in self.walker.progress.frames]
        assert sum(after) + len(after) == sum(before) + len(before) - 1

    @precondition(lambda self: self.is_open() and self.walker.view.step.sides)
    @rule()
    def aside(self) -> None:
        """Take the side journey offered here."""
        self.walker.side(self.walker.view.step.sides[0])
        assert self.walker.page.side is not None

    @rule()
    def reload(self) -> None:
        """Look again: nothing has changed."""
        assert self.walker.page == self.walker.page

    @invariant()
    def facts_are_of_passed_steps(self) -> None:
        """In the main journey there is a fact for each passed step, and none more."""
        if not hasattr(self, "walker"):
            return
        journey, progress = self.walker.journey, self.walker.progress
        passed = [journey.step(s).gives for s in progress.frames[0].passed]
        assert len(passed) == len(set(passed))
        # An identity card says two things at once: that there is one, and who its owner is.
        passed += ["identified"] if "id_card" in passed else []
        assert set(passed) == {k for k in progress.facts if "/" not in k}

    @invariant()
    def finished_means_complete(self) -> None:
        """Only a run with all its evidence is finished."""
        if hasattr(self, "walker") and self.walker.progress.finished:
            assert engine.required_evidence(self.walker.view) == ()

    @invariant()
    def at_most_one_side_journey_is_open(self) -> None:
        """Side journeys offer no further side journeys."""
        if hasattr(self, "walker"):
            assert 1 <= len(self.walker.progress.frames) <= 2


TestBackAndForth = BackAndForth.TestCase
TestBackAndForth.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
