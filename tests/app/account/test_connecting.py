"""Connecting a browser: until the telephone has answered, a stranger moves nothing and learns nothing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.app.account.connected import connect, line_of
from tests.app.account.test_me_pages import Visitor
from tests.counting import errors_of
from tests.journeys.app.device import AppWalk, approve
from tests.journeys.app.walker import PIN, Walk, in_parallel, with_parts, with_policy

from dojang.account.browsers.queries import is_connected
from dojang.account.connecting import actions as connecting
from dojang.account.connecting.errors import ConnectBusyError, ConnectGoneError, ConnectRefusedError
from dojang.account.connecting.values import APPROVAL, ARS_CALL, SMS_REPLY, WAYS, Line
from dojang.account.errors import BrowserUnknownError
from dojang.account.models import Connecting, SeenBrowser, Session
from dojang.account.proving import actions as proving
from dojang.account.proving.values import Answer
from dojang.audit.models import Event
from dojang.guard.models import FactorCounter
from dojang.notices.models import Notice
from dojang.ports.acting import Acting
from dojang.products import PRODUCTS
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.keys.models import WalletKey
from dojang.wallet.uses.models import Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
STRANGER = Acting(
    kind="customer", source="203.0.113.5", channel="web", origin="https://bank.test", agent="Firefox, Linux"
)
JOB = Acting(kind="system", id="ask_telephone", channel="job")
HONG, HAN = BY_HANDLE["hong"], BY_HANDLE["han"]
FINANCIAL = PRODUCTS["financial"]
WRONG = "390462"


def log_in(world: World, browser: str, user_id: str, pin: str = PIN) -> Any:
    """Log in by user id."""
    return proving.log_in_by_id(
        FINANCIAL, user_id, Answer(pin=pin), browser=browser, remember=False, acting=STRANGER, world=world
    )


def begin(world: World, line: Line, way: str = SMS_REPLY) -> str:
    """Begin, and do the job that was left."""
    token = connecting.begin_connecting(line, way, acting=STRANGER, world=world)
    row = Connecting.objects.latest("made_at")
    connecting.ask_telephone(str(row.id), acting=JOB, world=world)
    return token


def finish(world: World, token: str) -> str | None:
    """Look whether the telephone has answered."""
    return connecting.finish_connecting(token, "", acting=STRANGER, world=world)


def state(world: World, token: str) -> str:
    """Tell how far it is."""
    return connecting.connecting_of(token, world=world).state


def test_a_strangers_guesses_at_a_pin_move_nothing(world: World) -> None:
    """Two hundred log-ins with a user id, from browsers not connected with it: the key has all its tries."""
    walk = Walk(world)
    walk.finish()
    own = connect(world, "han", acting=STRANGER)
    refused = []
    for _ in range(50):
        for browser, user_id in (
            ("", HONG.user_id),
            ("x" * 43, HONG.user_id),
            (own, HONG.user_id),
            (own, "nobody7"),
        ):
            with pytest.raises(BrowserUnknownError) as error:
                log_in(world, browser, user_id, WRONG)
            refused.append(error.value.data)
    assert refused == [{}] * 200
    (key,) = WalletKey.objects.filter(customer_id=HONG.id)
    assert (key.state, errors_of(key)) == ("live", 0)
    assert (Use.objects.count(), Session.objects.count()) == (0, 0)
    assert FactorCounter.objects.filter(factor="login").count() == 0
    assert log_in(world, connect(world, "hong", acting=STRANGER), HONG.user_id).customer_id == HONG.id


def test_nobodys_id_and_a_customers_cost_the_same(world: World) -> None:
    """From a browser that is not theirs: as many statements, and the same refusal."""
    Walk(world).finish()
    own, costs = connect(world, "han", acting=STRANGER), []
    for user_id in ("nobody7", HONG.user_id):
        with CaptureQueriesContext(connection) as asked, pytest.raises(BrowserUnknownError):
            log_in(world, own, user_id, WRONG)
        costs.append(len(asked))
    assert costs[0] == costs[1]


@pytest.mark.parametrize("way", WAYS)
def test_beginning_asks_nobody_and_looks_alike_for_everybody(world: World, way: str) -> None:
    """A customer's line and nobody's: nobody is asked or told, as many statements, the same page."""

    class Silent:
        """Nobody may be asked."""

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    silent = with_parts(world, corebank=Silent(), telephony=Silent(), push=Silent())
    seen = []
    for line in (Line("없는이", HONG.birth, "01099990000"), line_of(world, HONG)):
        with CaptureQueriesContext(connection) as asked:
            token = connecting.begin_connecting(line, way, acting=STRANGER, world=silent)
        view = connecting.connecting_of(token, world=silent)
        assert connecting.finish_connecting(token, "", acting=STRANGER, world=silent) is None
        seen.append((len(asked), view.way, view.state, len(view.digits)))
    assert seen[0] == seen[1]
    assert (Notice.objects.count(), SeenBrowser.objects.count()) == (0, 0)
    assert ProcrastinateJob.objects.filter(task_name="account.ask_telephone").count() == 2 * (
        way != SMS_REPLY
    )


def test_the_reply_connects_and_every_channel_is_told(world: World) -> None:
    """Only from that telephone, only the number on the screen; then once, with notices and an event."""
    token, number = begin(world, line_of(world, HONG)), world.corebank.phones(HONG.id)[0].number
    sms: Any = world.sms
    digits = connecting.connecting_of(token, world=world).digits
    sms.reply(number=HAN.lines[0].number, text=digits)
    assert (state(world, token), finish(world, token)) == ("waiting", None)
    sms.reply(number=number, text=digits)
    assert state(world, token) == "received"
    fresh = finish(world, token)
    assert fresh
    assert is_connected(fresh, HONG.id, now=world.clock.now())
    assert not is_connected(fresh, HAN.id, now=world.clock.now())
    channels = Notice.objects.filter(message_id="browser_connected", customer_id=HONG.id)
    assert set(channels.values_list("channel", flat=True)) == {"mail", "push", "sms"}
    assert Event.objects.filter(type="browser:connected", subject=HONG.id).count() == 1
    with pytest.raises(ConnectGoneError):
        finish(world, token)
    assert SeenBrowser.objects.count() == 1


def test_a_call_connects(world: World) -> None:
    """The telephone rings only when all three fit; keying the number in connects."""
    telephony: Any = world.telephony
    line = line_of(world, HONG)
    strange = begin(world, dataclasses.replace(line, name="한서연"), ARS_CALL)
    assert (telephony.calls(line.phone), state(world, strange)) == ((), "waiting")
    token = begin(world, line, ARS_CALL)
    assert finish(world, token) is None
    world.clock.advance(2)  # type: ignore[attr-defined]
    call = telephony.calls(line.phone)[0]
    telephony.answer(call.number, call.id)
    telephony.press(call.number, call.id, connecting.connecting_of(token, world=world).digits)
    assert state(world, token) == "received"
    assert finish(world, token)
    assert SeenBrowser.objects.get().customer_id == HONG.id


def test_the_app_connects_by_number_matching(world: World) -> None:
    """The bank certificate's telephone is asked, with that number alone; a wrong one ends the question."""
    walk = AppWalk(world)
    assert walk.finish().state == "done"
    line = line_of(world, HONG)
    first = begin(world, line, APPROVAL)
    digits = connecting.connecting_of(first, world=world).digits
    assert approve(world, walk, f"{(int(digits) + 1) % 100:02d}") == "wrong_number"
    assert finish(world, first) is None
    token = begin(world, line, APPROVAL)
    assert approve(world, walk, connecting.connecting_of(token, world=world).digits) == "approved"
    assert finish(world, token)
    assert SeenBrowser.objects.get().customer_id == HONG.id


