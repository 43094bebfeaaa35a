"""One damaged or foreign row among good ones stops no round: the good are done, the bad one is put aside.

A row is poisoned with what a database can hold by mistake (bytes that open to nothing, a serial that is
none), or by a trigger that refuses every change of that one row, as a constraint of a foreign tool would.
"""

from __future__ import annotations

import ast
import inspect
import secrets
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection, transaction
from procrastinate.contrib.django import app
from tests.app.ca.centre import Centre
from tests.app.ca.faults import FaultySigner

from dojang.account.models import SeenBrowser
from dojang.audit.models import Chain
from dojang.ca.models import Authority, Certificate, Crl, Intent, OcspAnswer, Revocation
from dojang.guard.models import Attempt, Challenge, FactorCounter, SetAside
from dojang.guard.rounds import FIRST_PAUSE, LONGEST_PAUSE, PATIENCE
from dojang.issuing.models import Order
from dojang.issuing.store import OrderBody, sealed_body
from dojang.notices.models import ExpiryNotice, Notice
from dojang.ports.acting import Acting
from dojang.ra.actions import start_run
from dojang.ra.models import Handoff, Run
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.devices.models import Device, Parcel, PushMessage
from dojang.wallet.keys.actions import discard_prepared, prepare_key
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

#: What a scenario returns: (round, row) that must be put aside, and what must have been done to the others.
Expected = tuple[set[tuple[str, str]], "Callable[[], bool]"]
LONG_AGO = timedelta(days=400)


def poison(table: str, column: str, value: object, *, on: str = "UPDATE OR DELETE", of: str = "OLD") -> None:
    """Let the database refuse every such change of the one row with this value."""
    name = f"refuse_{secrets.token_hex(4)}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE 'a foreign rule' USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER {name} BEFORE {on} ON {table} FOR EACH ROW"
            f" WHEN ({of}.{column}::text = '{value}') EXECUTE FUNCTION {name}()"
        )


