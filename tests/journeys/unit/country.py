"""A country small enough to fit in memory, and a walker who drives journeys the way the bank does.

The people here are invented; their numbers belong to nobody.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.journeys.unit.gadgets import (
    DEVICE,
    MailSystem,
    Registers,
    Telephone,
    TextCentre,
    Wallet,
    account_of,
    app_answers,
)

from dojang.journeys import engine
from dojang.journeys.holding import Holding
from dojang.journeys.model import Context
from dojang.journeys.outcomes import Locked, Passed, Pending, Rejected, Stopped
from dojang.journeys.store import dump_progress, load_progress
from dojang.ports.corebank import Customer, Factors, Match, Phone
from dojang.ports.policy import Policy
from dojang.ports.signer import WalletKeyOffer
from dojang.ports.signer_errors import PinReusedError
from dojang.ports.sms import Inbound
from dojang.ports.world import World
from dojang.ports.writing import same_name
from dojang.products import PRODUCTS
from dojang.products.messages import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.model import Journey, Progress, RunView
    from dojang.journeys.outcomes import Count, Outcome
    from dojang.journeys.page import Page

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@dataclass
class Someone:
    """One inhabitant and what they carry."""

    id: str
    user_id: str
    rrn: str
    name: str
    birth: date
    numbers: list[str]
    account: str
    account_password: str
    email: str | None = "someone@example.com"
    media: tuple[str, ...] = ("security_card",)
    phone_since: datetime = NOW - timedelta(days=400)
    locked: bool = False
    ebanking: bool = True
    holdings: tuple[Holding, ...] = ()
    serial_tail: str = "5678"
    otp: str = "314159"
    pins: list[str] = field(default_factory=list)
    otp_used: set[str] = field(default_factory=set)
    lost_card: bool = False
    lost_token: bool = False
    gender: str = "male"
    carrier: str = "garam"
    issued: date = date(2012, 5, 7)
    lost_id_card: bool = False
    other_account: str = "901000000001"
    second_account: bool = False
    device: str = DEVICE
    way: str = "phone_check"
    kind: str = "person"

    def cell(self, number: int) -> str:
        """Return the four digits of one cell of the security card."""
        return f"{int(hashlib.sha256(f'{self.id}|{number}'.encode()).hexdigest(), 16) % 10000:04d}"


def make_a() -> Someone:
    """Return the person most runs are about."""
    return Someone(
        "c-a",
        "ahnyoung",
        "9001311000000",
        "안영",
        date(1990, 1, 31),
        ["01000001234"],
        "11000012345678",
        "8264",
    )


def make_b() -> Someone:
    """Return another customer."""
    return Someone(
        "c-b",
        "baekdoo1",
        "8507022000000",
        "백두",
        date(1985, 7, 2),
        ["01000005678"],
        "11000099990000",
        "1357",
        email="other@example.com",
        serial_tail="4321",
        gender="female",
        carrier="daon",
        issued=date(2007, 9, 1),
        other_account="901000000002",
        device="device-of-b-000000000002",
    )


class SmallCountry(Registers):
    """Every port of the outside, for a handful of people. Notes who was asked what in `asked`."""

    def __init__(self, *people: Someone) -> None:
        self.people = {p.id: p for p in people}
        self.moment = NOW
        self.asked: list[str] = []
        self.calls: dict[str, dict[str, str]] = {}
        self.texts: list[tuple[str, str]] = []
        self.replies: list[Inbound] = []
        self.mails: list[tuple[str, str]] = []
        self.wallet_keys: dict[str, tuple[str, str]] = {}
        self.hung_up: list[str] = []
        self.deposits: list[tuple[str, str]] = []
        self.wallet = Wallet(self)

    def world(self) -> World:
        """Return the world as the kinds see it."""
        here: Any = self
        return World(
            signer=here,
            corebank=here,
            telephony=Telephone(self),
            sms=TextCentre(self),
            mail=MailSystem(self),
            push=here,
            clock=here,
            policy=Policy(),
        )

    def now(self) -> datetime:
        """Return the present moment."""
        return self.moment

    # --- core bank

    def find_customer(self, *, user_id: str, rrn: str) -> Match:
        """Match an id with an RRN."""
        self.asked.append("find_customer")
        by_id = self.customer_of_user_id(user_id)
        by_rrn = next((p.id for p in self.people.values() if p.rrn == rrn), None)
        if by_id and by_id == by_rrn:
            return Match(True, owner=by_id)
        if by_id and by_rrn:
            return Match(False, "rrn_mismatch", by_rrn)
        return Match(False, "wrong")

    def customer_of_user_id(self, user_id: str) -> str | None:
        """Find whose user id it is."""
        return next((p.id for p in self.people.values() if p.user_id == user_id.lower()), None)

    def user_id_of(self, customer_id: str) -> str:
        """Return a customer's user id."""
        return self.people[customer_id].user_id

    def find_user_id(self, *, name: str, birth: date, account: str, account_password: str) -> Match:
        """Look a user id up."""
        self.asked.append("find_user_id")
        given = (name, birth, account, account_password)
        for p in self.people.values():
            if (p.name, p.birth, p.account, p.account_password) == given:
                return Match(True, owner=p.id)
        return Match(False, "wrong")

    def customer(self, customer_id: str) -> Customer:
        """Describe a customer."""
        p = self.people[customer_id]
        return Customer(
            p.id,
            p.name,
            p.name,
            p.birth,
            p.kind,
            p.ebanking,
            p.locked,
            p.email,
            "서울 도장구 옛길 3",
            "0101",
            f"{p.user_id[:3]}*****",
        )

    def idn(self, customer_id: str) -> str:
        """Return the identification number."""
        return self.people[customer_id].rrn

    def phones(self, customer_id: str) -> tuple[Phone, ...]:
        """List registered numbers."""
        p = self.people[customer_id]
        return tuple(
            Phone(f"p-{n[-4:]}", n, f"{n[:3]}-****-{n[-4:]}", p.phone_since) for n in reversed(p.numbers)
        )

    def owner_of_id(self, opaque: str) -> str | None:
        """See the port."""
        for p in self.people.values():
            if opaque in {account_of(p).id, *(phone.id for phone in self.phones(p.id))}:
                return p.id
        return None

    def owner_of_phone(self, number: str) -> str | None:
        """Find whose number it is."""
        return next((p.id for p in self.people.values() if number in p.numbers), None)

    def change_phone(self, customer_id: str, *, old: str, new: str, key: str) -> Phone:
        """Replace a number."""
        assert key
        self.asked.append("change_phone")
        p = self.people[customer_id]
        p.numbers = [new if n == old else n for n in p.numbers]
        p.phone_since = self.moment
        return self.phones(customer_id)[0]

    def check_account(self, customer_id: str, *, account: str, account_password: str) -> Match:
        """Check an account."""
        self.asked.append("check_account")
        for p in self.people.values():
            if p.account == account and p.account_password == account_password:
                return Match(p.id == customer_id, "" if p.id == customer_id else "not_owned", p.id)
        return Match(False, "wrong")

    def factors(self, customer_id: str) -> Factors:
        """List usable factors."""
        return Factors(self.people[customer_id].media)

    def check_card(
        self, customer_id: str, *, serial_tail: str, first: tuple[int, str], second: tuple[int, str]
    ) -> Match:
        """Check a security card."""
        self.asked.append("check_card")
        if self.people[customer_id].lost_card:
            return Match(False, "lost")
        for p in self.people.values():
            halves = (p.serial_tail, p.cell(first[0])[:2], p.cell(second[0])[2:])
            if halves == (serial_tail, first[1], second[1]):
                return Match(p.id == customer_id, "" if p.id == customer_id else "not_owned", p.id)
        return Match(False, "wrong")

    def check_otp(self, customer_id: str, *, code: str, key: str) -> Match:
        """Check a one-time password."""
        assert key
        self.asked.append("check_otp")
        p = self.people[customer_id]
        if p.lost_token:
            return Match(False, "lost")
        if code in p.otp_used:
            return Match(False, "reused")
        if code == p.otp:
            p.otp_used.add(code)
            return Match(True, owner=p.id)
        owner = next((q.id for q in self.people.values() if q.otp == code and q.media == ("otp",)), None)
        return Match(False, "wrong", owner)

    def check_person(self, customer_id: str, *, name: str, phone: str, birth: date) -> Match:
        """Compare a person with the record."""
        self.asked.append("check_person")
        for p in self.people.values():
            if same_name(name, p.name) and p.birth == birth and phone in p.numbers:
                return Match(p.id == customer_id, "" if p.id == customer_id else "not_owned", p.id)
        return Match(False, "wrong")

    # --- signer

    def create_wallet_key(
        self, *, key_id: str, customer_id: str, pin: str, idn: str, previous: tuple[str, bytes] | None
    ) -> WalletKeyOffer:
        """Pretend to make a key; remember the PIN the way a signer would."""
        self.asked.append("create_wallet_key")
        if previous is not None and self.wallet_keys.get(previous[0], ("", ""))[1] == pin:
            raise PinReusedError
        assert idn == self.people[customer_id].rrn
        self.wallet_keys[key_id] = (customer_id, pin)
        return WalletKeyOffer(b"public", b"v" * 32, b"sealed")


