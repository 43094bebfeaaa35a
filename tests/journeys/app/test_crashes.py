"""A crash at any point of issuing leaves a run that can be taken up: never none, never two."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from tests.journeys.app.walker import Walk, in_parallel, with_parts, with_policy

from dojang.audit.queries import verify_chains
from dojang.ca.models import Certificate
from dojang.ca.queries import active_certificate, certificates_of
from dojang.guard.models import Attempt, FactorCounter
from dojang.issuing.actions import carry_out, reconcile
from dojang.issuing.models import UsedEvidence
from dojang.notices.models import Notice
from dojang.ports.acting import Acting
from dojang.ports.errors import CoreBankError, SmsError, TelephonyError
from dojang.ports.signer_errors import SignerUnavailableError
from dojang.ra.actions import act
from dojang.ra.models import Run
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = Acting(kind="system", id="reconcile", channel="job")


class CrashError(BaseException):
    """The process is gone: nothing of ours catches this."""


class Crashing:
    """An adapter whose n-th call crashes the process, before or after the outside has done its part."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        """Wrap every verb."""
        verb = getattr(self._inner, name)
        if not callable(verb):
            return verb

        def call(*args: Any, **kwargs: Any) -> Any:
            self._fuse.burn("before")
            result = verb(*args, **kwargs)
            self._fuse.burn("after")
            return result

        return call


class Fuse:
    """Counts points passed; blows at one of them."""

    def __init__(self, at: int = -1) -> None:
        self.at, self.passed = at, 0

    def burn(self, _where: str) -> None:
        """Pass one point."""
        if self.passed == self.at:
            self.passed += 1
            raise CrashError
        self.passed += 1


@contextmanager
def failing_statements(fuse: Fuse) -> Iterator[None]:
    """Crash before or after the n-th SQL statement of this thread."""

    def wrapper(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if "advisory" in sql:  # the locks' own clean-up runs while the crash unwinds
            return execute(sql, params, many, context)
        fuse.burn("before")
        result = execute(sql, params, many, context)
        fuse.burn("after")
        return result

    with connection.execute_wrapper(wrapper):
        yield


def crashing_world(world: World, fuse: Fuse) -> World:
    """Put a fuse into every adapter issuing asks."""
    return with_parts(world, signer=Crashing(world.signer, fuse), corebank=Crashing(world.corebank, fuse))


def confirm(walk: Walk, world: World) -> None:
    """Press the last button in a World of one's choice."""
    act(walk.run, "confirm", walk.page.revision, "submit", {}, acting=walk.acting, world=world)


def whole(walk: Walk, world: World, *, certificates: int) -> None:
    """Assert that the run ended well: one active certificate, one live key, the trail intact."""
    held = certificates_of(walk.person.id)
    assert [view.state for view in held if view.state != "revoked"] == ["active"]
    assert len(held) == certificates
    assert walk.page.result is not None
    assert walk.page.result["serial"] == held[0].serial
    live = WalletKey.objects.filter(customer_id=walk.person.id, state="live")
    assert [key.certificate_id for key in live] == [held[0].id]
    assert verify_chains(world.signer).ok


def test_a_crash_at_every_outside_call_of_issuing_is_taken_up(world: World) -> None:
    """The process dies before and after each call to signer and bank in turn; opening the page finishes."""
    free = with_policy(world, reissue={"per_day": 1000}, ars={"calls_per_day": 1000})
    counting = Fuse()
    walk = Walk(free).walk_to("confirm")
    confirm(walk, crashing_world(free, counting))
    assert walk.refresh().state == "done"
    points = counting.passed
    assert points >= 10
    for index, point in enumerate(range(points), start=2):
        walk = Walk(free, journey="financial-web-reissue", pin=_pin(index)).walk_to("confirm")
        with pytest.raises(CrashError):
            confirm(walk, crashing_world(free, Fuse(point)))
        page = walk.refresh()
        if page.state == "open":
            page = walk.submit()
        assert page.state == "done", (point, page.state, walk.codes)
        whole(walk, free, certificates=index)
    assert Notice.objects.filter(message_id="certificate_reissued", channel="mail").count() == points


