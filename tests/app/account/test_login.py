"""Logging in with the financial certificate: who may, who may not, and what each is told."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from django.db import DatabaseError, connection, transaction
from tests.app.account.connected import connect
from tests.journeys.app.walker import PIN, Walk

from dojang.account import challenges
from dojang.account.browsers.actions import forget_browser
from dojang.account.browsers.queries import browsers_of
from dojang.account.errors import (
    CertificateExpiredError,
    ChallengeUnknownError,
    LoginLockedError,
    LoginPinWrongError,
    LoginRefusedError,
    LoginStoppedError,
    LoginTooSoonError,
    SessionMissingError,
    SignatureRefusedError,
)
from dojang.account.models import Session
from dojang.account.proving import actions as proving
from dojang.account.proving.values import LOGIN, Answer
from dojang.account.queries import log_of, origin_of
from dojang.account.sessions.access import access_session
from dojang.account.sessions.actions import end_session, end_sessions_of
from dojang.audit.models import Event
from dojang.ca.queries import active_certificate
from dojang.guard.challenges import forget_challenges
from dojang.guard.models import Challenge, FactorCounter
from dojang.issuing.actions import revoke_certificate
from dojang.ports.acting import Acting
from dojang.ports.signer_errors import SignerError
from dojang.products import PRODUCTS
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.uses.models import Use
from dojang.wallet.uses.queries import mask_source, uses_of

if TYPE_CHECKING:
    from tests.centres import SignerProcess

    from dojang.account.proving.values import LoggedIn
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
VISITOR = Acting(
    kind="customer",
    source="198.51.100.7",
    channel="web",
    origin="https://bank.test",
    agent="Chrome, Windows",
)
FINANCIAL, JOINT = PRODUCTS["financial"], PRODUCTS["joint"]
WRONG = "390462"


def log_in(world: World, user_id: str, pin: str = PIN, *, remember: bool = False, source: str = "") -> str:
    """Log in by user id; return the session's token."""
    acting = dataclasses.replace(VISITOR, source=source or VISITOR.source)
    handle = next((person.handle for person in BY_HANDLE.values() if person.user_id == user_id), "hong")
    browser = connect(world, handle, acting=acting)
    world.clock.advance(1)  # type: ignore[attr-defined]  # a visitor waits for the answer
    done = proving.log_in_by_id(
        FINANCIAL, user_id, Answer(pin=pin), browser=browser, remember=remember, acting=acting, world=world
    )
    return done.session


def remembered(world: World, walk: Walk) -> LoggedIn:
    """Log in by user id, in a browser that is to remember."""
    browser = connect(world, walk.person.handle, acting=VISITOR)
    return proving.log_in_by_id(
        FINANCIAL, walk.person.user_id, Answer(pin=PIN), browser=browser, remember=True, acting=VISITOR,
        world=world,
    )  # fmt: skip


def holder(world: World, handle: str = "hong") -> Walk:
    """Return somebody who has just had a certificate issued."""
    walk = Walk(world, handle)
    assert walk.finish().state == "done"
    return walk


def test_the_right_pin_opens_a_session_and_leaves_a_use(world: World) -> None:
    """One session, one accepted use, one event each; the token itself is stored nowhere."""
    walk = holder(world)
    token = log_in(world, walk.person.user_id)
    session = access_session(token, world=world)
    assert session.customer_id == walk.person.id
    (use,) = uses_of(walk.person.id)
    assert (use.purpose, use.outcome, use.origin) == (LOGIN, "accepted", VISITOR.origin)
    assert (use.source, use.agent) == ("198.51.100.*", VISITOR.agent)
    assert Event.objects.filter(type="certificate:used").count() == 1
    assert Event.objects.filter(type="session:opened", subject=walk.person.id).count() == 1
    assert Session.objects.filter(token=token).count() == 0
    assert Event.objects.filter(body__contains=token).count() == 0


def test_a_no_on_a_connected_browser_is_always_the_same(world: World) -> None:
    """No certificate and a wrong PIN: one error, no session."""
    walk = holder(world)
    for user_id, pin in (("han", PIN), (walk.person.user_id, WRONG)):
        with pytest.raises(LoginRefusedError) as refused:
            log_in(world, BY_HANDLE[user_id].user_id if user_id == "han" else user_id, pin)
        assert refused.value.data == {}
    assert Session.objects.count() == 0
    assert [use.outcome for use in uses_of(walk.person.id)] == ["pin_wrong"]


def test_five_wrong_entries_stop_an_id_for_the_day(world: World) -> None:
    """The sixth try is stopped, even with the right PIN."""
    user_id = holder(world).person.user_id
    for _ in range(5):
        with pytest.raises(LoginRefusedError):
            log_in(world, user_id, WRONG)
    with pytest.raises(LoginStoppedError):
        log_in(world, user_id)
    assert Session.objects.count() == 0


