"""The life of a bank up to the moment release 0.1.0 is exchanged for the next: walked on that release's code.

`fill` runs it in a checkout of release 0.1.0, which alone has the functions named here. What it made is kept
in `release-0.1.0/`; the file stays so that anybody can see (and repeat) how.

Three acts: customers of long ago; a week ago; and today, when the release is exchanged in the middle of
everything. Each customer of the crowd has one thing happen to them, so that each can be lost by itself.
"""

# ruff: noqa: I001 - sorted as its own release sorts: today's modules have other names

from __future__ import annotations

import base64
import contextlib
import dataclasses
import re
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.test import Client
from procrastinate import JobContext
from procrastinate.contrib.django import app as queue
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Job
from tests.journeys.app.device import AppWalk, Telephone, challenge, prove
from tests.journeys.app.holder import ORIGIN, Holder
from tests.journeys.app.walker import PIN, Walk, with_parts, with_policy

from dojang.audit.actions import anchor_heads
from dojang.ca import actions as ca
from dojang.ca.queries import active_certificate
from dojang.config import wiring
from dojang.config.staging import stage_certificates
from dojang.notices.actions import expiry
from dojang.notices.reading import letters_of
from dojang.ports.acting import Acting
from dojang.ports.signer_errors import SignerUnavailableError
from dojang.ra.actions import holding
from dojang.ra.actions import act, session_of, unlock_factor
from dojang.ra.counters import locked_factors, tries_left
from dojang.ra.actions.handoff import accept_handoff, offer_handoff
from dojang.ra.revoking import revoke_certificate
from dojang.ra.actions.upkeep import expire_runs, reconcile
from dojang.rp.queries import browsers_of, uses_of
from dojang.sandbox.cast import BY_HANDLE, carrier_of, gender_of
from dojang.sandbox.casting import add_crowd
from dojang.wallet.actions import sign_with_pin
from dojang.wallet.errors import WalletLockedError, WalletPinWrongError
from dojang.wallet.parcels import put_parcel
from dojang.wallet.pushing import subscribe_push
from dojang.wallet.queries import devices_of, keys_of, usable_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

SYSTEM = Acting(kind="system", id="fill", channel="job")
TELLER = Acting(kind="operator", id="teller-7", channel="branch")
SECOND_PIN, WRONG_PIN = "840271", "390462"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36"
CROWD = 90
FACTORS = ("security_card", "account", "otp", "ars", "identify", "pin")
DAY = 86_400


class CrashError(BaseException):
    """The process is gone: nothing catches this."""


class Broken:
    """An adapter that is away for some verbs: `before` they are carried out, or `after` (the answer is lost).

    With a `CrashError` the caller's process dies instead of being told.
    """

    def __init__(self, inner: Any, error: BaseException, **verbs: str) -> None:
        self._inner, self._error, self._verbs = inner, error, verbs

    def __getattr__(self, name: str) -> Any:
        """Break a verb the way it was told to."""
        verb, how = getattr(self._inner, name), self._verbs.get(name)
        if how is None:
            return verb

        def call(*args: Any, **kwargs: Any) -> Any:
            if how == "after":
                verb(*args, **kwargs)
            raise self._error

        return call


class Postbox:
    """The push services of the browser makers: everything is taken."""

    public_key = b"\4" + bytes(64)

    def check(self, subscription: Mapping[str, Any]) -> None:
        """Find every subscription right."""

    def post(self, subscription: Mapping[str, Any], message: bytes, **how: Any) -> None:
        """Take a message."""