def test_a_question_that_waits_already_is_not_pushed_aside(world: World) -> None:
    """Whoever knows a name, a birth date and a number cannot end what its customer is approving."""
    walk = AppWalk(world)
    assert walk.finish().state == "done"
    line = line_of(world, HONG)
    mine = begin(world, line, APPROVAL)
    begin(world, line, APPROVAL)
    assert approve(world, walk, connecting.connecting_of(mine, world=world).digits) == "approved"
    assert finish(world, mine)


def test_a_telephone_is_rung_five_times_a_day_and_answers_by_text_all_the_same(world: World) -> None:
    """Strangers cannot ring it all day, nor take the quiet way away from its customer."""
    line, rung = line_of(world, HONG), Connecting.objects.exclude(outside="")
    for _ in range(8):
        begin(world, line, ARS_CALL)
    assert rung.count() == world.policy.connect.calls_per_day.count == 5
    assert connect(world, "hong", acting=STRANGER)
    world.clock.advance(86_400)  # type: ignore[attr-defined]
    begin(world, line, ARS_CALL)
    assert rung.count() == 6


@pytest.mark.parametrize("spoilt", ["late", "three wrong", "another name"])
def test_a_reply_connects_nobody_when(world: World, spoilt: str) -> None:
    """It came too late, after three wrong ones, or the telephone is not of the person named."""
    line, sms = line_of(world, HONG), world.sms
    named = dataclasses.replace(line, name="한서연") if spoilt == "another name" else line
    token = begin(world, named)
    digits = connecting.connecting_of(token, world=world).digits
    if spoilt == "late":
        world.clock.advance(world.policy.sms_reply.ttl + 1)  # type: ignore[attr-defined]
    for number in range(3 * (spoilt == "three wrong")):
        sms.reply(number=line.phone, text=f"{(int(digits) + number + 1) % 10_000:04d}")  # type: ignore[attr-defined]
    sms.reply(number=line.phone, text=digits)  # type: ignore[attr-defined]
    if spoilt == "another name":
        with pytest.raises(ConnectRefusedError):
            finish(world, token)
    else:
        assert finish(world, token) is None
        assert state(world, token) == {"late": "late", "three wrong": "void"}[spoilt]
    assert (SeenBrowser.objects.count(), Notice.objects.count()) == (0, 0)
    assert connect(world, "hong", acting=STRANGER)


