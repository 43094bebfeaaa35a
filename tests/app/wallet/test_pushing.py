"""Push to browsers that subscribed: kept sealed, sent once, tried again, ended with the device."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Job
from tests.journeys.app.device import AppWalk, Telephone
from tests.journeys.app.walker import in_parallel
from tests.push_services import LoopbackService, PushedBrowser, push_service, reaching

from dojang.adapters.clocks import SystemClock
from dojang.audit.models import Event
from dojang.config.logs import JsonFormatter
from dojang.issuing.actions import restore_everything
from dojang.ports.acting import Acting
from dojang.ports.errors import PushError, SubscriptionRefusedError
from dojang.ports.push import Manner
from dojang.ra.actions.holding import hold_everything
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.devices.actions.pushing import (
    MAX_ATTEMPTS,
    DevicePush,
    deliver_message,
    forget_messages,
    push_subscription,
    renew_push,
    subscribe_push,
    takes_push,
)
from dojang.wallet.devices.models import Device, PushMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
HONG, HAN = BY_HANDLE["hong"], BY_HANDLE["han"]
TELLER = Acting(kind="operator", id="teller", channel="branch")
WORDS = {"title": "금융인증서가 발급됐어요", "text": "본인이 아니면 전화해 주세요."}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LoopbackService]:
    """Run a push service."""
    with push_service(tmp_path) as made:
        yield made


@pytest.fixture
def outside(world: World, service: LoopbackService) -> World:
    """Return the world with a way to that service."""
    return reaching(world, service)


@pytest.fixture
def walk(outside: World) -> AppWalk:
    """Return the walk on which Hong got a bank certificate."""
    made = AppWalk(outside)
    made.finish()
    ProcrastinateJob.objects.all()._raw_delete("default")  # notices of the issue are not what is looked at
    return made


def subscribe(walk: AppWalk, browser: PushedBrowser, *, locale: str = "ko") -> bool:
    """Let the browser on Hong's telephone subscribe."""
    return subscribe_push(
        walk.phone.device_id, browser.subscription, locale=locale, acting=walk.acting, world=walk.world
    )


def send(world: World, key: str = "k1", **manner: Any) -> int:
    """Push something to Hong."""
    push = DevicePush(world.clock)
    return push.send(customer_id=HONG.id, key=key, manner=Manner(**manner), **WORDS)


def deliver(world: World) -> list[str]:
    """Run the waiting jobs of push messages once; return what became of each message."""
    ids = [job.args["message_id"] for job in ProcrastinateJob.objects.filter(task_name="wallet.deliver_push")]
    return [deliver_message(message, world=world) for message in dict.fromkeys(ids)]


def states() -> list[str]:
    """States of all messages."""
    return list(PushMessage.objects.order_by("created_at", "id").values_list("state", flat=True))


# --- subscribing -----------------------------------------------------------------------------------------


def test_a_subscription_is_kept_sealed_for_its_device(walk: AppWalk, service: LoopbackService) -> None:
    """It opens for its own device only; on, and off again, each told to the trail once."""
    browser = PushedBrowser(service)
    assert takes_push(walk.phone.device_id) is False
    for _ in range(2):
        assert subscribe(walk, browser)
    row = Device.objects.get()
    kept = push_subscription(row)
    assert kept is not None
    assert (kept["endpoint"], kept["locale"]) == (browser.endpoint, "ko")
    assert browser.path.encode() not in bytes(row.push or b"")
    assert takes_push(walk.phone.device_id) is True
    assert subscribe_push(walk.phone.device_id, None, acting=walk.acting, world=walk.world)
    assert push_subscription(Device.objects.get()) is None
    verbs = Event.objects.filter(type__startswith="device:push").order_by("id").values_list("type", flat=True)
    assert list(verbs) == ["device:push_on", "device:push_off"]


def test_what_is_no_subscription_and_who_is_no_device_keep_nothing(
    walk: AppWalk, service: LoopbackService
) -> None:
    """An unknown device, another service, something too long, and a centre without a way out."""
    browser = PushedBrowser(service)
    known = {"acting": walk.acting, "world": walk.world}
    assert takes_push("an-unknown-device-0") is None
    assert not subscribe_push("an-unknown-device-0", browser.subscription, **known)
    elsewhere = {**browser.subscription, "endpoint": "https://push.example/abc"}
    for bad in (elsewhere, {**browser.subscription, "more": "x" * 5000}, {}):
        with pytest.raises(SubscriptionRefusedError):
            subscribe_push(walk.phone.device_id, bad, **known)
    without = {**known, "world": dataclasses.replace(walk.world, push_service=None)}
    with pytest.raises(SubscriptionRefusedError):
        subscribe_push(walk.phone.device_id, browser.subscription, **without)
    assert Device.objects.get().push is None
    assert send(walk.world) == 0


