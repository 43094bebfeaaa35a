"""The whole of `dojang.ra.actions` against a simple model: any order of acts, every page foretold."""

from __future__ import annotations

import dataclasses
import functools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from tests.journeys.app.walker import Walk, with_policy

from dojang.ca.models import Certificate
from dojang.issuing.models import Order
from dojang.ports.acting import Acting
from dojang.ra.actions import act, open_page, unlock_factor
from dojang.ra.errors import ActionUnknownError, RunNotFoundError, StaleRevisionError, StepMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.journeys.page import Page
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

PERSON = "baek"  # holds a card and a token
FLOW = (
    "terms", "identify", "reissue", "ars", "account", "factor", "security_card", "otp",
    "contact", "person", "sms_reply", "pin", "confirm",
)  # fmt: skip
IDLE, ABSOLUTE = timedelta(seconds=600), timedelta(seconds=1800)
CARD_TRIES, SENDS, CALLS, PINS = 5, 3, 3, 10
OPERATOR = Acting(kind="operator", id="teller-1", channel="branch")
COUNTED = ("identify", "lookup", "account", "account_password", "security_card", "otp", "person", "sms_reply")


def only(when: Callable[[Any], object]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Do nothing unless it applies. Not a precondition: what is drawn must not depend on the database."""

    def decorate(deed: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(deed)
        def guarded(self: Customer, **drawn: Any) -> None:
            if when(self):
                deed(self, **drawn)

        return guarded

    return decorate


class Customer(RuleBasedStateMachine):
    """One customer with one run, several tabs, slow and quick, right and wrong; strangers try, too."""

    world: ClassVar[World]
    issued: ClassVar[int]  #: certificates of this person, over all examples: one database serves them all
    pin: ClassVar[int]

    # --- the model ---------------------------------------------------------------------------------------

    @initialize(
        at=st.sampled_from(("terms", "ars", "security_card", "security_card", "otp", "sms_reply", "confirm")),
        mistakes=st.integers(0, CARD_TRIES - 1),
    )
    def begin(self, at: str, mistakes: int) -> None:
        """Start a run, and walk it rightly to some step; at the card, some tries may be gone already."""
        for factor in COUNTED:
            unlock_factor(Walk(self.world, PERSON).person.id, factor, acting=OPERATOR, world=self.world)
        self.cards = self.accounts = self.replies = 0
        self._start(Walk(self.world, PERSON))
        for _ in range(30):
            if self.step != at and self.state == "open":
                self.right(otp=at == "otp")
        for _ in range(mistakes if at == "security_card" else 0):
            self.wrong_card()

    def _start(self, walk: Walk) -> None:
        self.walk = walk
        self.state, self.step, self.revision = "open", "terms", walk.page.revision
        self.passed: list[str] = []
        self.side = ""
        self.factor = ""
        self.calls = self.sends = self.pins = 0
        self.holds = Customer.issued > 0
        self.past: list[tuple[str, int, str, dict[str, Any]]] = []
        self.answered: set[tuple[str, int, str]] = set()
        now = self._now()
        self.absolute = now + ABSOLUTE
        self._touch()

    def _now(self) -> datetime:
        return self.world.clock.now()

    def _touch(self) -> None:
        self.idle = min(self._now() + IDLE, self.absolute)

    def _is_open(self) -> bool:
        return self.state == "open"

    def _next(self) -> str:
        """Return the first step of the way that is not passed."""
        left_out = {"security_card", "otp"} - {self.factor} | (set() if self.holds else {"reissue"})
        return next(step for step in FLOW if step not in self.passed and step not in left_out)

    def _moved(self, action: str, data: dict[str, Any] | None = None) -> None:
        """Expect that the page was answered: a new revision, and the idle time again."""
        self.answered.add((self.step, self.revision, action))
        self.past.append((self.step, self.revision, action, data or {}))
        self.revision += 1
        self._touch()

    def _pass(self) -> None:
        """Expect the next step."""
        self.passed.append(self.step)
        self.step = self._next()

    def _do(self, action: str, **data: Any) -> Page:
        """Act on the page as the model has it."""
        walk = self.walk
        walk.page = act(
            walk.run, self.step, self.revision, action, data, acting=walk.acting, world=self.world
        )
        return walk.page

    @property
    def calling(self) -> bool:
        """Whether a call is on: how long it rings is the telephone network's to say."""
        wait = self.walk.page.wait
        return self.step == "ars" and not self.side and wait is not None and wait.kind == "call"

    def _is_late(self) -> bool:
        """Whether what the page waits for has run out, or is about to."""
        wait = self.walk.page.wait
        return wait is not None and datetime.fromisoformat(wait.until) < self._now() + timedelta(seconds=10)

    # --- right answers -----------------------------------------------------------------------------------

    @rule(otp=st.booleans())
    @only(_is_open)
    def right(self, otp: bool) -> None:  # noqa: FBT001
        """Answer the page truthfully."""
        if self.side:
            self._right_aside()
        elif self.step == "ars":
            self._right_ars()
        elif self.step == "sms_reply":
            self._right_reply()
        elif self.step == "factor":
            self._right_factor("otp" if otp else "security_card")
        elif self.step == "pin":
            self._right_pin()
        else:
            self._right_form()

    def _right_form(self) -> None:
        if self.step == "otp":
            self.walk.world.clock.advance(61)  # type: ignore[attr-defined] # a value is good for once only
            if self._expires():
                return
        data = self.walk.answers(self.step)
        self._do("submit", **data)
        counters = {"security_card": "cards", "account": "accounts"}
        if self.step in counters:
            setattr(self, counters[self.step], 0)
        self._moved("submit", data)
        if self.step == "confirm":
            self.state = "done"  # the order's end is no answer: the revision stays
            Customer.issued += 1
            return
        self._pass()

    def _right_aside(self) -> None:
        if self.step != "find_id":
            return self.refresh()
        data = self.walk.answers("find_id")
        self._do("submit", **data)
        self._moved("submit", data)
        self.side, self.step = "", "identify"
        self.accounts = 0
        return None

    def _right_ars(self) -> None:
        if not self.calling:
            data = {"phone": self.world.corebank.phones(self.walk.person.id)[0].id}
            page = self._do("submit", **data)
            self._moved("submit", data)
            self.calls += 1
            spent = self.calls > CALLS
            codes = [error.code for error in page.errors]
            if spent:
                assert codes[-1:] == ["ars_calls_spent"]  # before it, how the last call ended
            elif codes:  # the call of an earlier run still rings
                telephony: Any = self.world.telephony
                states = {call.state for call in telephony.calls(self.walk.number)}
                assert (codes, bool(states & {"dialing", "ringing", "answered"})) == (["ars_busy"], True)
            return
        if self._is_late():
            self.refresh()
            return
        self.walk.take_call()
        self._do("submit")
        self._moved("submit")
        self._pass()

    def _right_reply(self) -> None:
        if self._is_late():
            self.resend()
            return
        self.walk.reply(self.walk.code)
        self._do("submit")
        self._moved("submit")
        self.replies = 0
        self._pass()

    def _right_factor(self, factor: str) -> None:
        data = {"factor": factor}
        page = self._do("submit", **data)
        self._moved("submit", data)
        if factor == "security_card" and self.cards >= CARD_TRIES:
            assert [error.code for error in page.errors] == ["factor_locked"]
            return
        self.factor = factor
        self._pass()

    def _right_pin(self) -> None:
        Customer.pin += 1
        pin = f"{(Customer.pin * 7) % 90 + 10}".replace("0", "4")
        pin = f"{pin[0]}5{pin[1]}8{pin[0]}2"
        page = self._do("submit", pin=pin, pin_again=pin)
        self._moved("submit", {"pin": pin, "pin_again": pin})
        codes = [error.code for error in page.errors]
        if codes and codes[0] != "pins_spent":
            assert codes[0].startswith("pin_"), codes
            self.pins += codes[0] == "pin_reused"
            return
        self.pins += 1
        assert codes == (["pins_spent"] if self.pins > PINS else [])
        if not codes:
            self._pass()

    # --- wrong answers -----------------------------------------------------------------------------------

    @rule()
    @only(lambda self: self._is_open() and self.step != "confirm")
    def nonsense(self) -> None:
        """Submit what nobody could mean: nothing proven, nothing counted, the same step."""
        if self.step in {"ars", "sms_reply"} and not self.side:
            return self.impatience()
        page = self._do("submit", agree=7, user_id="?", rrn=[], account="x", code="?", pin="1", phone={})
        self._moved("submit", {"user_id": "?"})
        assert page.errors
        return None

    def impatience(self) -> None:
        """Press the button before anything has arrived."""
        if self.step == "sms_reply" and self._is_late():
            return self.refresh()
        self._do("submit")
        self._moved("submit")
        return None

    @rule()
    @only(lambda self: self._is_open() and self.step == "security_card" and not self.side)
    def wrong_card(self) -> None:
        """Mistake the serial: one try fewer; after the last the step is locked."""
        right = self.walk.answers("security_card")
        data = {**right, "serial_tail": f"{(int(right['serial_tail']) + 1) % 10_000:04d}"}
        page = self._do("submit", **data)
        self._moved("submit", data)
        self.cards += 1
        if self.cards >= CARD_TRIES:
            self.state = "locked"
            assert [error.code for error in page.errors] == ["factor_locked"]
        else:
            assert [error.message.args.get("left") for error in page.errors] == [CARD_TRIES - self.cards]

    @rule()
    @only(lambda self: self._is_open() and self.step == "account" and self.accounts < 3)
    def wrong_account(self) -> None:
        """Mistake the account's password; in the side journey it counts all the same."""
        data = {**self.walk.answers("account"), "account_password": "0000"}
        page = self._do("submit", **data)
        self._moved("submit", data)
        self.accounts += 1
        assert [error.message.args["left"] for error in page.errors] == [5 - self.accounts]

    @rule()
    @only(lambda self: self._is_open() and self.step == "sms_reply" and self.replies < 2)
    def wrong_reply(self) -> None:
        """Text another number."""
        if self._is_late():
            return self.refresh()
        self.walk.reply(f"{(int(self.walk.code) + 1) % 100:02d}")
        page = self._do("submit")
        self._moved("submit")
        self.replies += 1
        assert [error.code for error in page.errors] == ["mo_mismatch"]
        return None

    # --- around ------------------------------------------------------------------------------------------

    @rule()
    @only(lambda self: self._is_open() and (self.step == "sms_reply" or self.calling))
    def resend(self) -> None:
        """Have it sent, or ring, again: so often and no more."""
        page = self._do("resend")
        self._moved("resend")
        if self.step == "sms_reply":
            self.sends += 1
            spent = ["sends_spent"] if self.sends > SENDS else []
        else:
            self.calls += 1
            spent = ["ars_calls_spent"] if self.calls > CALLS else []
        assert [error.code for error in page.errors] == spent

    @rule()
    @only(lambda self: self.state in {"open", "locked"} and (self.passed or self.side))
    def back(self) -> None:
        """Go back; what was proven there has to be proven again."""
        self._do("back")
        self._moved("back")
        self.state = "open"
        if self.side:
            self.side, self.step = "", {"find-id": "identify", "change-phone": "ars"}[self.side]
            return
        self.step = self.passed.pop()
        if self.step == "factor":
            self.factor = ""

    @rule()
    @only(lambda self: self._is_open() and not self.side and self.step in {"identify", "ars"})
    def take_side(self) -> None:
        """Take the side journey offered here."""
        side, first = {"identify": ("find-id", "find_id"), "ars": ("change-phone", "account")}[self.step]
        self._do(f"side:{side}")
        self._moved(f"side:{side}")
        self.side, self.step = side, first

    @rule()
    def refresh(self) -> None:
        """Look again: nothing moves."""
        self._expires()
        self.walk.refresh()

    @rule(which=st.integers(0, 99), other=st.booleans())
    @only(lambda self: self.past)
    def second_tab(self, which: int, other: bool) -> None:  # noqa: FBT001
        """Send an earlier page once more: shown the present page, or told that it has moved; never obeyed."""
        step, revision, action, typed = self.past[which % len(self.past)]
        walk = self.walk
        is_known = (step, revision, action) in self.answered
        if other and action == "submit":
            action, is_known = "back", (step, revision, "back") in self.answered
        try:
            walk.page = act(walk.run, step, revision, action, typed, acting=walk.acting, world=self.world)
            assert is_known or self.state not in {"open", "locked"}
        except StaleRevisionError as error:
            assert not is_known
            walk.page = error.data["page"]

    @rule(how=st.sampled_from(("step", "action", "revision")))
    @only(lambda self: self.state in {"open", "locked"})
    def forgery(self, how: str) -> None:
        """Name a later step, an action that is not offered, a revision that is not yet: refused."""
        step = "confirm" if how == "step" and self.step != "confirm" else self.step
        if how == "step" and step == self.step:
            step = "pin"
        revision = self.revision + (how == "revision")
        wanted = {"step": StepMismatchError, "action": ActionUnknownError, "revision": StaleRevisionError}
        action = "side:nowhere" if how == "action" else "submit"
        with pytest.raises(wanted[how]):
            act(self.walk.run, step, revision, action, {}, acting=self.walk.acting, world=self.world)

    @rule(session=st.sampled_from(("", "0" * 64)))
    def stranger(self, session: str) -> None:
        """Somebody without the token sees and does nothing."""
        acting = dataclasses.replace(self.walk.acting, session=session)
        with pytest.raises(RunNotFoundError):
            open_page(self.walk.run, acting=acting, world=self.world)
        with pytest.raises(RunNotFoundError):
            act(self.walk.run, self.step, self.revision, "cancel", {}, acting=acting, world=self.world)

    @rule(seconds=st.sampled_from((5, 5, 100, 100, 200, 400, 590, 610)))
    def wait(self, seconds: int) -> None:
        """Let time pass: a run left alone ends."""
        ends = self._now() + timedelta(seconds=seconds)
        if abs((ends - self.idle).total_seconds()) < 15:  # too near to foretell
            seconds += 30
        self.walk.world.clock.advance(seconds)  # type: ignore[attr-defined]
        self.refresh()

    def _expires(self) -> bool:
        """Expect the end of a run whose time has run out."""
        if self.state in {"open", "locked"} and self._now() >= self.idle:
            self.state, self.revision = "expired", self.revision + 1
            self.walk.refresh()
        return self.state == "expired"

    @rule()
    @only(lambda self: self.state in {"open", "locked"})
    def extend(self) -> None:
        """Ask for more time: the page stays as it is."""
        self._do("extend")
        self._touch()

    @rule(sure=st.integers(0, 5))
    @only(lambda self: self.state in {"open", "locked"})
    def cancel(self, sure: int) -> None:
        """Give up, now and then."""
        if sure == 0:
            self._do("cancel")
            self.state, self.revision = "cancelled", self.revision + 1

    @rule()
    @only(lambda self: self._is_open() and "identify" in self.passed)
    def begin_elsewhere(self) -> None:
        """Begin anew in another browser: once it is known who that is, this run gives way."""
        former, rival = self.walk, Walk(self.world, PERSON)
        rival.walk_to("identify").step()
        former.refresh()
        assert (former.page.state, former.page.actions[-1].name) == ("cancelled", "leave")
        self._start(rival)
        self.passed, self.revision = ["terms", "identify"], rival.page.revision
        self.step = self._next()

    # --- what must hold ----------------------------------------------------------------------------------

    @invariant()
    def the_page_is_as_foretold(self) -> None:
        """State, step and revision are those of the model; a finished run offers nothing but to leave."""
        if not hasattr(self, "walk"):
            return
        page = self.walk.page
        assert (page.state, page.step, page.revision) == (self.state, self.step, self.revision)
        assert (page.side or "") == self.side
        if self.state in {"done", "expired", "cancelled"}:
            assert {action.name for action in page.actions} == {"leave"}

    @invariant()
    def certificates_are_as_many_as_finished_runs(self) -> None:
        """Nothing but a run walked to its end issues, and one certificate is in use at most."""
        if not hasattr(self, "walk"):
            return
        own = Certificate.objects.filter(customer_id=self.walk.person.id)
        assert own.count() == Customer.issued
        assert own.filter(state="active").count() == min(1, Customer.issued)
        assert Order.objects.filter(customer_id=self.walk.person.id, state="done").count() == Customer.issued


def test_any_order_of_acts_ends_where_the_model_says(world: World) -> None:
    """Back, submit, refresh, second tab, time-out, resend, lock, another browser: each page is foretold."""
    Customer.world = with_policy(world, ars={"calls_per_day": 100_000}, reissue={"per_day": 100_000})
    Customer.issued = Customer.pin = 0
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Customer,
        settings=settings(
            max_examples=16,
            stateful_step_count=32,
            deadline=None,
            database=None,
            phases=(Phase.generate,),  # one database serves all examples: nothing could be shrunk in it
            suppress_health_check=list(HealthCheck),
        ),
    )