def test_the_delay_of_a_no_is_kept_by_time_and_not_counted(world: World) -> None:
    """Who does not wait is told how long; it is no try."""
    walk = holder(world)
    user_id, browser = walk.person.user_id, connect(world, walk.person.handle, acting=VISITOR)
    with pytest.raises(LoginRefusedError):
        log_in(world, user_id, WRONG)
    before = list(FactorCounter.objects.order_by("id").values_list("factor", "errors"))
    with pytest.raises(LoginTooSoonError) as caught:
        proving.log_in_by_id(
            FINANCIAL, user_id, Answer(pin=PIN), browser=browser, remember=False, acting=VISITOR, world=world
        )
    assert caught.value.data == {"wait": 1}
    assert list(FactorCounter.objects.order_by("id").values_list("factor", "errors")) == before
    assert Session.objects.count() == 0
    assert log_in(world, walk.person.user_id)


def test_slips_from_a_place_never_refuse_a_connected_browser(world: World) -> None:
    """With the place's budget of wrong entries used up, whoever is connected there logs in as before."""
    walk = holder(world)
    few = dataclasses.replace(world, policy=world.policy.changed({"wrong_entries": {"per_source": 3}}))
    for _ in range(3):
        with pytest.raises(LoginRefusedError):
            log_in(few, walk.person.user_id, WRONG, source="203.0.113.9")
    assert log_in(few, walk.person.user_id, source="203.0.113.9")


def test_a_known_browser_is_told_how_many_tries_are_left_and_of_the_lock(world: World) -> None:
    """Who proved the certificate here before hears more; the fifth wrong PIN locks."""
    walk = holder(world)
    done = remembered(world, walk)
    for left in (4, 3, 2, 1):
        with pytest.raises(LoginPinWrongError) as wrong:
            proving.log_in_by_browser(FINANCIAL, done.browser, Answer(pin=WRONG), acting=VISITOR, world=world)
        assert wrong.value.data["left"] == left
    for pin in (WRONG, PIN):
        with pytest.raises(LoginLockedError):
            proving.log_in_by_browser(FINANCIAL, done.browser, Answer(pin=pin), acting=VISITOR, world=world)
    assert [use.outcome for use in uses_of(walk.person.id)][:2] == ["locked", "locked"]
    assert Session.objects.count() == 1


def test_a_browser_that_was_made_to_forget_knows_nobody(world: World) -> None:
    """By its holder from elsewhere, or by itself."""
    walk = holder(world)
    done = remembered(world, walk)
    (browser,) = browsers_of(walk.person.id)
    assert not forget_browser(browser_id=browser.id, customer_id="somebody-else", world=world)
    assert proving.log_in_by_browser(FINANCIAL, done.browser, Answer(pin=PIN), acting=VISITOR, world=world)
    assert forget_browser(browser_id=browser.id, customer_id=walk.person.id, world=world)
    with pytest.raises(LoginRefusedError):
        proving.log_in_by_browser(FINANCIAL, done.browser, Answer(pin=PIN), acting=VISITOR, world=world)


def test_use_after_expiry_is_refused_with_the_date(world: World) -> None:
    """The PIN is right and the certificate active, but its life is over: no session, and the use says so."""
    walk = holder(world)
    view = active_certificate(walk.person.id, "financial")
    assert view is not None
    clock: object = world.clock
    clock.advance(int((view.not_after - world.clock.now()).total_seconds()) + 2)  # type: ignore[attr-defined]
    with pytest.raises(CertificateExpiredError) as expired:
        log_in(world, walk.person.user_id)
    assert expired.value.data["until"] == view.not_after.isoformat()
    assert (Session.objects.count(), uses_of(walk.person.id)[0].outcome) == (0, "expired")


def test_a_revocation_is_seen_at_once(world: World) -> None:
    """With the commit of a revocation the certificate opens nothing, not even on a known browser."""
    walk = holder(world)
    done = remembered(world, walk)
    view = active_certificate(walk.person.id, "financial")
    assert view is not None
    revoke_certificate(view.id, "keyCompromise", acting=VISITOR, world=world)
    with pytest.raises(LoginRefusedError):
        proving.log_in_by_browser(FINANCIAL, done.browser, Answer(pin=PIN), acting=VISITOR, world=world)
    assert Session.objects.count() == 1


def test_without_the_signer_nobody_is_blamed(world: World, signer_process: SignerProcess) -> None:
    """A signer that cannot be asked is a fault of ours: it says so, and the id keeps its tries."""
    walk = holder(world)
    signer_process.kill()
    for _ in range(2):
        with pytest.raises(SignerError):
            log_in(world, walk.person.user_id)
    signer_process.start()
    assert log_in(world, walk.person.user_id)


def test_sessions_end_when_idle_and_when_old(world: World) -> None:
    """Ten minutes without a visit, or thirty in all; then the token opens nothing."""
    walk = holder(world)
    clock: object = world.clock
    idle = log_in(world, walk.person.user_id)
    clock.advance(599)  # type: ignore[attr-defined]
    access_session(idle, world=world)
    clock.advance(600)  # type: ignore[attr-defined]
    with pytest.raises(SessionMissingError):
        access_session(idle, world=world)
    busy = log_in(world, walk.person.user_id)
    for _ in range(3):
        clock.advance(590)  # type: ignore[attr-defined]
        access_session(busy, world=world)
    clock.advance(31)  # type: ignore[attr-defined]
    with pytest.raises(SessionMissingError):
        access_session(busy, world=world)