def test_a_browser_that_changed_its_subscription_says_so_with_the_one_before(
    walk: AppWalk, service: LoopbackService
) -> None:
    """Only who knows the ended address may put another in its place."""
    old, new = PushedBrowser(service), PushedBrowser(service)
    subscribe(walk, old)
    known = {"acting": walk.acting, "world": walk.world}
    for device, before in ((walk.phone.device_id, new.endpoint), ("an-unknown-device-0", old.endpoint)):
        assert not renew_push(device, before, new.subscription, **known)
    assert (push_subscription(Device.objects.get()) or {})["endpoint"] == old.endpoint
    assert renew_push(walk.phone.device_id, old.endpoint, new.subscription, **known)
    assert send(walk.world) == 1
    assert deliver(walk.world) == ["sent"]
    assert (len(old.got), len(new.got)) == (0, 1)


# --- sending ---------------------------------------------------------------------------------------------


def test_a_message_is_sent_once_to_every_subscribed_device(walk: AppWalk, service: LoopbackService) -> None:
    """The same key counts the same devices and sends nothing new; other people's browsers hear nothing."""
    first, second, other = (PushedBrowser(service) for _ in range(3))
    subscribe(walk, first)
    joint = AppWalk(walk.world, journey="joint-app-issue", phone=Telephone())
    joint.finish()
    subscribe(joint, second)
    han = AppWalk(walk.world, "han", phone=Telephone())
    han.finish()
    subscribe(han, other)
    ProcrastinateJob.objects.all()._raw_delete("default")
    assert in_parallel(4, lambda _n: send(walk.world)) == [2, 2, 2, 2]
    assert ProcrastinateJob.objects.count() == 2
    assert deliver(walk.world) == ["sent", "sent"]
    assert deliver(walk.world) == ["sent", "sent"]
    assert (len(first.got), len(second.got), len(other.got)) == (1, 1, 0)
    (shown,) = first.messages()
    assert {name: shown[name] for name in ("title", "text", "url")} == {**WORDS, "url": "/app/"}
    assert set(shown) == {"title", "text", "url", "tag"}
    first.got[0].token(audience=f"https://{service.host}")
    assert first.got[0].headers["Urgency"] == "normal"
    assert list(PushMessage.objects.values_list("message", "subscription")) == [(None, None)] * 2


def test_a_question_to_approve_is_urgent_and_lives_as_long_as_it_waits(
    walk: AppWalk, service: LoopbackService, run_jobs: Callable[[], int]
) -> None:
    """The number is not in it; a tap leads to the question."""
    from dojang.wallet.devices.actions.approvals import ask_approval

    browser = PushedBrowser(service)
    subscribe(walk, browser)
    asked = ask_approval(
        HONG.id, purpose="run:1", product="financial", number="42", locale="ko", key="k",
        acting=walk.acting, world=walk.world,
    )  # fmt: skip
    assert asked is not None
    assert deliver(walk.world) == ["sent"]
    (got,) = browser.got
    assert got.headers["Urgency"] == "high"
    assert 0 < int(got.headers["TTL"]) <= walk.world.policy.approvals.ttl
    (shown,) = browser.messages()
    assert shown["url"] == "/app/approvals/"
    assert "42" not in shown["title"] + shown["text"]


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_gone_is_forgotten(
    walk: AppWalk, service: LoopbackService, status: int
) -> None:
    """Nothing is sent to it again; one brought meanwhile stays."""
    service.status = status
    browser = PushedBrowser(service)
    subscribe(walk, browser)
    assert send(walk.world) == 1
    assert deliver(walk.world) == ["gone"]
    assert Device.objects.get().push is None
    assert Event.objects.filter(type="device:push_gone").count() == 1
    assert send(walk.world, "k2") == 0
    assert send(walk.world) == 1
    subscribe(walk, browser)
    assert takes_push(walk.phone.device_id) is True