class Life:
    """The bank's World, and what is written down for whoever goes on with it."""

    def __init__(self, world: World) -> None:
        self.clock: Any = world.clock
        self.world = with_parts(world, push_service=Postbox())
        self.runs: list[dict[str, Any]] = []
        self.phones: dict[str, dict[str, Any]] = {}
        self.kept: dict[str, Any] = {}
        self.restored: Walk | None = None
        self.pushed: AppWalk | None = None
        store: Any = world.corebank
        crowd = add_crowd(store.store, world.clock, CROWD)
        BY_HANDLE.update({person.handle: person for person in crowd})
        self.used = list(BY_HANDLE)[:10]
        self._unused = [person.handle for person in reversed(crowd)]

    # --- people

    def somebody(self) -> str:
        """Return a customer to whom nothing has happened yet."""
        self.used.append(self._unused.pop())
        return self.used[-1]

    def web(self, handle: str = "", journey: str = "financial-web-issue", **more: Any) -> Walk:
        """Begin a journey in a browser."""
        handle = handle or self.somebody()
        return Walk(self.world, handle, journey=journey, source=_source(handle), **more)

    def app(self, journey: str, handle: str = "", phone: Telephone | None = None) -> AppWalk:
        """Begin a journey on a telephone."""
        handle = handle or self.somebody()
        walk = AppWalk(self.world, handle, journey=journey, phone=phone, source=_source(handle))
        if journey == "financial-app-reissue":
            walk.pin = SECOND_PIN
        return walk

    def holder(self, product: str = "financial", handle: str = "") -> Any:
        """Return the finished walk of somebody who got their first certificate of a product."""
        walk = self.web(handle) if product == "financial" else self.app(f"{product}-app-issue", handle)
        page = walk.finish()
        assert page.state == "done", (page.step, walk.codes)
        return walk

    def certificate(self, walk: Walk, product: str = "financial") -> int:
        """Return the id of somebody's active certificate."""
        found = active_certificate(walk.person.id, product)
        assert found is not None
        return found.id

    # --- what is written down

    def keep_run(self, name: str, walk: Walk, **more: Any) -> None:
        """Write a run down as its customer's device knows it."""
        phone = getattr(walk, "phone", None)
        page = walk.page
        self.runs.append(
            {
                "name": name, "run": walk.run, "token": walk.started.token, "handle": walk.person.handle,
                "journey": page.journey, "channel": walk.acting.channel, "source": walk.acting.source,
                "step": page.step, "side": page.side, "state": page.state, "revision": page.revision,
                "pin": walk.pin, "phone": self.keep_phone(phone) if phone else None, **more,
            }
        )  # fmt: skip

    def keep_phone(self, phone: Telephone) -> str:
        """Write down what a telephone keeps."""
        self.phones[phone.device_id] = {
            "secret": phone.secret.hex(),
            "drawn": list(phone.drawn),
            "offered": _pem(phone.offered),
            "keys": {product: _pem(key) for product, key in phone.keys.items()},
            "certificates": {
                product: base64.b64encode(der).decode() for product, der in phone.certificates.items()
            },
        }
        return phone.device_id

    # --- the worker and the clock

    def work(self) -> int:
        """Run every job that is due, as a worker does; return how many."""
        done = 0
        while (row := ProcrastinateJob.objects.filter(status="todo").order_by("id").first()) is not None:
            job = Job(
                id=row.id, queue=row.queue_name, lock=row.lock, queueing_lock=row.queueing_lock,
                task_name=row.task_name, task_kwargs=row.args,
            )  # fmt: skip
            task = queue.tasks[row.task_name]
            context = JobContext(
                app=queue, job=job, start_timestamp=0.0, abort_reason=lambda: None,
                additional_context={"world": self.world},
            )  # fmt: skip
            task.func(context, **row.args)
            ProcrastinateJob.objects.filter(id=row.id)._raw_delete("default")
            done += 1
        return done

    def publish(self) -> None:
        """Do what the timetable does: responders, answers, lists, anchors."""
        ca.renew_ocsp_responders(acting=SYSTEM, world=self.world)
        ca.refresh_ocsp_answers(acting=SYSTEM, world=self.world)
        ca.publish_crls(acting=SYSTEM, world=self.world)
        anchor_heads(acting=SYSTEM, world=self.world)


def _source(handle: str) -> str:
    return f"198.51.100.{BY_HANDLE[handle].place % 250 + 1}"


