"""Runs that were being issued, delivered and finished by the release before go on as orders."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from tests.journeys.app.device import AppWalk, prove
from tests.journeys.app.walker import Walk, with_parts

from dojang.audit.queries import verify_chains
from dojang.ca.models import Certificate
from dojang.guard.sealing import sealer
from dojang.issuing.actions import reconcile
from dojang.issuing.models import Order, UsedEvidence
from dojang.issuing.store import open_body
from dojang.ports.acting import Acting
from dojang.ports.signer_errors import SignerUnavailableError
from dojang.ra.actions import act
from dojang.ra.models import Run

if TYPE_CHECKING:
    from dojang.issuing.store import OrderBody
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

SYSTEM = Acting(kind="system", id="tests", channel="job")
BEFORE = [("ra", "0003_counters_moved"), ("issuing", None)]
STATES = {"placed": "issuing"}


class Away:
    """A signer that does not answer."""

    def __getattr__(self, name: str) -> Any:
        """Refuse every verb."""

        def away(*_: Any, **__: Any) -> Any:
            raise SignerUnavailableError

        return away


def migrate(targets: list[tuple[str, str | None]]) -> None:
    """Migrate to some state of the database."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)


def to_release_before() -> None:
    """Put the database, and every ordered run in it, into the shape the release before left them in."""
    orders = {order.id: (order, open_body(order.id, order.body)) for order in Order.objects.all()}
    latest = [
        key for key in MigrationExecutor(connection).loader.graph.leaf_nodes() if key[0] in {"ra", "issuing"}
    ]
    assert {app for app, _ in latest} == {"ra", "issuing"}
    migrate(BEFORE)
    for order, body in orders.values():
        _write_before(order, body)


def _write_before(order: Order, body: OrderBody) -> None:
    place = {"table": "ra_run", "column": "body", "row": order.id}
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM ra_run WHERE id = %s", [order.id])
        progress = sealer().open(bytes(cursor.fetchone()[0]), **place)["progress"]
        if body.proof_key:
            fact = dict(progress["facts"]["device_key"])
            proof = base64.b64encode(bytes.fromhex(body.proof_key)).decode()
            progress["facts"]["pattern"] = {**fact, "name": "pattern", "values": {"proof_key": proof}}
        old = {
            "replaces": order.replaces,
            "evidence": order.evidence,
            "key_id": order.key_id,
            "custody": order.custody,
            "name": body.name,
            "challenge": body.challenge,
        }
        sealed = sealer().seal({"progress": progress, "order": old, "result": None}, **place)
        cursor.execute(
            "UPDATE ra_run SET state = %s, body = %s, replaces = %s, issuing_at = %s, deliver_until = %s,"
            " stored_at = %s, ended_at = %s, end_reason = %s, tidied = %s WHERE id = %s",
            [
                STATES.get(order.state, order.state), sealed, order.replaces, order.placed_at,
                order.deliver_until, order.stored_at, order.ended_at, order.end_reason, order.tidied,
                order.id,
            ],
        )  # fmt: skip


def to_this_release() -> None:
    """Migrate as an upgrade does."""
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_every_run_that_spent_its_evidence_goes_on(world: World) -> None:
    """Issuing, delivering, done and failed: each run is an order now and comes to the same end, once."""
    done, failed, phone = Walk(world), AppWalk(world, "lee"), AppWalk(world)
    done.finish()
    shown_before = done.page.result
    failed.deliver()
    failed.do("storage_failed")
    phone.deliver()
    waiting = Walk(world, "han").walk_to("confirm")
    act(
        waiting.run, "confirm", waiting.page.revision, "submit", {},
        acting=waiting.acting, world=with_parts(world, signer=Away()),
    )  # fmt: skip
    at_the_start = AppWalk(world, "kim")
    Order.objects.filter(id=done.run).update(tidied=False)
    spent = UsedEvidence.objects.count()
    evidence = dict(Order.objects.values_list("id", "evidence"))

    to_release_before()
    assert connection.introspection.table_names().count("ra_usedevidence") == 1
    to_this_release()

    assert UsedEvidence.objects.count() == spent
    assert dict(Order.objects.values_list("id", "evidence")) == evidence
    assert dict(Order.objects.values_list("id", "state")) == {
        done.run: "done",
        failed.run: "failed",
        phone.run: "delivering",
        waiting.run: "placed",
    }
    states = dict(Run.objects.values_list("id", "state"))
    assert states.pop(at_the_start.run) == "open"
    assert set(states.values()) == {"ordered"}

    assert done.refresh().result == shown_before
    assert (failed.refresh().state, failed.codes) == ("failed", ["storage_failed"])
    phone.refresh()
    assert phone.do("stored", signature=phone.phone.store(phone.shown("deliver"))).state == "done"
    assert prove(world, phone).ok
    kept = reconcile(acting=SYSTEM, world=world)
    assert (kept.issuing, kept.tidied) == (1, 1)
    assert waiting.refresh().state == "done"
    active = (
        Certificate.objects.exclude(product="authority")
        .filter(state="active")
        .values_list("product", "customer_id")
    )
    assert sorted(active) == sorted(
        [("financial", done.person.id), ("bank", phone.person.id), ("financial", waiting.person.id)]
    )
    assert at_the_start.refresh().state == "open"
    assert verify_chains(world.signer).ok