def test_each_proof_gives_a_new_token(world: World) -> None:
    """The token before a step-up opens nothing after it; logging out ends it; the record shows both uses."""
    walk = holder(world)
    first = log_in(world, walk.person.user_id)
    session = access_session(first, world=world)
    with pytest.raises(LoginPinWrongError):
        proving.prove_again(
            session, FINANCIAL, Answer(pin=WRONG), purpose="revoke", acting=VISITOR, world=world
        )
    second = proving.prove_again(
        session, FINANCIAL, Answer(pin=PIN), purpose="revoke", acting=VISITOR, world=world
    )
    with pytest.raises(SessionMissingError):
        access_session(first, world=world)
    assert access_session(second, world=world).id == session.id
    assert [use.purpose for use in uses_of(walk.person.id)] == ["revoke", "revoke", "login"]
    end_session(session.id, reason="logged_out", acting=VISITOR, world=world)
    with pytest.raises(SessionMissingError):
        access_session(second, world=world)


def test_everything_can_end_at_once(world: World) -> None:
    """All sessions but the kept one end, and no browser knows the customer any more."""
    walk = holder(world)
    tokens = [log_in(world, walk.person.user_id, remember=True) for _ in range(3)]
    kept = access_session(tokens[0], world=world).id
    ended = end_sessions_of(walk.person.id, reason="panic", keep=kept, acting=VISITOR, world=world)
    assert (ended, browsers_of(walk.person.id)) == (2, ())
    assert access_session(tokens[0], world=world).id == kept
    with pytest.raises(SessionMissingError):
        access_session(tokens[1], world=world)


@pytest.mark.parametrize("spoilt", ["secret", "purpose", "origin", "used", "late"])
def test_a_challenge_is_good_for_one_browser_purpose_origin_and_time(world: World, spoilt: str) -> None:
    """Anything else about it is refused in the same words, and nothing is logged in."""
    asked = challenges.ask(LOGIN, origin=VISITOR.origin, world=world)
    chosen = {"purpose": LOGIN, "origin": VISITOR.origin}
    secret = asked.secret
    if spoilt == "secret":
        secret = "another"
    elif spoilt == "used":
        challenges.spend(asked.id, asked.secret, world=world, **chosen)
    elif spoilt == "late":
        world.clock.advance(180)  # type: ignore[attr-defined]
    else:
        chosen[spoilt] = "another"
    with pytest.raises(ChallengeUnknownError):
        challenges.spend(asked.id, secret, world=world, **chosen)
    assert Challenge.objects.filter(used_at__isnull=False).count() == (spoilt == "used")


def test_junk_in_place_of_a_signature_opens_nothing(world: World) -> None:
    """What is not SignedData of one of our certificates is refused, and spends the challenge."""
    asked = challenges.ask(LOGIN, origin=VISITOR.origin, world=world)
    junk = Answer(challenge_id=asked.id, secret=asked.secret, signed=b"\x30\x00")
    with pytest.raises(SignatureRefusedError):
        proving.log_in(JOINT, junk, acting=VISITOR, world=world)
    with pytest.raises(ChallengeUnknownError):
        proving.log_in(JOINT, junk, acting=VISITOR, world=world)
    assert Session.objects.count() == 0


def test_old_challenges_are_cleared_away(world: World) -> None:
    """An hour after their end they are deleted, younger ones stay."""
    challenges.ask(LOGIN, origin=VISITOR.origin, world=world)
    world.clock.advance(2 * 86_400)  # type: ignore[attr-defined]
    challenges.ask(LOGIN, origin=VISITOR.origin, world=world)
    assert forget_challenges(now=world.clock.now()) == 1
    assert Challenge.objects.count() == 1


def test_recorded_uses_cannot_be_changed(world: World) -> None:
    """The database itself refuses to change or delete a use."""
    log_in(world, holder(world).person.user_id)
    for change in (
        lambda: Use.objects.update(outcome="refused"),
        lambda: Use.objects.all()._raw_delete("default"),
        lambda: connection.cursor().execute("TRUNCATE wallet_use"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert Use.objects.filter(outcome="accepted").count() == 1


def test_the_holder_sees_what_was_done_in_their_name(world: World) -> None:
    """The log tells of issue, browser and log-in, newest first; the certificate says where it came from."""
    walk = holder(world)
    log_in(world, walk.person.user_id)
    log = log_of(walk.person.id)
    assert [line.type for line in log] == [
        "session:opened",
        "browser:connected",
        "certificate:activated",
        "certificate:intended",
    ]
    view = active_certificate(walk.person.id, "financial")
    assert view is not None
    origin = origin_of(view.serial)
    assert origin is not None
    assert (origin.channel, origin.source) == ("web", "198.51.100.*")
    assert log_of("0000") == ()
    assert [mask_source(text) for text in ("2001:db8::7", "")] == ["2001:db8::*", ""]