def _pem(key: Any) -> str | None:
    if key is None:
        return None
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def live(world: World) -> dict[str, Any]:
    """Let the bank live until today; return what its customers and their devices know."""
    wiring.perform_ceremony(acting=SYSTEM, world=world)
    life = Life(world)
    long_ago(life)
    life.clock.advance(80 * DAY)
    a_week_ago(life)
    life.clock.advance(7 * DAY)
    today(life)
    return {**life.kept, "runs": life.runs, "phones": life.phones}


# --- long ago --------------------------------------------------------------------------------------------


def long_ago(life: Life) -> None:
    """Certificates of every product are issued, revoked, and left to run out; an order is given up."""
    for name in ("again-1", "again-2", "again-3", "again-4", "again-5"):
        life.kept[name] = life.holder().person.handle
    for product in ("joint", "bank"):
        for number in range(1, 4):
            walk = life.holder(product)
            life.kept[f"{product}-again-{number}"] = walk.person.handle
    revoked = life.holder()
    revoke_certificate(life.certificate(revoked), "keyCompromise", acting=TELLER, world=life.world)
    held = life.holder()
    holding.suspend_certificate(life.certificate(held), acting=TELLER, world=life.world)
    back = life.holder()
    stopped = life.certificate(back)
    holding.suspend_certificate(stopped, acting=TELLER, world=life.world)
    holding.restore_certificate(stopped, acting=TELLER, world=life.world)
    usual, life.world = life.world, with_policy(life.world, financial_validity_days=25)
    ended = life.holder()
    life.world = usual
    life.kept["people"] = {"held": held.person.id, "ended": ended.person.id}
    life.restored = back
    expiry.look(acting=SYSTEM, world=life.world)
    _give_up(life)
    life.work()
    life.publish()


def _give_up(life: Life) -> None:
    """Let an order be given up that was never signed."""
    walk = life.web().walk_to("confirm")
    _submit(walk, with_parts(life.world, signer=_lost(life, sign_certificate="before")))
    life.clock.advance(life.world.policy.issue_confirm_within + 1)
    reconcile(acting=SYSTEM, world=life.world)


def _dying(life: Life) -> World:
    """Return a World in which the process dies between a signed certificate and its activation."""
    return with_parts(life.world, corebank=Broken(life.world.corebank, CrashError(), phones="before"))


def _lost(life: Life, **verbs: str) -> Broken:
    return Broken(life.world.signer, SignerUnavailableError(), **verbs)


def _submit(walk: Walk, world: World, **data: Any) -> None:
    """Answer the present page in a World where something is broken."""
    page = walk.page
    walk.page = act(walk.run, page.step, page.revision, "submit", data, acting=walk.acting, world=world)


# --- a week ago ------------------------------------------------------------------------------------------


def a_week_ago(life: Life) -> None:
    """Certificates are replaced; runs end in every way they can."""
    world = life.world
    again = life.web(life.kept["again-1"], "financial-web-reissue", pin=SECOND_PIN)
    assert again.finish().state == "done"
    for product in ("joint", "bank"):
        moved = life.app(f"{product}-app-reissue", life.kept[f"{product}-again-1"], Telephone())
        assert moved.finish().state == "done"
    cancelled = life.web().walk_to("confirm")
    cancelled.do("cancel")
    replaced = life.web().walk_to("account")
    life.web(replaced.person.handle).walk_to("account").do("cancel")
    failed = life.app("bank-app-issue")
    failed.deliver()
    failed.do("storage_failed")
    expired = life.web().walk_to("account")
    life.clock.advance(world.policy.session_idle + 1)
    expire_runs(acting=SYSTEM, world=world)
    ends = {"cancelled": cancelled, "replaced": replaced, "failed": failed, "expired": expired}
    for name, walk in ends.items():
        walk.refresh()
        life.keep_run(name, walk)
    _used_handoff(life)
    life.work()
    life.publish()


def _used_handoff(life: Life) -> None:
    """Move a run to another device and finish it there."""
    walk = life.web().walk_to("account")
    offer = offer_handoff(walk.run, acting=walk.acting, world=life.world)
    elsewhere = dataclasses.replace(walk.visitor, source="203.0.113.5")
    started = accept_handoff(offer.number, acting=elsewhere, world=life.world)
    walk.acting = dataclasses.replace(elsewhere, session=session_of(started.token))
    walk.page = started.page
    assert walk.finish().state == "done"
    life.keep_run("done", walk)
    life.runs[-1]["token"] = started.token


