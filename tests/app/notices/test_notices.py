"""Invariant 15: what is done in a customer's name is told to every channel registered before."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

from dojang.notices.actions import (
    MAX_ATTEMPTS,
    Audience,
    deliver,
    deliver_waiting,
    gather_audience,
    remember_channels,
    tell,
)
from dojang.notices.errors import NoticeNotFoundError
from dojang.notices.models import KnownChannel, Notice
from dojang.notices.queries import OLD_CHANNEL_LIFE, Channel, known_channels
from dojang.ports.acting import Acting
from dojang.ports.errors import SmsError
from dojang.products.messages import catalog
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

HONG = BY_HANDLE["hong"]
ACTING = Acting(kind="system", id="tests")
ISSUED = {"product": "financial", "serial": "00c0ffee", "at": "2031-05-06T03:00:00+00:00"}
database = pytest.mark.django_db(transaction=True)


def told(world: World, audience: Audience, *, key: str = "k", message: str = "certificate_issued") -> int:
    """Tell in a transaction."""
    with transaction.atomic():
        return tell(audience, message, ISSUED, key=key, acting=ACTING, world=world)


@database
def test_one_notice_for_each_channel_and_one_message_for_each_notice(
    world: World, run_jobs: Callable[[], int]
) -> None:
    """Two telephones, a mail box and the devices each get exactly one message."""
    assert told(world, gather_audience(HONG.id, world=world)) == 4
    assert run_jobs() == 4
    outside: Any = world
    for line in HONG.lines:
        (text,) = outside.sms.texts(line.number)
        assert "00c0ffee" in text.text
        assert "2031-05-06 12:00" in text.text
    assert len(outside.mail.letters(HONG.email)) == 1
    assert len(outside.push.banners(HONG.id)) == 1
    assert set(Notice.objects.values_list("state", flat=True)) == {"sent"}


@database
def test_the_same_occasion_is_told_once(world: World) -> None:
    """Telling again by the same key writes nothing; another occasion is told."""
    audience = gather_audience(HONG.id, world=world)
    assert [told(world, audience), told(world, audience), told(world, audience, key="l")] == [4, 0, 4]


@database
def test_a_notice_lives_and_dies_with_its_transaction(world: World) -> None:
    """A rolled-back change tells nobody; outside a transaction telling is refused."""
    audience = gather_audience(HONG.id, world=world)
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012 - the transaction is the point
        tell(audience, "certificate_issued", ISSUED, key="k", acting=ACTING, world=world)
        raise ZeroDivisionError
    assert Notice.objects.count() == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'notices.deliver_notice'")
        assert cursor.fetchone()[0] == 0
    with pytest.raises(RuntimeError):
        tell(audience, "certificate_issued", ISSUED, key="k", acting=ACTING, world=world)


@database
def test_a_replaced_number_is_told_for_a_month(world: World) -> None:
    """A number that is no longer registered goes on being told until it has been gone for thirty days."""
    audience = gather_audience(HONG.id, world=world)
    with transaction.atomic():
        remember_channels(audience, world=world)
    new = dataclasses.replace(audience, channels=(Channel("sms", "01000019999"),))
    with transaction.atomic():
        remember_channels(new, world=world)
    assert told(world, new) == 5
    clock: Any = world.clock
    clock.advance(int(OLD_CHANNEL_LIFE.total_seconds()) + 1)
    assert told(world, new, key="later") == 1
    assert {channel.address for channel in known_channels(HONG.id, now=world.clock.now())} == {"01000019999"}


@database
def test_remembering_twice_is_once(world: World) -> None:
    """The same channels seen again are the same rows; one that comes back is no longer gone."""
    audience = gather_audience(HONG.id, world=world)
    for channels in (audience.channels, (), audience.channels):
        with transaction.atomic():
            remember_channels(dataclasses.replace(audience, channels=channels), world=world)
    assert KnownChannel.objects.count() == 4
    assert KnownChannel.objects.filter(gone_at=None).count() == 4


@database
def test_a_failed_message_is_tried_again_and_then_given_up(world: World) -> None:
    """A message centre that is away leaves the notice waiting; after the last try it is marked failed."""

    class Away:
        def send(self, **_: Any) -> None:
            raise SmsError

    away = dataclasses.replace(world, sms=Away())
    told(world, Audience(HONG.id, (Channel("sms", HONG.lines[0].number),), "ko"))
    (notice,) = Notice.objects.all()
    for _ in range(MAX_ATTEMPTS - 1):
        with pytest.raises(SmsError):
            deliver(str(notice.id), world=away)
    assert Notice.objects.get().state == "waiting"
    with pytest.raises(SmsError):
        deliver(str(notice.id), world=away)
    assert Notice.objects.get().state == "failed"


@database
def test_delivering_twice_sends_once(world: World) -> None:
    """A job that runs twice is one message; an unknown notice is an error."""
    told(world, Audience(HONG.id, (Channel("sms", HONG.lines[0].number),), "ko"))
    (notice,) = Notice.objects.all()
    deliver(str(notice.id), world=world)
    deliver(str(notice.id), world=world)
    outside: Any = world.sms
    assert len(outside.texts(HONG.lines[0].number)) == 1
    with pytest.raises(NoticeNotFoundError):
        deliver("00000000-0000-4000-8000-000000000000", world=world)


@database
def test_a_job_carries_nothing_but_the_notices_id(world: World) -> None:
    """Neither name, number nor address stands in a job; in the notice they are sealed."""
    told(world, gather_audience(HONG.id, world=world))
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = 'notices.deliver_notice'")
        arguments = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT t::text FROM notices_notice t")
        rows = "\n".join(row[0] for row in cursor.fetchall())
    assert len(arguments) == 4
    assert all("notice_id" in str(item) and len(str(item)) < 80 for item in arguments)
    for line in HONG.lines:
        assert line.number not in rows
    assert str(HONG.email) not in rows


@database
def test_a_lost_job_is_put_back(world: World) -> None:
    """A notice that has waited an hour untouched gets a new job, and only one at a time is left alone."""
    told(world, Audience(HONG.id, (Channel("sms", HONG.lines[0].number),), "ko"))
    assert deliver_waiting(world=world) == 0
    clock: Any = world.clock
    clock.advance(3_700)
    assert deliver_waiting(world=world) == 1


def sentences() -> list[tuple[str, str, str]]:
    """Return (language, id, sentence) of every notice."""
    return [
        (locale, name, text)
        for locale in ("ko", "en")
        for name, text in catalog(locale).items()
        if name.startswith("notice.")
    ]


def test_no_text_message_holds_a_link() -> None:
    """Smishing: our texts have no address to press on, in no language."""
    texts = [text for _, name, text in sentences() if name.endswith(".sms")]
    assert len(texts) >= 20
    assert [text for text in texts if re.search(r"https?:|www\.|\.(com|kr|net)\b", text)] == []


def test_every_notice_has_all_its_parts() -> None:
    """Each notice has a text message, a subject and a text, and says whom to call when it was not you."""
    for locale in ("ko", "en"):
        found = catalog(locale)
        names = {name.split(".")[1] for name in found if name.startswith("notice.") and name.endswith(".sms")}
        assert len(names) >= 10
        for name in names:
            assert f"notice.{name}.subject" in found
            assert "{bank_phone}" in found[f"notice.{name}.sms"]
            assert "{bank_phone}" in found[f"notice.{name}.text"] or name == "factor_locked"