class Walker:
    """Drives one run: counters, challenges and facts as the registration authority keeps them, in memory.

    `counters` and `challenges` may be shared by several walkers: they belong to people, not to runs.
    """

    def __init__(
        self,
        journey: Journey,
        country: SmallCountry,
        *,
        counters: dict[str, int] | None = None,
        challenges: dict[str, Mapping[str, Any]] | None = None,
        locale: str = "ko",
        policy: Policy | None = None,
    ) -> None:
        self.policy = policy or Policy()
        self.journey, self.country, self.locale = journey, country, locale
        self.counters = {} if counters is None else counters
        self.challenges = {} if challenges is None else challenges
        self.run = secrets.token_hex(8)
        self.progress: Progress = engine.begin(journey)
        self.outcome: Outcome | None = None
        self.mismatch: Any = None
        self.pages: list[Page] = []
        self.reply_awaited = False
        self.on_device: frozenset[str] | None = None  # by default every certificate somebody has
        self.previous_key: tuple[str, bytes] | None = None
        self._arrive()

    # --- the registration authority's part

    def context(self, left: Mapping[str, int] | None = None) -> Context:
        """Gather what a step may see."""
        customer = self.progress.customer
        person = self.country.people.get(customer or "")
        return Context(
            run=self.run,
            channel=self.journey.channel,
            locale=self.locale,
            revision=1,
            started=NOW,
            now=self.country.moment,
            expires=self.country.moment + timedelta(minutes=10),
            policy=self.policy,
            code=self._code,
            say=lambda message_id, args: render(message_id, self.locale, **args),
            holdings=person.holdings if person else (),
            on_device=self._on_device(person),
            left=self._left(left),
            pending_challenge=self.challenges.get(customer or ""),
            previous_key=self.previous_key,
            reply_awaited=lambda _number: self.reply_awaited,
            credentials=self.country.wallet,
        )

    def _on_device(self, person: Someone | None) -> frozenset[str]:
        held = frozenset(h.serial for h in person.holdings) if person else frozenset()
        return held if self.on_device is None else held & self.on_device

    def _code(self, purpose: str, digits: int) -> str:
        top = self.progress.top
        seed = f"{self.run}|{top.journey}|{top.step}|{top.visit}|{purpose}"
        return f"{int(hashlib.sha256(seed.encode()).hexdigest(), 16) % 10**digits:0{digits}d}"

    def _left(self, moved: Mapping[str, int] | None) -> dict[str, int]:
        policy = Policy()
        limits = {
            "account": policy.wrong_entries.account.count,
            "security_card": policy.wrong_entries.security_card.count,
            "otp": policy.wrong_entries.otp.count,
            "bank_certificate": policy.wrong_entries.pattern.count,
            "phone_check": policy.wrong_entries.phone_check.count,
            "one_won": policy.wrong_entries.one_won.count,
            "certificate_password": policy.wrong_entries.certificate_password.count,
        }
        customer = self.progress.customer
        own = {f: n - self.counters.get(f"{f}|customer:{customer}", 0) for f, n in limits.items()}
        return {**own, **(moved or {})}

    @property
    def view(self) -> RunView:
        """Look at the run."""
        return engine.look_at(self.journey, self.progress, self.context())

    def _arrive(self) -> None:
        """Place the next step and enter it; what is stored is always read back from JSON."""
        self.progress = engine.place(self.view)
        if engine.needs_entry(self.progress):
            view = self.view
            entered = view.step.kind.enter(view, self.country.world())
            if entered.challenge is not None:
                self.challenges.setdefault(str(self.progress.customer), entered.challenge)
            self.progress = engine.note_entry(self.progress, entered)
        self.progress = load_progress(dump_progress(self.progress))
        self.pages.append(self.page)

    def _subject(self, count: Count) -> str:
        value = {"customer": self.progress.customer, "run": self.run}.get(count.subject_kind, count.subject)
        return f"{count.factor}|{count.subject_kind}:{value}"

    @property
    def page(self) -> Page:
        """Return the page as it is shown now."""
        return engine.make_page(self.view)

    @property
    def step(self) -> str:
        """Return the id of the present step."""
        return self.page.step

    def submit(self, /, **data: Any) -> Page:
        """Press the primary button."""
        view = self.view
        checked = view.step.kind.validate(view, data)
        if not isinstance(checked, dict):
            typed = engine.typed_of(view, data)
            self.progress = engine.note_errors(self.progress, checked, typed)
            self.outcome = None
            self.pages.append(self.page)
            return self.page
        return self._ask(checked)

    def resend(self) -> Page:
        """Press the button that sends or calls again."""
        return self._ask(None)

    def _ask(self, checked: dict[str, Any] | None) -> Page:
        view, world = self.view, self.country.world()
        counts = view.step.kind.counts(view, checked)
        refused = next((c for c in counts if self.counters.get(self._subject(c), 0) >= c.limit.count), None)
        if refused is not None:
            outcome = engine.over_limit(view, refused)
        else:
            for count in counts:
                self.counters[self._subject(count)] = self.counters.get(self._subject(count), 0) + 1
            self.progress = engine.begin_attempt(self.progress)
            answer = self.view.step.kind.ask(self.view, checked, world)
            left = {c.factor: c.limit.count - self.counters[self._subject(c)] for c in counts}
            view = engine.look_at(self.journey, self.progress, self.context(left))
            outcome = view.step.kind.judge(view, answer)
        settled = engine.settle(self.view, outcome, typed=checked)
        if refused is None:
            self._after(counts, settled.outcome)
        self.outcome, self.mismatch = settled.outcome, settled.mismatch
        if settled.challenge_answered:
            self.challenges.pop(str(self.progress.customer), None)
        self.progress = settled.progress
        if isinstance(settled.outcome, Pending) and settled.outcome.dispatch:
            self.view.step.kind.dispatch(self.view, settled.outcome.dispatch, world)
        self._arrive()
        return self.page

    def _after(self, counts: tuple[Count, ...], outcome: Outcome) -> None:
        for count in counts:
            subject = self._subject(count)
            rule = "keep"
            if isinstance(outcome, Passed):
                rule = count.on_pass
            elif isinstance(outcome, Pending):
                rule = count.on_pending
            elif isinstance(outcome, Rejected) and not outcome.compared:
                rule = "refund"
            self.counters[subject] = {
                "reset": 0,
                "refund": self.counters[subject] - 1,
                "keep": self.counters[subject],
            }[rule]

    def back(self) -> Page:
        """Press back."""
        self.progress = engine.back(self.progress)
        self._arrive()
        return self.page

    def side(self, side_id: str) -> Page:
        """Take a side journey."""
        self.progress = engine.enter_side(self.view, side_id)
        self._arrive()
        return self.page

    def look(self) -> Page:
        """Refresh, as polling does."""
        scratch = self.view.step.kind.look(self.view, self.country.world())
        if scratch is not None:
            self.progress = engine.note_scratch(self.progress, scratch)
        self.pages.append(self.page)
        return self.page

    # --- the customer's part

    def right(self, step: str, who: Someone) -> dict[str, Any]:
        """Return the right answer to a step's form, taken from what somebody carries."""
        carried = app_answers(self, step, who)
        if carried is not None:
            return carried
        code, number = "", (*who.numbers, "")[0]
        if step == "mail_code":
            code = next(w for w in self.country.mails[-1][1].replace(".", " ").split() if w.isdigit())
        if step == "phone_code":
            code = next(w for w in self.country.texts[-1][1].split() if w.isdigit() and len(w) == 6)
        answers: dict[str, dict[str, Any]] = {
            "terms": {"agree": [o.value for o in self.page.fields[0].options] if self.page.fields else []},
            "identify": {"user_id": who.user_id, "rrn": who.rrn},
            "reissue": {"reason": "lost"},
            "ars": {"phone": f"p-{number[-4:]}"},
            "account": {"account": who.account, "account_password": who.account_password},
            "factor": {"factor": (*who.media, "")[0] or "bank_certificate"},
            "otp": {"code": who.otp},
            "mail_code": {"code": code},
            "contact": {"email": "new@example.com", "phone": number},
            "person": {"name": who.name, "phone": number, "birth": f"{who.birth:%Y%m%d}"},
            "pin": {"pin": "295038", "pin_again": "295038"},
            "find_id": {
                "name": who.name,
                "birth": who.birth.isoformat(),
                "account": who.account,
                "account_password": who.account_password,
            },
            "new_phone": {"new_phone": "010-0000-9876"},
            "phone_code": {"code": code},
        }
        if step == "security_card":
            first, second = self.view.scratch["cells"]
            return {
                "serial_tail": who.serial_tail,
                "code_first": who.cell(first)[:2],
                "code_second": who.cell(second)[2:],
            }
        return answers.get(step, {})

    def pick_up(self, state: str = "approved") -> None:
        """Let the present call end in a state."""
        self.country.calls[self.view.scratch["call"]]["state"] = state

    def reply(self, text: str, sender: str) -> None:
        """Send a text to the bank."""
        number = len(self.country.replies)
        self.country.replies.append(Inbound(f"m-{number}", sender, text, self.country.moment))

    def do(self, who: Someone) -> Page:
        """Do the present step rightly."""
        step = self.step
        if step == "ars":
            if not self.page.fields:
                self.submit()  # asks for the call; the numbers come next
            self.submit(**self.right(step, who))
            self.pick_up()
            return self.submit()
        if step == "bank_certificate" and self.page.wait is not None:
            self.country.wallet.approvals[self.view.scratch["approval"]] = "approved"
        if step == "sms_reply":
            self.reply(self.page.show[0].data["digits"], who.numbers[0])
            return self.submit()
        return self.submit(**self.right(step, who))

    def walk(self, who: Someone, until: str | None = None) -> Page:
        """Do every step rightly up to a step (or the end)."""
        for _ in range(40):
            page = self.page
            if page.state != "open" or page.step == until:
                return page
            self.do(who)
        raise AssertionError(f"never arrived at {until}, stands at {self.step}: {self.page.errors}")


def holding(*, days: int, ended: datetime | None = None, product: str = "financial") -> Holding:
    """Return a certificate with so many days left (ended: superseded at that moment)."""
    return Holding(
        product=product,
        unlock=PRODUCTS[product].unlock,
        serial="00ab",
        state="active" if ended is None else "revoked",
        not_before=NOW - timedelta(days=1096 - days),
        not_after=NOW + timedelta(days=days),
        ended_at=ended,
        end_reason="" if ended is None else "superseded",
    )


__all__ = [
    "NOW",
    "Locked",
    "Passed",
    "Pending",
    "Rejected",
    "SmallCountry",
    "Someone",
    "Stopped",
    "Walker",
    "holding",
    "make_a",
    "make_b",
    "replace",
]