# --- today -----------------------------------------------------------------------------------------------


def today(life: Life) -> None:
    """Do what a day brings; the release is exchanged at the end of it."""
    life.publish()
    stage_certificates(acting=SYSTEM, world=life.world)
    _keys(life)
    _telephones(life)
    _counters(life)
    _web_runs(life)
    _app_runs(life)
    _issuing(life)
    _lost_phone(life)
    _log_in(life)
    expiry.look(acting=SYSTEM, world=life.world)
    _under_way(life)
    _timetable()
    _write_down(life)


def _write_down(life: Life) -> None:
    """Write down what the bank says of its customers."""
    now = life.clock.now()
    life.kept["customers"] = {
        person: {
            "locks": list(locked_factors(person, now=now)),
            "left": tries_left(person, FACTORS, now=now),
            "letters": len(letters_of(person, locale="ko", world=life.world)),
            "uses": [[use.purpose, use.outcome] for use in uses_of(person)],
            "browsers": len(browsers_of(person)),
            "keys": [[key.product, key.state] for key in keys_of(person)],
            "devices": [[device.label, device.state, list(device.products)] for device in devices_of(person)],
        }
        for person in (BY_HANDLE[handle].id for handle in life.used)
    }


def _keys(life: Life) -> None:
    """Wallet keys: with a changed life, with wrong PINs behind them, locked."""
    wrong, locked = life.holder(), life.holder()
    for walk, times, error in ((wrong, 2, WalletPinWrongError), (locked, 5, WalletLockedError)):
        key = usable_key(walk.person.id, "financial")
        assert key is not None
        for number in range(times):
            try:
                sign_with_pin(
                    customer_id=walk.person.id, key_id=key.id, pin=WRONG_PIN, digest=bytes([number] * 32),
                    purpose=f"wrong:{number}", acting=walk.acting, world=life.world,
                )  # fmt: skip
            except (WalletPinWrongError, error):
                continue
    life.kept["people"] |= {"pin_wrong": wrong.person.id, "pin_locked": locked.person.id}


def _telephones(life: Life) -> None:
    """Telephones: one with a finger and messages waiting, one with wrong patterns, one locked."""
    pushed, wrong, locked = (life.holder("bank") for _ in range(3))
    life.pushed = pushed
    life.work()
    keys = {"p256dh": "BA", "auth": "AA"}
    subscribe_push(
        pushed.phone.device_id, {"endpoint": "https://push.example.test/1", "keys": keys},
        acting=pushed.acting, world=life.world,
    )  # fmt: skip
    life.world.push.send(
        customer_id=pushed.person.id, title="도장", text="인증서를 확인해 주세요.", key="exchange"
    )
    held = Holder(life.world, pushed).turn_on()
    assert held.open().ok
    life.kept["finger"] = {
        "handle": pushed.person.handle, "phone": life.keep_phone(pushed.phone), "origin": ORIGIN,
        "key": _pem(held.keeper.key), "credential": held.keeper.credential_id.hex(),
        "counter": held.keeper.counter, "user": held.keeper.user.hex(),
    }  # fmt: skip
    for walk, times in ((wrong, 3), (locked, 5)):
        for _ in range(times):
            prove(life.world, walk, (9, 8, 7, 4))
    life.kept["patterns"] = {
        "right": {"handle": pushed.person.handle, "phone": life.keep_phone(pushed.phone)},
        "wrong": {"handle": wrong.person.handle, "phone": life.keep_phone(wrong.phone)},
        "locked": {"handle": locked.person.handle, "phone": life.keep_phone(locked.phone)},
    }
    content = b"a certificate on its way, encrypted"
    put_parcel("5a" * 32, content, acting=pushed.acting, world=life.world)
    life.kept["parcel"] = {"locator": "5a" * 32, "content": content.decode()}