@pytest.mark.parametrize("trouble", ["429", "503", "silent"])
def test_a_service_in_trouble_is_asked_again_and_nothing_is_lost(
    walk: AppWalk, service: LoopbackService, trouble: str
) -> None:
    """The job comes back with a pause, longer if the service says so; then the message arrives, once."""
    browser = PushedBrowser(service)
    subscribe(walk, browser)
    service.silent, service.headers = trouble == "silent", {"Retry-After": "600"}
    service.status = 201 if service.silent else int(trouble)
    send(walk.world)
    with pytest.raises(PushError) as failure:
        deliver(walk.world)
    assert (states(), takes_push(walk.phone.device_id)) == (["waiting"], True)
    row = ProcrastinateJob.objects.get(task_name="wallet.deliver_push")
    job = Job(
        id=row.id, queue=row.queue_name, lock=None, queueing_lock=None, task_name=row.task_name, attempts=1
    )
    again = app.tasks["wallet.deliver_push"].get_retry_exception(exception=failure.value, job=job)
    assert again is not None
    assert again.retry_decision.retry_at is not None
    pause = (again.retry_decision.retry_at - SystemClock().now()).total_seconds()
    assert pause == pytest.approx(9 if service.silent else 600, abs=5)
    service.silent, service.status = False, 201
    assert deliver(walk.world) == ["sent"]
    assert len(browser.got) == 2
    assert len({one["tag"] for one in browser.messages()}) == 1


def test_a_message_nobody_takes_is_given_up_in_the_end(walk: AppWalk, service: LoopbackService) -> None:
    """After the last try, or when it is worth nothing any more; a refused one at once."""
    service.status = 500
    subscribe(walk, PushedBrowser(service))
    send(walk.world, "k1")
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(PushError):
            deliver(walk.world)
    assert states() == ["failed"]
    send(walk.world, "k2", life=60)
    walk.world.clock.advance(61)  # type: ignore[attr-defined]
    assert deliver(walk.world) == ["failed", "late"]
    service.status = 413
    send(walk.world, "k3")
    assert deliver(walk.world)[2] == "failed"
    assert len(service.got) == MAX_ATTEMPTS + 1
    assert list(PushMessage.objects.exclude(message=None)) == []
    walk.world.clock.advance(5 * 86_400)  # type: ignore[attr-defined]
    assert forget_messages(world=walk.world) == 3


# --- the end of a device ---------------------------------------------------------------------------------


def test_the_old_telephone_is_told_when_everything_is_held(walk: AppWalk, service: LoopbackService) -> None:
    """One last message that names nobody; the subscription is gone at once, and a held device takes none."""
    browser = PushedBrowser(service)
    subscribe(walk, browser, locale="en")
    send(walk.world, "waiting before")
    hold_everything(HONG.id, acting=TELLER, world=walk.world)
    assert Device.objects.get().push is None
    assert send(walk.world, "k2") == 0
    assert not subscribe(walk, browser)
    assert sorted(deliver(walk.world)) == ["gone", "sent"]
    (last,) = browser.messages()
    assert last["title"] == "The certificates on this device are on hold"
    assert HONG.name not in json.dumps(last, ensure_ascii=False)
    restore_everything(HONG.id, acting=TELLER, world=walk.world)
    assert takes_push(walk.phone.device_id) is False
    assert subscribe(walk, browser)


def test_a_replaced_telephone_hears_of_it_and_then_nothing(walk: AppWalk, service: LoopbackService) -> None:
    """A re-issue on another device that takes the last key away ends the old one's messages."""
    old, new = PushedBrowser(service), PushedBrowser(service)
    subscribe(walk, old)
    again = AppWalk(walk.world, journey="bank-app-reissue", phone=Telephone())
    again.finish()
    subscribe(again, new)
    send(walk.world)
    assert deliver(walk.world) == ["sent", "sent"]
    (last,) = old.messages()
    assert last["title"] == "다른 기기에 인증서를 새로 담았어요"
    assert [one["title"] for one in new.messages()] == [WORDS["title"]]


def test_what_opens_a_browser_is_written_nowhere(walk: AppWalk, service: LoopbackService) -> None:
    """Address and keys stand in no log, event, job or readable column, whatever goes wrong."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    browser = PushedBrowser(service)
    try:
        subscribe(walk, browser)
        for number, status in enumerate((500, 413, 201, 410)):
            service.status = status
            send(walk.world, f"k{number}")
            try:
                deliver(walk.world)
            except PushError:
                logging.getLogger("dojang").exception("as a worker would log it")
    finally:
        logging.getLogger().removeHandler(handler)
    written = [text.getvalue(), *Event.objects.values_list("body", flat=True)]
    written += [json.dumps(args) for args in ProcrastinateJob.objects.values_list("args", flat=True)]
    written += [repr(row) for row in (*Device.objects.values_list(), *PushMessage.objects.values_list())]
    keys = browser.subscription["keys"]
    for canary in (browser.path.split("?")[0], keys["p256dh"], keys["auth"], WORDS["text"]):
        assert not any(canary in one for one in written), canary
    assert "as a worker would log it" in text.getvalue()