@contextmanager
def unguarded(table: str) -> Iterator[None]:
    """Let a row be damaged that the database's own rules protect, as a restored or foreign one may be."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def centre_of(world: World) -> Centre:
    """Return the usual calls of the authority for a World."""
    return Centre(world, FaultySigner(world.signer), None)  # type: ignore[arg-type]


# --- one scenario for each round -------------------------------------------------------------------------


def lists(world: World) -> Expected:
    """One list cannot be stored, and its authority's other lists are due as well."""
    centre = centre_of(world)
    centre.activate()
    world.clock.advance(world.policy.status.crl_life // 2 + 1)  # type: ignore[attr-defined]
    poison("ca_crl", "shard", 0, on="INSERT", of="NEW")
    now = world.clock.now()

    def done() -> bool:
        fresh = Crl.objects.filter(this_update__gte=now - timedelta(seconds=1), issuer__label="issuing-1")
        return sorted(fresh.values_list("shard", flat=True)) == list(range(1, world.policy.status.crl_shards))

    return {("ca.publish_crls.lists", "issuing-1/0"), ("ca.publish_crls.lists", "root-1/0")}, done


def answers(world: World) -> Expected:
    """One of three certificates has a serial that is none."""
    centre = centre_of(world)
    rows = [centre.activate() for _ in range(3)]
    with unguarded("ca_certificate"):
        Certificate.objects.filter(pk=rows[0].pk).update(serial="zz")
    first = world.clock.now() - LONG_AGO
    OcspAnswer.objects.filter(certificate=rows[0]).update(next_update=first)
    world.clock.advance(world.policy.status.ocsp_life // 2 + 1)  # type: ignore[attr-defined]
    now = world.clock.now().replace(microsecond=0)
    mine = OcspAnswer.objects.filter(certificate__in=rows)
    return (
        {("ca.refresh_ocsp_answers", str(rows[0].pk))},
        lambda: mine.filter(this_update__gte=now).count() == 2,
    )


def responders(world: World) -> Expected:
    """Put a foreign authority before ours: its responder's certificate is none."""
    world.clock.advance(340 * 86_400)  # type: ignore[attr-defined]
    now = world.clock.now()
    foreign = Authority.objects.create(
        id=-2, label="foreign", role="issuing", algorithm="ec-p256", public_key=b"x", certificate=b"x",
        not_before=now - LONG_AGO, not_after=now + LONG_AGO, created_at=now,
    )  # fmt: skip
    Authority.objects.create(
        id=-1, label="foreign-ocsp-1", role="ocsp", algorithm="ec-p256", parent=foreign, public_key=b"x",
        certificate=b"x", not_before=now - LONG_AGO, not_after=now + timedelta(days=1), created_at=now,
    )  # fmt: skip
    made = Authority.objects.filter(label="ocsp-2", certificate__isnull=False)
    return {("ca.renew_ocsp_responders", "-2")}, made.exists


def orders(world: World) -> Expected:
    """One placed order is out of time and cannot be ended; another is out of time as well."""
    now = world.clock.now()
    for order in ("bad", "good"):
        _order(order, now - timedelta(days=1 if order == "good" else 2), state="placed")
    poison("issuing_order", "id", "bad")
    return (
        {("issuing.reconcile.orders", "bad")},
        lambda: Order.objects.get(id="good").state == Order.State.FAILED,
    )


def _order(order_id: str, at: datetime, *, state: str, body: bytes | None = None) -> None:
    Order.objects.create(
        id=order_id, product="financial", profile="financial", customer_id=f"C-{order_id}", origin="staging",
        custody="wallet", key_id=f"none-{order_id}", state=state, placed_at=at,
        ended_at=at if state == "done" else None,
        body=sealed_body(order_id, OrderBody()) if body is None else body,
    )  # fmt: skip


def intents(world: World) -> Expected:
    """One of two open intents cannot be given up; the other can, and so can an unconfirmed certificate."""
    centre = centre_of(world)
    bad, good, issued = centre.intend(), centre.intend(), centre.issue()
    worse = centre.issue()
    poison("ca_intent", "id", bad.pk)
    poison("ca_certificate", "id", worse.pk)
    world.clock.advance(world.policy.issue.confirm_within + 1)  # type: ignore[attr-defined]
    return (
        {("ca.reconcile.intents", str(bad.pk)), ("ca.reconcile.issued", str(worse.pk))},
        lambda: (
            Intent.objects.get(pk=good.pk).state == Intent.State.VOID
            and Certificate.objects.get(pk=issued.pk).state == Certificate.State.REVOKED
        ),
    )


def tidying(world: World) -> Expected:
    """Damage the sealed part of one done order."""
    now = world.clock.now()
    _order("bad", now - timedelta(hours=2), state="done", body=b"\x00damaged")
    _order("good", now - timedelta(hours=1), state="done")
    return {("issuing.reconcile.tidying", "bad")}, Order.objects.filter(id="good", tidied=True).exists


def ended_keys(world: World) -> Expected:
    """One retired key's row refuses to note that the signer was told."""
    options: dict[str, Any] = {"acting": Acting(kind="system", id="test"), "world": world}
    for name, who in (("bad", "hong"), ("good", "han")):
        prepare_key(
            key_id=f"key-{name}", customer_id=BY_HANDLE[who].id, product="financial", run_id=name,
            pin="259173", **options,
        )  # fmt: skip
        with transaction.atomic():
            discard_prepared(name, **options)
    poison("wallet_walletkey", "id", "key-bad")
    return (
        {("wallet.tell_signer", "key-bad")},
        lambda: WalletKey.objects.get(id="key-good").signer_told,
    )


def lost_notices(world: World) -> Expected:
    """One notice that lost its job cannot be given another."""
    common: dict[str, Any] = {
        "message_id": "everything_held", "args": b"", "channel": "sms", "address": b"", "locale": "ko",
        "created_at": world.clock.now() - timedelta(hours=2),
    }  # fmt: skip
    rows = [Notice.objects.create(key=name, customer_id=name, **common) for name in ("bad", "good")]
    poison("procrastinate_jobs", "args->>'notice_id'", rows[0].pk, on="INSERT", of="NEW")
    return {("notices.deliver_waiting", str(rows[0].pk))}, lambda: _has_job("notice_id", str(rows[1].pk))


def _has_job(name: str, value: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE args->>%s = %s", [name, value])
        return bool(cursor.fetchone()[0])


def long_holds(world: World) -> Expected:
    """One of two certificates held for too long cannot be revoked."""
    from dojang.ca.actions import suspend_certificate

    centre = centre_of(world)
    rows = [centre.activate() for _ in range(2)]
    for row in rows:
        suspend_certificate(row.pk, **centre.options)
    world.clock.advance((world.policy.suspension.hold_days + 1) * 86_400)  # type: ignore[attr-defined]
    poison("ca_certificate", "id", rows[0].pk)
    return (
        {("issuing.end_long_holds", str(rows[0].pk))},
        lambda: Certificate.objects.get(pk=rows[1].pk).state == Certificate.State.REVOKED,
    )


def expired_runs(world: World) -> Expected:
    """Let one run that ran out refuse to be ended."""
    runs = []
    for number in (1, 2):
        visitor = Acting(kind="customer", source=f"198.51.100.{number}", channel="web", locale="ko")
        runs.append(start_run("financial-web-issue", locale="ko", acting=visitor, world=world).page.run)
    world.clock.advance(world.policy.sessions.absolute + 1)  # type: ignore[attr-defined]
    poison("ra_run", "id", runs[0])
    return (
        {("ra.expire_runs", runs[0])},
        lambda: Run.objects.get(id=runs[1]).state == Run.State.EXPIRED,
    )


def left_keys(world: World) -> Expected:
    """One key that no run took cannot be given up."""
    old = world.clock.now() - timedelta(days=1)
    for place, name in enumerate(("bad", "good")):
        WalletKey.objects.create(
            id=f"key-{name}", customer_id=name, product="financial", run_id=name, public_key=b"", vid=b"",
            sealed=b"x", created_at=old + timedelta(minutes=place),
        )  # fmt: skip
    poison("wallet_walletkey", "id", "key-bad")
    return (
        {("ra.discard_keys", "bad")},
        lambda: WalletKey.objects.get(id="key-good").state == WalletKey.State.RETIRED,
    )


def near_ends(world: World) -> Expected:
    """One certificate near its end cannot be noted."""
    centre = centre_of(world)
    ends = world.clock.now().replace(microsecond=0) + timedelta(days=7)
    rows = [centre.activate(not_after=ends) for _ in range(3)]
    poison("notices_expirynotice", "certificate_id", rows[0].pk, on="INSERT", of="NEW")
    noted = ExpiryNotice.objects.filter(certificate__in=rows)
    return (
        {("notices.look_for_expiry.7", str(rows[0].pk))},
        lambda: sorted(noted.values_list("certificate_id", flat=True)) == [rows[1].pk, rows[2].pk],
    )


def seen_browsers(world: World) -> Expected:
    """One browser nobody has used for long cannot be deleted."""
    old = world.clock.now() - timedelta(days=4000)
    rows = [
        SeenBrowser.objects.create(token=name, customer_id=name, agent="", made_at=old, seen_at=old)
        for name in ("bad", "good")
    ]
    poison("account_seenbrowser", "id", rows[0].pk)
    return (
        {("account.clear_browsers", str(rows[0].pk))},
        lambda: not SeenBrowser.objects.filter(pk=rows[1].pk).exists(),
    )


def handoffs(world: World) -> Expected:
    """One hand-off number that is over cannot be deleted."""
    visitor = Acting(kind="customer", source="198.51.100.9", channel="web", locale="ko")
    old = world.clock.now() - timedelta(days=3)
    for name in ("bad", "good"):
        run = start_run("financial-web-issue", locale="ko", acting=visitor, world=world).page.run
        Handoff.objects.create(
            id=name, run_id=run, number_index=name.encode(), link_index=f"{name} link".encode(),
            created_at=old, expires_at=old,
        )  # fmt: skip
    poison("ra_handoff", "id", "bad")
    return {("ra.clear_away", "bad")}, lambda: not Handoff.objects.filter(id="good").exists()


def parcels_and_messages(world: World) -> Expected:
    """One parcel and one push message that are over cannot be deleted."""
    old = world.clock.now() - timedelta(days=3)
    device = Device.objects.create(
        id="device", device_id="device", customer_id="C", created_at=old, seen_at=old
    )
    for name in ("bad", "good"):
        Parcel.objects.create(
            id=name, locator=name.encode(), content=b"", source_index=b"", created_at=old, expires_at=old
        )
        PushMessage.objects.create(
            id=name, key=name, asked=name, device=device, created_at=old, until=old, state="sent"
        )
    poison("wallet_parcel", "id", "bad")
    poison("wallet_pushmessage", "id", "bad")
    return (
        {("wallet.clear_away.parcels", "bad"), ("wallet.clear_away.messages", "bad")},
        lambda: (
            not Parcel.objects.filter(id="good").exists()
            and not PushMessage.objects.filter(id="good").exists()
        ),
    )


def challenges_and_attempts(world: World) -> Expected:
    """One challenge and one attempt that are over cannot be deleted."""
    old = world.clock.now() - timedelta(days=30)
    counter = FactorCounter.objects.create(factor="t", subject=b"s", window_start=old, limit=5)
    tried = [Attempt.objects.create(counter=counter, run_id="", state="wrong", at=old) for _ in range(2)]
    for name in ("bad", "good"):
        Challenge.objects.create(id=name, purpose="p", body=b"", made_at=old, until=old)
    poison("guard_challenge", "id", "bad")
    poison("guard_attempt", "id", tried[0].pk)
    return (
        {("guard.clear_away.challenges", "bad"), ("guard.clear_away.attempts", str(tried[0].pk))},
        lambda: (
            not Challenge.objects.filter(id="good").exists()
            and not Attempt.objects.filter(pk=tried[1].pk).exists()
        ),
    )


def heads(world: World) -> Expected:
    """Damage the head of one chain: the others are anchored."""
    with unguarded("audit_chain"), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_chain DROP CONSTRAINT audit_chain_hash_check")
        cursor.execute("UPDATE audit_chain SET hash = '\\x00' WHERE id = 0")
    others = {str(number) for number in Chain.objects.exclude(id=0).values_list("id", flat=True)}
    before = len(world.signer.journal(after=0, limit=1000))

    def done() -> bool:
        entries = world.signer.journal(after=0, limit=1000)
        found = [entry.body["heads"] for entry in entries[before:] if "heads" in entry.body]
        return [set(heads) for heads in found] == [others]

    return {("audit.anchor_heads.chains", "0")}, done


#: Every periodic job, with what is tried on it.
SCENARIOS: dict[str, tuple[Callable[[Any], Expected], ...]] = {
    "account.clear_browsers": (seen_browsers,),
    "audit.anchor_heads": (heads,),
    "ca.publish_crls": (lists,),
    "ca.refresh_ocsp_answers": (answers,),
    "ca.renew_ocsp_responders": (responders,),
    "guard.clear_away": (challenges_and_attempts,),
    "issuing.end_long_holds": (long_holds,),
    "issuing.reconcile": (orders, intents, tidying, ended_keys, lost_notices),
    "notices.look_for_expiry": (near_ends,),
    "ra.clear_away": (handoffs,),
    "ra.discard_keys": (left_keys,),
    "ra.expire_runs": (expired_runs,),
    "wallet.clear_away": (parcels_and_messages,),
}


def run_round(name: str, world: World) -> None:
    """Run a periodic job as the worker does."""
    from procrastinate import JobContext
    from procrastinate.jobs import Job

    job = Job(id=1, queue="", lock=None, queueing_lock=None, task_name=name, task_kwargs={})
    context = JobContext(
        app=app, job=job, start_timestamp=0.0, abort_reason=lambda: None, additional_context={"world": world}
    )
    app.tasks[name].func(context, timestamp=0)


@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        pytest.param(name, scenario, id=f"{name}-{scenario.__name__}")
        for name, scenarios in SCENARIOS.items()
        for scenario in scenarios
    ],
)
def test_a_poisoned_row_stops_no_round(
    name: str, scenario: Callable[[World], Expected], world: World
) -> None:
    """The good rows are done in the same round, the poisoned one is put aside, and it alone."""
    expected, done = scenario(world)
    run_round(name, world)
    assert set(SetAside.objects.values_list("round", "row")) == expected
    assert done()
    assert set(SetAside.objects.values_list("times", flat=True)) == {1}


def test_what_is_put_aside_rests_longer_each_time_and_is_forgotten_once_it_is_mended(world: World) -> None:
    """A row waits one minute, then two, up to an hour; mended, its next turn does it and clears the note."""
    expected, _ = left_keys(world)
    (name, row), waits = next(iter(expected)), []
    for _ in range(8):
        run_round(name, world)
        note = SetAside.objects.get(round=name, row=row)
        waits.append(note.until - world.clock.now())
        run_round(name, world)  # it rests: nothing is tried
        assert SetAside.objects.get(round=name, row=row).times == len(waits)
        world.clock.advance(int(waits[-1].total_seconds()) + 1)  # type: ignore[attr-defined]
    assert [round(wait / FIRST_PAUSE) for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert round(LONGEST_PAUSE / FIRST_PAUSE) == 60
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE wallet_walletkey DISABLE TRIGGER USER")
    run_round(name, world)
    assert (SetAside.objects.count(), WalletKey.objects.get(id="key-bad").state) == (0, "retired")


def test_what_the_outside_refuses_keeps_its_turn_for_a_while(world: World) -> None:
    """A refusal that may pass is tried in every round; after ten it counts as the row's own fault."""
    from dojang.guard.rounds import Round, count_set_aside
    from dojang.ports.errors import CoreBankError

    def refuse(_row: str) -> None:
        raise CoreBankError

    for times in range(1, PATIENCE + 2):
        tended = Round[None]("test", world.clock.now(), world.signer)
        assert tended.resting() == []
        assert tended.each(["one"], refuse) == []
        assert count_set_aside() == (times > PATIENCE)
    assert Round[None]("test", world.clock.now(), world.signer).resting() == ["one"]


@pytest.mark.parametrize("damage", ["serial", "reason", "at"])
def test_a_damaged_entry_leaves_its_list_whole(damage: str, world: World) -> None:
    """Whatever is wrong with one entry, its list is published; one that still has a serial is listed."""
    from cryptography import x509

    from dojang.ca.actions import publish_crls, revoke_certificate
    from dojang.ca.serials import serial_number

    centre = centre_of(world)
    rows = [centre.activate() for _ in range(12)]
    for row in rows:
        revoke_certificate(row.pk, "keyCompromise", **centre.options)
    ends = [Revocation.objects.get(certificate=row).pk for row in rows]
    with unguarded("ca_revocation"), connection.cursor() as cursor:
        if damage == "at":  # a moment that Python has no word for
            cursor.execute("UPDATE ca_revocation SET at = '-infinity' WHERE id = %s", [ends[0]])
        else:
            Revocation.objects.filter(pk=ends[0]).update(**{damage: "zz"})
    made = publish_crls(force=True, **centre.options)
    assert len(made) == 1 + world.policy.status.crl_shards
    newest = Crl.objects.filter(issuer__label="issuing-1").order_by("shard", "-number").distinct("shard")
    listed = {entry.serial_number for crl in newest for entry in x509.load_der_x509_crl(bytes(crl.der))}
    kept = rows[1:] if damage == "serial" else rows
    assert listed == {serial_number(row.serial) for row in kept}
    assert SetAside.objects.filter(round="ca.publish_crls.entries").count() == (damage != "at")


def test_no_list_is_stored_with_a_number_ahead_of_its_time(world: World) -> None:
    """The database refuses the row that no honest list of its scope could follow; the lists go on."""
    now = world.clock.now()
    issuer = Authority.objects.get(label="issuing-1")
    with pytest.raises(DatabaseError, match="ahead of its time"):
        Crl.objects.create(
            issuer=issuer, shard=1, number=2**62, this_update=now, next_update=now, entries=0, der=b""
        )  # fmt: skip
    world.clock.advance(world.policy.status.crl_life // 2 + 1)  # type: ignore[attr-defined]
    run_round("ca.publish_crls", world)
    assert Crl.objects.filter(issuer=issuer, shard=1, this_update__gt=now).count() == 1


def test_every_periodic_job_is_tended_and_tried_here() -> None:
    """No periodic job goes past `tend`, and each has its poisoned row in this file."""
    periodic = {task.task.name: task.task for task in app.periodic_registry.periodic_tasks.values()}
    assert set(periodic) == set(SCENARIOS)
    for name, task in periodic.items():
        tree = ast.parse(inspect.getsource(task.func))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        named = [ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "tend"]
        assert named == [repr(name)], name