def wrong_card(walk: Walk) -> None:
    """Answer the card step with a wrong tail of the serial."""
    right = walk.answers("security_card")
    walk.submit(**{**right, "serial_tail": f"{(int(right['serial_tail']) + 1) % 10_000:04d}"})


def _counters(life: Life) -> None:
    """Counters: moved, locked, opened again, and one whose question was never answered."""
    moved, locked, opened = (life.web().walk_to("security_card") for _ in range(3))
    for walk, times in ((moved, 3), (locked, 5), (opened, 5)):
        for _ in range(times):
            wrong_card(walk)
    unlock_factor(opened.person.id, "security_card", acting=TELLER, world=life.world)
    life.keep_run("three wrong cards", moved)
    life.keep_run("a locked card", locked, unlock="security_card")
    crashed = life.web().walk_to("account")
    bank = Broken(life.world.corebank, CrashError(), check_account="after")
    try:
        _submit(crashed, with_parts(life.world, corebank=bank), **crashed.answers("account"))
    except CrashError:
        life.keep_run("a crash before the judgement", crashed)
    life.kept["people"] |= {"card_moved": moved.person.id, "card_locked": locked.person.id}


def _web_runs(life: Life) -> None:
    """Open runs of the web journeys at their steps, side journeys included."""
    for step in ("terms", "identify", "ars", "factor", "person", "pin", "confirm"):
        life.keep_run(f"web at {step}", life.web().walk_to(step))
    life.keep_run("web at otp", life.web("lee").walk_to("otp"))
    for name, step in (("again-2", "reissue"), ("again-3", "security_card")):
        walk = life.web(life.kept[name], "financial-web-reissue", pin=SECOND_PIN).walk_to(step)
        life.keep_run(f"web re-issue at {step}", walk)
    back = life.web().walk_to("factor")
    back.do("back")
    life.keep_run("web gone back", back)
    look_up = life.web().walk_to("identify")
    look_up.do("side:find-id")
    life.keep_run("looking the id up", look_up)
    change = life.web().walk_to("ars")
    change.do("side:change-phone")
    for _ in range(3):
        change.step()
    assert change.page.step == "new_phone", change.page.step
    life.keep_run("about to name a new number", change)
    changed = life.web().walk_to("ars")
    changed.do("side:change-phone")
    for _ in range(3):
        changed.step()
    new = f"0100000{9000 + changed.person.place % 1000}"
    changed.submit(new_phone=new)
    sms: Any = life.world.sms
    changed.submit(code=re.findall(r"\d{6}", sms.texts(new)[-1].text)[0])
    changed.walk_to("mail_code")
    life.keep_run("waiting for a mailed code", changed)
    offered = life.web().walk_to("contact")
    offer = offer_handoff(offered.run, acting=offered.acting, world=life.world)
    life.keep_run("offered to another device", offered, handoff=offer.number)


def _app_runs(life: Life) -> None:
    """Open runs of the app's journeys at their own steps."""
    plan = {
        "financial-app-issue": ("device", "identity_way", "account_number", "details"),
        "joint-app-issue": ("request", "certificate_key", "confirm"),
        "bank-app-issue": ("id_card", "pattern", "device_key"),
    }
    for journey, steps in plan.items():
        for step in steps:
            life.keep_run(f"{journey} at {step}", life.app(journey).walk_to(step))
    for name, journey, step in (
        ("again-4", "financial-app-reissue", "reissue"),
        ("again-5", "financial-app-reissue", "confirm"),
        ("joint-again-2", "joint-app-reissue", "reissue_request"),
        ("bank-again-2", "bank-app-reissue", "reissue"),
    ):
        walk = life.app(journey, life.kept[name], Telephone()).walk_to(step)
        life.keep_run(f"{journey} at {step}", walk)


def _issuing(life: Life) -> None:
    """Leave runs whose certificate is being made: intended, signed, issued."""
    for name, broken in (
        ("intended", with_parts(life.world, signer=_lost(life, sign_certificate="before"))),
        ("signed", with_parts(life.world, signer=_lost(life, sign_certificate="after"))),
        ("issued", _dying(life)),
    ):
        walk = life.web().walk_to("confirm")
        with contextlib.suppress(CrashError):
            _submit(walk, broken)
        life.keep_run(name, walk)
        life.runs[-1]["state"] = "issuing"  # what the page said last was lost with the process