def test_two_at_once_connect_one_browser(world: World) -> None:
    """The same answer looked for twice at the same moment is taken once, and told once."""
    token, line = begin(world, line_of(world, HONG)), line_of(world, HONG)
    world.sms.reply(number=line.phone, text=connecting.connecting_of(token, world=world).digits)  # type: ignore[attr-defined]
    found = in_parallel(2, lambda _: finish(world, token))
    assert sorted(type(one).__name__ for one in found) == ["ConnectGoneError", "str"]
    assert (SeenBrowser.objects.count(), Event.objects.filter(type="browser:connected").count()) == (1, 1)


def test_one_place_begins_so_many_a_day(world: World) -> None:
    """Rows are bounded; what is over is cleared away after a day."""
    few = with_policy(world, connect={"per_source": 3})
    for _ in range(3):
        begin(few, line_of(world, HONG))
    with pytest.raises(ConnectBusyError):
        begin(few, line_of(world, HONG))
    assert Connecting.objects.count() == 3
    assert connecting.clear_connecting(world=world) == 0
    world.clock.advance(86_401)  # type: ignore[attr-defined]
    assert connecting.clear_connecting(world=world) == 3


# --- on pages --------------------------------------------------------------------------------------------


@pytest.fixture
def hong(world: World) -> Visitor:
    """Return somebody with a fresh certificate and a browser that has seen nothing of it."""
    walk = Walk(world)
    walk.finish()
    return Visitor(walk)


def test_a_strange_browser_is_not_asked_for_a_pin(hong: Visitor) -> None:
    """No box for it on the page; one sent all the same is not looked at, and the way is shown."""
    page = hong.html("/login/?next=/me/log/")
    assert 'name="pin"' not in page
    assert 'href="/login/connect/?next=/me/log/"' in page
    answer = hong.post("/login/", user_id=HONG.user_id, pin=WRONG)
    assert answer.status_code == 422
    assert "비밀번호는 확인하지 않았어요" in answer.content.decode()
    assert (Use.objects.count(), Session.objects.count()) == (0, 0)


def test_mistakes_of_form_are_named_and_begin_nothing(hong: Visitor) -> None:
    """Nothing typed, a birth date to come and a number that is none are told at their fields."""
    for typed, places in (
        ({}, ("#f-name", "#f-birth", "#f-phone")),
        (
            {"name": HONG.name, "birth": "29990101", "phone": "021234567", "way": "x"},
            ("#f-birth", "#f-phone", "#f-way-0"),
        ),
    ):
        answer = hong.post("/login/connect/", **typed)
        assert answer.status_code == 422
        assert all(f'href="{place}"' in answer.content.decode() for place in places)
    assert Connecting.objects.count() == 0


def test_the_browser_of_an_issue_is_connected_by_it_once(world: World) -> None:
    """The last page connects, without a telephone; opened again after a stop it does not."""
    walk = Walk(world)
    walk.finish()
    visitor = Visitor(walk)
    remember(visitor, walk)
    assert "dojang_seen" not in visitor.client.cookies
    visitor.html(f"/runs/{walk.run}/")
    assert is_connected(visitor.client.cookies["dojang_seen"].value, HONG.id, now=world.clock.now())
    visitor.is_connected = True
    assert visitor.log_in().status_code == 303
    assert visitor.post("/me/stop/").status_code == 200
    visitor.html(f"/runs/{walk.run}/")
    assert SeenBrowser.objects.count() == 0


def remember(visitor: Visitor, walk: Walk) -> None:
    """Give a browser the token of a run."""
    from django.http import HttpResponse  # what sets the cookie is the site's own function
    from django.test import RequestFactory

    from dojang.web.cookies import remember_run

    response, request = HttpResponse(), RequestFactory().get("/")
    remember_run(request, response, walk.run, walk.started.token)
    visitor.client.cookies.update(response.cookies)


def test_a_browser_is_disconnected_by_its_holder(hong: Visitor) -> None:
    """From the list of devices; afterwards it may not ask for the PIN."""
    hong.log_in()
    page = hong.html("/me/devices/")
    assert page.count('name="connected"') == 1
    (row,) = SeenBrowser.objects.all()
    assert hong.post("/me/devices/", connected=str(row.id)).status_code == 303
    assert SeenBrowser.objects.count() == 0
    hong.post("/logout/", form="/me/")
    assert 'name="pin"' not in hong.html("/login/")
    assert Event.objects.filter(type="browser:disconnected").count() == 1


def test_the_page_that_waits_tells_its_state(hong: Visitor, run_jobs: Callable[[], int]) -> None:
    """For scripts; it is gone when nothing is being connected."""
    assert hong.get("/login/connect/wait/state").status_code == 410
    assert hong.get("/login/connect/wait/").status_code == 303
    hong.post("/login/connect/", name="없는이", birth="19900101", phone="01099990000", way="ars_call")
    run_jobs()
    told = hong.get("/login/connect/wait/state").json()
    assert (told["state"], told["wait"]["state"]) == ("open", "waiting")
    assert "아직 확인되지 않았어요" in hong.post("/login/connect/wait/").content.decode()