def test_a_crash_at_statements_of_issuing_is_taken_up(world: World) -> None:
    """The process dies at SQL statements spread over the whole of issuing; the reconcile job finishes."""
    free = with_policy(world, reissue={"per_day": 1000}, ars={"calls_per_day": 1000})
    counting = Fuse()
    walk = Walk(free).walk_to("confirm")
    with failing_statements(counting):
        confirm(walk, free)
    assert walk.refresh().state == "done"
    points = range(3, counting.passed, max(1, counting.passed // 12))
    for index, point in enumerate(points, start=2):
        walk = Walk(free, journey="financial-web-reissue", pin=_pin(index)).walk_to("confirm")
        with failing_statements(Fuse(point)), pytest.raises(CrashError):
            confirm(walk, free)
        reconcile(acting=SYSTEM, world=free)
        page = walk.refresh()
        if page.state == "open":
            page = walk.submit()
        assert page.state == "done", (point, page.state, walk.codes)
        whole(walk, free, certificates=index)


def test_a_crash_before_the_judgement_leaves_the_attempt_counted(world: World) -> None:
    """Whoever kills the process after a guess does not get the guess back; the run goes on."""
    walk = Walk(world).walk_to("account")
    broken = crashing_world(world, Fuse(1))
    data = {**walk.answers("account"), "account_password": "0000"}
    with pytest.raises(CrashError):
        act(walk.run, "account", walk.page.revision, "submit", data, acting=walk.acting, world=broken)
    assert FactorCounter.objects.get(factor="account").errors == 1
    assert Attempt.objects.filter(state="counted").count() == 2
    walk.submit(**data)
    assert FactorCounter.objects.get(factor="account").errors == 2
    assert walk.step().step == "factor"


def test_when_the_bank_does_not_answer_nothing_is_counted(world: World) -> None:
    """A core bank that is away costs no try, and the step says that it is our fault."""

    class Away:
        def __getattr__(self, name: str) -> Any:
            def away(*_: Any, **__: Any) -> Any:
                raise CoreBankError

            return away

    walk = Walk(world).walk_to("account")
    away = with_parts(world, corebank=Away())
    page = act(
        walk.run,
        "account",
        walk.page.revision,
        "submit",
        walk.answers("account"),
        acting=walk.acting,
        world=away,
    )
    assert [error.code for error in page.errors] == ["corebank_unavailable"]
    assert FactorCounter.objects.get(factor="account").errors == 0
    walk.refresh()
    assert walk.step().step == "factor"


def test_when_the_signer_is_away_the_run_waits_and_then_finishes(world: World) -> None:
    """Without the signer the page says that it is being issued; when it is back, the job finishes the run."""

    class Away:
        def __getattr__(self, name: str) -> Any:
            def away(*_: Any, **__: Any) -> Any:
                raise SignerUnavailableError

            return away

    walk = Walk(world).walk_to("confirm")
    away = with_parts(world, signer=Away())
    page = act(walk.run, "confirm", walk.page.revision, "submit", {}, acting=walk.acting, world=away)
    assert page.state == "issuing"
    assert page.wait is not None
    assert page.wait.kind == "issuing"
    assert Certificate.objects.filter(product="financial").count() == 0
    kept = reconcile(acting=SYSTEM, world=world)
    assert kept.issuing == 1
    assert walk.refresh().state == "done"
    whole(walk, world, certificates=1)


def test_a_run_that_cannot_be_finished_in_time_fails_and_the_old_one_lives(world: World) -> None:
    """A re-issue without a signer for ten minutes fails; the certificate held before stays active."""

    class Away:
        def __getattr__(self, name: str) -> Any:
            def away(*_: Any, **__: Any) -> Any:
                raise SignerUnavailableError

            return away

    first = Walk(world)
    first.finish()
    before = active_certificate(first.person.id, "financial")
    walk = Walk(world, journey="financial-web-reissue", pin="840271").walk_to("confirm")
    away = with_parts(world, signer=Away())
    act(walk.run, "confirm", walk.page.revision, "submit", {}, acting=walk.acting, world=away)
    clock: Any = world.clock
    clock.advance(world.policy.issue.confirm_within + 1)
    assert carry_out([walk.run], acting=SYSTEM, world=away) == [walk.run]
    page = walk.refresh()
    assert (page.state, walk.codes) == ("failed", ["issue_timed_out"])
    reconcile(acting=SYSTEM, world=world)
    assert active_certificate(first.person.id, "financial") == before
    assert WalletKey.objects.filter(customer_id=first.person.id, state="live").count() == 1
    assert WalletKey.objects.filter(run_id=walk.run).get().state == "retired"
    assert Notice.objects.filter(message_id="issue_failed").count() == 4


def test_fifty_final_submits_make_one_certificate(world: World) -> None:
    """Invariant 5: the last button pressed fifty times at once issues once; all fifty see the last page."""
    walk = Walk(world).walk_to("confirm")
    revision = walk.page.revision

    def press(_index: int) -> Any:
        return act(walk.run, "confirm", revision, "submit", {}, acting=walk.acting, world=world).state

    states = in_parallel(50, press)
    assert set(states) <= {"done", "issuing"}, states
    assert walk.refresh().state == "done"
    assert Certificate.objects.filter(product="financial").count() == 1
    assert UsedEvidence.objects.count() == 11
    assert Notice.objects.filter(message_id="certificate_issued").count() == 4
    whole(walk, world, certificates=1)


def test_a_text_that_cannot_be_sent_is_sent_when_the_page_is_opened_again(world: World) -> None:
    """Entering a step whose message cannot go out shows the fault; a refresh tries again, once it works."""

    class Away:
        def __getattr__(self, name: str) -> Any:
            def away(*_: Any, **__: Any) -> Any:
                raise SmsError

            return away

    walk = Walk(world).walk_to("person")
    away = with_parts(world, sms=Away())
    page = act(
        walk.run,
        "person",
        walk.page.revision,
        "submit",
        walk.answers("person"),
        acting=walk.acting,
        world=away,
    )
    assert (page.step, [error.code for error in page.errors]) == ("sms_reply", ["sms_unavailable"])
    assert [action.name for action in page.actions] == ["back", "extend", "cancel"]
    walk.page = page
    page = act(walk.run, "sms_reply", page.revision, "submit", {}, acting=walk.acting, world=away)
    assert page.revision == walk.page.revision
    assert walk.refresh().errors == ()
    assert walk.finish().state == "done"


def test_when_no_call_can_be_placed_none_is_counted(world: World) -> None:
    """A telephone network that is away costs none of the calls, and the number can be chosen again."""

    class Away:
        def __getattr__(self, name: str) -> Any:
            def away(*_: Any, **__: Any) -> Any:
                raise TelephonyError

            return away

    walk = Walk(world).walk_to("ars")
    data = {"phone": world.corebank.phones(walk.person.id)[0].id}
    without = with_parts(world, telephony=Away())
    for _ in range(world.policy.ars.calls_per_run.count + 1):
        page = act(walk.run, "ars", walk.page.revision, "submit", data, acting=walk.acting, world=without)
        assert (page.step, [error.code for error in page.errors]) == ("ars", ["telephony_unavailable"])
        walk.page = page
    assert {row.errors for row in FactorCounter.objects.filter(factor__startswith="ars_calls")} == {0}
    assert walk.ars().step == "account"


def test_a_dead_process_lease_is_taken_over(world: World) -> None:
    """A lease left by a process that died stops nobody."""
    walk = Walk(world).walk_to("account")
    Run.objects.filter(id=walk.run).update(lease="left-behind", leased_at=world.clock.now())
    assert walk.step().step == "factor"


def _pin(index: int) -> str:
    pins = ("840271", "591362", "372958", "684025", "917350", "250837", "731940", "468205")
    return pins[index % len(pins)]
