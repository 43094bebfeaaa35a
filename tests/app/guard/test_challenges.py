"""Challenges: one table, one way of asking, and one of taking, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from tests.journeys.app.walker import in_parallel

from dojang.guard.challenges import Asked, Taken, ask_octets, ask_text, forget_challenges, take_challenge
from dojang.guard.models import Challenge

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2031, 5, 6, 3, 0, tzinfo=UTC)
LIFE = timedelta(minutes=1)
ORIGIN = "https://certs.example"


def text() -> Asked:
    """Ask a browser."""
    return ask_text("login", origin=ORIGIN, life=LIFE, now=NOW)


def octets(key: str = "k", *, purpose: str = "login", subject: str = "key-1") -> Asked | None:
    """Ask a key."""
    return ask_octets(purpose, subject=subject, key=key, life=LIFE, now=NOW)


def take(asked: Asked | None, *, now: datetime = NOW, **said: str) -> Taken:
    """Take a challenge in a transaction of its own."""
    assert asked is not None
    with transaction.atomic():
        return take_challenge(asked.id, now=now, **{"purpose": "login", **said})  # type: ignore[arg-type]


def spent() -> int:
    """How many challenges have been taken."""
    return Challenge.objects.filter(used_at__isnull=False).count()


def test_a_challenge_is_taken_once_by_whom_it_is_for() -> None:
    """The bytes come back to the browser that was asked, and the second time it is late."""
    asked = text()
    assert take(asked, origin=ORIGIN, secret=asked.secret) == Taken(asked.id, asked.body)
    assert take(asked, origin=ORIGIN, secret=asked.secret).refused == "late"
    assert asked.body.startswith(b"dojang challenge\0")
    assert asked.secret not in repr(asked)


@pytest.mark.parametrize(
    "wrong", [{"secret": "another"}, {"origin": "https://other.example"}, {"purpose": "revoke"}]
)
def test_what_does_not_fit_does_not_spend(wrong: dict[str, str]) -> None:
    """Another browser, origin or purpose is told nothing, and the challenge stays good for its own."""
    asked = text()
    right = {"origin": ORIGIN, "secret": asked.secret}
    assert take(asked, **{**right, **wrong}) == Taken(refused="unknown")
    assert spent() == 0
    assert take(asked, **right).refused == ""


def test_time_ends_a_challenge() -> None:
    """Good until its last moment and not at it, nor before it was made; what is late names its subject."""
    asked = octets()
    for late in (NOW + LIFE, NOW - timedelta(seconds=1)):
        assert take(asked, now=late) == Taken(asked.id if asked else "", subject="key-1", refused="late")
    assert spent() == 0
    assert take(asked, now=NOW + LIFE - timedelta(microseconds=1)).subject == "key-1"


def test_one_key_is_one_challenge() -> None:
    """Asked again by the same key it is the same; the key does not serve for another purpose or subject."""
    first = octets()
    assert first == octets()
    assert octets(purpose="revoke") is None
    assert octets(subject="key-2") is None
    assert octets("another") != first
    assert Challenge.objects.count() == 2


def test_a_browsers_and_a_keys_challenge_do_not_pass_for_each_other() -> None:
    """A key's challenge is not taken at an origin, nor a browser's without one, whatever the purpose."""
    browsers, keys = text(), octets()
    assert take(browsers, secret=browsers.secret).refused == "unknown"
    assert take(keys, origin=ORIGIN).refused == "unknown"
    assert spent() == 0


def test_asked_and_taken_at_once_there_is_one() -> None:
    """Twenty that ask by one key get one challenge; of twenty that take it one does."""
    asked = in_parallel(20, lambda _index: octets())
    assert len({one.id for one in asked if one is not None}) == 1
    refusals = [one.refused for one in in_parallel(20, lambda _index: take(asked[0]))]
    assert (refusals.count(""), refusals.count("late")) == (1, 19)


def test_old_ones_are_forgotten() -> None:
    """An hour after their end, and not before."""
    text()
    assert forget_challenges(now=NOW + LIFE + timedelta(hours=1)) == 0
    assert forget_challenges(now=NOW + LIFE + timedelta(hours=1, seconds=1)) == 1
    assert Challenge.objects.count() == 0