def _lost_phone(life: Life) -> None:
    """Hold everything of one customer; of another the process died in between, and a job is left."""
    whole, half = life.holder("bank"), life.holder()
    holding.hold_everything(whole.person.id, acting=TELLER, world=life.world)
    unbroken = holding.suspend_left

    def die(*_args: Any, **_more: Any) -> int:
        raise CrashError

    holding.suspend_left = die
    try:
        holding.hold_everything(half.person.id, acting=TELLER, world=life.world)
    except CrashError:
        life.kept["people"] |= {"stopped": whole.person.id, "half_stopped": half.person.id}
    finally:
        holding.suspend_left = unbroken


def _log_in(life: Life) -> None:
    """Log somebody in with a browser; it also has a run open."""
    walk = life.restored
    assert walk is not None
    wiring.set_world(life.world)
    browser = Client(SERVER_NAME="localhost", headers={"User-Agent": CHROME})
    said = {"user_id": walk.person.user_id, "pin": PIN, "remember": "on"}
    assert browser.post("/login/", said).status_code == 303
    assert browser.get("/me/").status_code == 200
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
    run = life.web().walk_to("account")
    life.keep_run("open in a browser", run)
    cookies["dojang_run"] = f"{run.run}.{run.started.token}"
    life.kept["browser"] = {
        "cookies": cookies, "agent": CHROME, "run": run.run, "handle": walk.person.handle, "pin": PIN,
    }  # fmt: skip
    wiring.set_world(None)


def _under_way(life: Life) -> None:
    """Leave what waits for a telephone, a text or a device at this very moment; the most urgent last."""
    called = life.web().walk_to("ars")
    called.submit(phone=life.world.corebank.phones(called.person.id)[0].id)
    life.keep_run("waiting for the call", called)
    texting = life.web().walk_to("sms_reply")
    life.keep_run("waiting for a text", texting)
    one_won = life.app("bank-app-issue").walk_to("one_won")
    other = one_won.person.others[0]
    one_won.submit(bank=other.bank, account=other.number)
    life.keep_run("waiting for one won", one_won)
    for journey, name in (
        ("joint-app-issue", ""),
        ("bank-app-issue", ""),
        ("bank-app-reissue", life.kept["bank-again-3"]),
        ("joint-app-reissue", life.kept["joint-again-3"]),
    ):
        walk = life.app(journey, name, Telephone())
        walk.deliver()
        life.keep_run(f"{journey} delivering", walk)
    stored = life.app("bank-app-issue")
    stored.deliver()
    signature = stored.phone.store(stored.shown("deliver"))
    stored.world = _dying(life)
    with contextlib.suppress(CrashError):
        stored.do("stored", signature=signature, label="My phone")
    life.keep_run("stored, not yet active", stored)
    asked = life.pushed
    assert asked is not None
    approving = life.web(asked.person.handle).walk_to("factor")
    approving.submit(factor="bank_certificate")
    life.keep_run("waiting for an approval", approving, approver=life.keep_phone(asked.phone))
    texted = life.app("joint-app-issue").walk_to("phone_check")
    person, number = texted.person, texted.number
    texted.submit(
        name=person.name, birth=f"{person.birth:%Y%m%d}", gender=gender_of(person.rrn),
        carrier=carrier_of(number), phone=number,
    )  # fmt: skip
    life.keep_run("waiting for a code", texted)
    pattern = challenge(life.world, asked, "a transfer")
    assert pattern is not None
    life.kept["challenge"] = {
        "id": pattern.id, "octets": pattern.challenge.hex(), "phone": asked.phone.device_id,
        "handle": asked.person.handle, "purpose": "a transfer",
    }  # fmt: skip


def _timetable() -> None:
    """Let everything on the timetable be due, as a worker that was stopped leaves it."""
    for names in queue.periodic_registry.periodic_tasks:
        queue.configure_task(names[0]).defer(timestamp=0)
