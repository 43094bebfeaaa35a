"""The end of a certificate is told 30, 14, 7 and 1 days ahead: once for each, whatever dies on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from tests.centres import wait_until
from tests.journeys.app.walker import Walk, in_parallel

from dojang.ca.models import Certificate
from dojang.ca.queries import active_certificate
from dojang.issuing.actions import revoke_certificate
from dojang.notices.actions.expiry import DAYS, MESSAGE, days_left, look, span_of, tell_one
from dojang.notices.models import ExpiryNotice, Notice
from dojang.ports.acting import Acting
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ca.queries import CertificateView
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
ACTING = Acting(kind="system", id="tests")
DAY = 86_400

_COPIES = """
    WITH one AS (SELECT i.* FROM ca_intent i WHERE i.id = %(intent)s),
    made AS (
        INSERT INTO ca_intent (order_key, order_sha256, issuer_id, serial, profile, product, customer_id,
            number, tbs, evidence, replaces, shard, state, created_at, closed_at)
        SELECT 'copy-' || n, one.order_sha256, one.issuer_id, 'c0' || lpad(to_hex(n), 30, '0'), one.profile,
            one.product, 'copy-' || n, '', ''::bytea, '[]', '', 0, 'stored', one.created_at, one.closed_at
        FROM one, generate_series(1, %(count)s) AS n RETURNING id, serial, customer_id
    )
    INSERT INTO ca_certificate (intent_id, issuer_id, serial, der, sha256, subject, profile, product,
        customer_id, policy, shard, state, status_seq, not_before, not_after, issued_at, activated_at)
    SELECT made.id, c.issuer_id, made.serial, ''::bytea, '', '', c.profile, c.product, made.customer_id,
        c.policy, 0, 'active', 1, c.not_before,
        %(start)s::timestamptz + (row_number() OVER (ORDER BY made.id) %% %(spread)s) * interval '1 day',
        c.issued_at, c.activated_at
    FROM made, ca_certificate c WHERE c.id = %(certificate)s
