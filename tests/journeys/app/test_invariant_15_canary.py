"""Invariant 15: what is typed in secret appears nowhere: no table, log, audit event, job or page."""

from __future__ import annotations

import io
import json
import logging
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from tests.journeys.app.walker import Walk

from dojang.issuing.actions import reconcile
from dojang.ra.models import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def dump() -> dict[str, str]:
    """Return every table of our schema as text, binary columns as hexadecimal."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        names = [row[0] for row in cursor.fetchall()]
        found = {}
        for name in names:
            cursor.execute(f'SELECT t::text FROM "{name}" t')  # noqa: S608 - names of the catalogue
            found[name] = "\n".join(row[0] for row in cursor.fetchall())
    return found


def spellings(secret: str) -> tuple[str, ...]:
    """List the ways a secret could stand in a table: as it is, and as the hexadecimal of its bytes."""
    return secret, secret.encode().hex(), secret.encode("utf-16-le").hex()


def test_nothing_typed_in_secret_is_anywhere(
    world: World, run_jobs: Callable[[], int], capfd: pytest.CaptureFixture[str]
) -> None:
    """RRN, account password, card codes, PIN and codes of a whole issue with mistakes leave no trace."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    pages: list[str] = []
    try:
        # Long canaries only: four digits occur by chance in any dump. PIN and RRN are long enough.
        pin = "918273645"[:6]
        walk = Walk(world, pin=pin).walk_to("identify")
        walk.submit(user_id=walk.person.user_id, rrn="8803152918273")
        pages.append(json.dumps(asdict(walk.page), default=str))
        while walk.page.state == "open":
            walk.step()
            pages.append(json.dumps(asdict(walk.page), default=str))
        reconcile(acting=walk.acting, world=world)
        run_jobs()
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(level)
    assert walk.page.state == "done"
    captured = capfd.readouterr()
    places = {**dump(), "log": log.getvalue(), "pages": "\n".join(pages), "out": captured.out + captured.err}
    for secret in (walk.person.rrn, "8803152918273", pin):
        for spelling in spellings(secret):
            assert [name for name, text in places.items() if spelling in text] == []


def test_short_secrets_are_in_no_readable_column(world: World, run_jobs: Callable[[], int]) -> None:
    """Account password, card codes and serial tail stand in no text column, JSON value or job argument."""
    walk = Walk(world)
    secrets: set[str] = {walk.person.accounts[0].password}
    while walk.page.state == "open":
        if walk.page.step == "security_card":
            answer = walk.answers("security_card")
            secrets.add(answer["serial_tail"])
        walk.step()
    run_jobs()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND (data_type IN ('text', 'character varying', 'jsonb', 'json'))"
        )
        columns = cursor.fetchall()
        for table, column in columns:
            for secret in secrets:
                # As a value of its own: quoted in JSON, or the whole text.
                cursor.execute(  # names of the catalogue
                    f'SELECT count(*) FROM "{table}" WHERE "{column}"::text = %s OR "{column}"::text LIKE %s',  # noqa: S608
                    [secret, f'%"{secret}"%'],
                )
                assert (table, column, cursor.fetchone()[0]) == (table, column, 0)


def test_what_is_sealed_holds_no_secret_either(world: World) -> None:
    """Opened with the keys, a run's body remembers what was proven and no secret that proved it."""
    from dojang.guard.sealing import sealer

    walk = Walk(world)
    cards: list[str] = []
    while walk.page.state == "open":
        if walk.page.step == "security_card":
            cards = list(walk.answers("security_card").values())
        walk.step()
    row = Run.objects.get(id=walk.run)
    body: Any = sealer().open(bytes(row.body), table="ra_run", column="body", row=row.id)
    values: set[str] = set()
    collect(body, values)
    for secret in (walk.person.rrn, walk.person.accounts[0].password, walk.pin, *cards):
        assert secret not in values


def collect(node: Any, values: set[str]) -> None:
    """Gather every text and number of a JSON value."""
    if isinstance(node, dict):
        for item in node.values():
            collect(item, values)
    elif isinstance(node, list):
        for item in node:
            collect(item, values)
    else:
        values.add(str(node))


def test_errors_do_not_repeat_what_was_typed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace printed while a secret is on its way shows neither page data nor acting session."""
    walk = Walk(world).walk_to("pin")

    def broken(**_: Any) -> None:
        raise RuntimeError("the signer's client broke")

    monkeypatch.setattr(type(world.signer), "create_wallet_key", lambda _self, **args: broken(**args))
    printed = io.StringIO()
    try:
        walk.step()
    except RuntimeError as error:
        import traceback

        traceback.print_exception(error, file=printed)
    assert "RuntimeError" in printed.getvalue()
    assert walk.pin not in printed.getvalue()
    assert sys.exc_info() == (None, None, None)