"""


def make_certificates(view: CertificateView, count: int, *, start: datetime, spread: int) -> None:
    """Write `count` active certificates that end on `spread` days from `start` on, evenly."""
    intent = Certificate.objects.values_list("intent_id", flat=True).get(pk=view.id)
    with connection.cursor() as cursor:
        cursor.execute(
            _COPIES,
            {"intent": intent, "certificate": view.id, "count": count, "start": start, "spread": spread},
        )


def issued(world: World, handle: str = "hong") -> CertificateView:
    """Have a certificate issued."""
    walk = Walk(world, handle)
    walk.finish()
    view = active_certificate(walk.person.id, "financial")
    assert view is not None
    return view


def go_to(world: World, view: CertificateView, days: int) -> None:
    """Move the clock to the day on which a certificate has `days` left."""
    left = days_left(view.not_after, world.clock.now()) - days
    if left:
        world.clock.advance(left * DAY)  # type: ignore[attr-defined]
    assert days_left(view.not_after, world.clock.now()) == days


def test_each_of_the_four_is_told_once_on_every_channel(world: World, run_jobs: Callable[[], int]) -> None:
    """From 31 days ahead to the day after the end: sixteen notices on four channels, and never one more."""
    view = issued(world)
    run_jobs()
    told = {}
    for days in (31, 30, 29, 14, 13, 8, 7, 2, 1, 0):
        go_to(world, view, days)
        for _ in range(2):
            look(acting=ACTING, world=world)
            run_jobs()
        told[days] = Notice.objects.filter(message_id=MESSAGE).count()
    assert told == {31: 0, 30: 4, 29: 4, 14: 8, 13: 8, 8: 8, 7: 12, 2: 12, 1: 16, 0: 16}
    world.clock.advance(2 * DAY)  # type: ignore[attr-defined]
    assert look(acting=ACTING, world=world).total == 0
    assert set(Notice.objects.filter(message_id=MESSAGE).values_list("state", flat=True)) == {"sent"}
    outside: Any = world
    assert not any("http" in letter.text for letter in outside.mail.letters(BY_HANDLE["hong"].email))


def test_who_was_missed_hears_the_nearest_number_only(world: World, run_jobs: Callable[[], int]) -> None:
    """A centre that stood still for weeks tells once, with the days that are truly left."""
    view = issued(world)
    run_jobs()
    go_to(world, view, 5)
    assert look(acting=ACTING, world=world).found == {1: 0, 7: 1, 14: 0, 30: 0}
    run_jobs()
    assert list(ExpiryNotice.objects.values_list("days", flat=True)) == [7]
    outside: Any = world
    texts = [text.text for text in outside.sms.texts(BY_HANDLE["hong"].lines[0].number)]
    assert len([text for text in texts if "5일" in text and "금융인증서" in text]) == 1


def test_what_ended_otherwise_is_not_told(world: World, run_jobs: Callable[[], int]) -> None:
    """Revoked between the look and the telling: the row is closed, no notice is written."""
    view = issued(world)
    run_jobs()
    go_to(world, view, 14)
    assert look(acting=ACTING, world=world).total == 1
    revoke_certificate(view.id, "cessationOfOperation", acting=ACTING, world=world)
    run_jobs()
    assert ExpiryNotice.objects.filter(told_at__isnull=False).count() == 1
    assert Notice.objects.filter(message_id=MESSAGE).count() == 0


def test_eight_looks_at_once_find_each_certificate_once(world: World) -> None:
    """Parallel looks share the work; every certificate has one row and one job."""
    view = issued(world)
    now = world.clock.now()
    make_certificates(view, 300, start=now + timedelta(days=1), spread=30)
    results = in_parallel(8, lambda _: look(acting=ACTING, world=world, page=40).total)
    assert sum(results) == 300
    assert ExpiryNotice.objects.count() == 300
    assert _jobs() == 300


def test_telling_twice_at_once_is_one_notice_a_channel(world: World) -> None:
    """Ten workers with the same job write the four notices of four channels once."""
    view = issued(world)
    go_to(world, view, 7)
    look(acting=ACTING, world=world)
    row = ExpiryNotice.objects.get()
    results = in_parallel(10, lambda _: tell_one(row.pk, acting=ACTING, world=world))
    assert sorted(results) == [0] * 9 + [4]
    assert Notice.objects.filter(message_id=MESSAGE).count() == 4


def test_a_lost_job_is_made_again(world: World, run_jobs: Callable[[], int]) -> None:
    """A row without its job (a queue that was emptied) is told by a later look, once."""
    view = issued(world)
    run_jobs()
    go_to(world, view, 7)
    look(acting=ACTING, world=world)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE status = 'todo'")
    world.clock.advance(2 * 3600)  # type: ignore[attr-defined]
    assert look(acting=ACTING, world=world).again == 1
    run_jobs()
    assert Notice.objects.filter(message_id=MESSAGE).count() == 4
    world.clock.advance(2 * 3600)  # type: ignore[attr-defined]
    assert look(acting=ACTING, world=world).again == 0


@pytest.mark.faults
def test_a_look_that_is_killed_goes_on_where_it_was(world: World) -> None:
    """SIGKILL in the middle, then another look: every due certificate has one row and one job."""
    view = issued(world)
    due, all_of_them = 2000, 20_000
    make_certificates(view, all_of_them, start=world.clock.now() + timedelta(days=2), spread=300)
    expected = _due(world)
    assert expected >= due - 200
    command = (
        "import django; django.setup()\n"
        "import sys; from dojang.config import wiring; from dojang.notices.actions.expiry import look\n"
        "from dojang.ports.acting import Acting\n"
        "print('begun', flush=True)\n"
        "look(acting=Acting(kind='system', id='killed'), world=wiring.get_world(), page=20)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, env=dict(os.environ))
    wait_until(lambda: ExpiryNotice.objects.count() > 100, "the look to be at work")
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()
    before = ExpiryNotice.objects.count()
    assert 0 < before < expected
    assert before == _jobs()
    assert look(acting=ACTING, world=world).total == expected - before
    assert ExpiryNotice.objects.count() == expected == _jobs()


def _jobs() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT args ->> 'expiry_id'), count(*) FROM procrastinate_jobs"
            " WHERE task_name = 'notices.tell_expiry'"
        )
        distinct, jobs = cursor.fetchone()
    assert distinct == jobs
    return int(jobs)


def _due(world: World) -> int:
    now = world.clock.now()
    spans = [span_of(days, now) for days in DAYS]
    return sum(
        Certificate.objects.filter(state="active", not_after__gte=start, not_after__lt=before).count()
        for start, before in spans
    )


def test_days_are_those_of_the_korean_calendar() -> None:
    """Every moment up to 31 days ahead belongs to exactly one of the four spans."""
    now = datetime(2031, 3, 4, 14, 59, 59, tzinfo=UTC)  # one second to midnight in Korea
    end = datetime(2031, 3, 5, 14, 59, 59, tzinfo=UTC)
    assert (days_left(end, now), days_left(end, now + timedelta(seconds=1))) == (1, 0)
    spans = sorted(span_of(days, now) for days in DAYS)
    assert spans[0][0] == now
    assert [late for _, late in spans[:-1]] == [early for early, _ in spans[1:]]
    assert spans[-1][1] == datetime(2031, 4, 3, 15, 0, tzinfo=UTC)
