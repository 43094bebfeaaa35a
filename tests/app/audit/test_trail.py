"""The audit trail in the database: append-only, complete, in step with everything it tells of."""

from __future__ import annotations

import sqlite3
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from tests.app.ca.centre import ACTING

from dojang.audit.actions import anchor_heads, draft_event, record_event, record_events
from dojang.audit.errors import AuditUnwrittenError
from dojang.audit.models import Chain, Event
from dojang.audit.queries import events_about, verify_chains
from dojang.ca import actions, queries
from dojang.ports.acting import Acting

if TYPE_CHECKING:
    from tests.app.ca.centre import Centre

WHO = Acting(kind="customer", id="c1", session="ab" * 32, source="192.0.2.1", channel="web")


def _as_owner(*statements: str) -> None:
    """Do what only somebody who may switch triggers off can do."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table in ("audit_event", "audit_chain"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
        for table in ("audit_event", "audit_chain"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def _write(count: int, **data: Any) -> None:
    for number in range(count):
        with transaction.atomic():
            record_event("test:written", acting=WHO, subject=f"s{number}", **data)


@pytest.mark.django_db
def test_an_event_says_who_what_about_whom_and_when() -> None:
    """An event reads back as it was recorded, and its generated columns agree with its body."""
    record_event("run:started", acting=WHO, subject="run-1", journey="financial-web-issue", 한글="예")
    (view,) = events_about(["run-1"])
    assert view.type == "run:started"
    assert view.acting == {
        "kind": "customer", "id": "c1", "session": "ab" * 32, "source": "192.0.2.1", "channel": "web",
    }  # fmt: skip
    assert view.data == {"journey": "financial-web-issue", "한글": "예"}
    assert len(view.at) == len("2026-01-31T09:00:00.000000Z")


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused() -> None:
    """An event belongs to the transaction of what it tells."""
    with pytest.raises(AuditUnwrittenError):
        record_event("test:written", acting=WHO)
    assert Event.objects.count() == 0


@pytest.mark.django_db
def test_what_json_cannot_say_is_refused() -> None:
    """A value without a canonical text never enters the trail, and the error does not quote it."""
    for value in (object(), float("nan"), b"secret"):
        with pytest.raises(AuditUnwrittenError) as caught:
            record_event("test:written", acting=WHO, value=value)
        assert "secret" not in str(caught.value)
    assert Event.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_many_events_are_one_statement_and_one_chain() -> None:
    """A hundred events of one call follow each other in one chain, each as it was drafted; none is none."""
    at = datetime(2026, 1, 31, 9, tzinfo=UTC)
    drafts = [draft_event("test:written", acting=WHO, subject=f"s{n}", at=at, number=n) for n in range(100)]
    with transaction.atomic():
        record_events(drafts)
        record_events([])
    rows = Event.objects.order_by("id")
    assert [row.seq for row in rows] == list(range(1, 101))
    assert {row.chain for row in rows} == {rows[0].chain}
    assert [(row.type, row.subject) for row in rows] == [("test:written", f"s{n}") for n in range(100)]
    assert [events_about([f"s{n}"])[0].data for n in (0, 99)] == [{"number": 0}, {"number": 99}]
    assert verify_chains().events == 100
    assert verify_chains().ok


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("bad", [object(), "a\x00b"], ids=["object", "nul"])
def test_one_event_that_cannot_be_written_writes_none(bad: object) -> None:
    """Of three events one has no text the database takes: none is written, and no number is used up."""
    at = datetime(2026, 1, 31, 9, tzinfo=UTC)
    drafts = [draft_event("test:written", acting=WHO, subject="s", at=at, value=v) for v in (1, bad, 3)]
    with pytest.raises(AuditUnwrittenError), transaction.atomic():
        record_events(drafts)
    with pytest.raises(AuditUnwrittenError):
        record_events(drafts[:1])
    assert (Event.objects.count(), Chain.objects.filter(seq__gt=0).count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_event_leaves_no_gap() -> None:
    """What is rolled back never took a number."""
    _write(3)

    def fail() -> None:
        with transaction.atomic():
            record_event("test:lost", acting=WHO)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    _write(3)
    assert Event.objects.count() == 6
    assert verify_chains().breaks == ()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET body = replace(body, 'test', 'best')",
        "UPDATE audit_event SET hash = sha256('x')",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "TRUNCATE audit_chain CASCADE",
        "DELETE FROM audit_chain",
        "UPDATE audit_chain SET seq = 0",
        "UPDATE audit_chain SET seq = seq + 2",
        "UPDATE audit_event SET type = 'other:thing'",
    ],
)
def test_invariant_14_the_database_refuses_to_change_the_trail(statement: str) -> None:
    """UPDATE, DELETE and TRUNCATE are refused by the database itself."""
    _write(2)
    before = list(Event.objects.order_by("id").values())
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert list(Event.objects.order_by("id").values()) == before


@pytest.mark.django_db(transaction=True)
def test_parallel_writers_lose_nothing_and_do_not_wait_for_one_chain() -> None:
    """Twelve writers at once, 25 events each: all there, every chain whole, more than one chain used."""
    start = threading.Barrier(12)

    def write(_part: int) -> None:
        start.wait(30)
        try:
            _write(25)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(write, range(12)))
    found = verify_chains()
    assert (found.ok, found.events) == (True, 300)
    assert Chain.objects.filter(seq__gt=0).count() > 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("edit", "kinds"),
    [
        ("UPDATE audit_event SET body = replace(body, 's7', 's8') WHERE subject = 's7'", {"altered"}),
        ("DELETE FROM audit_event WHERE subject = 's7'", {"missing"}),
        ("DELETE FROM audit_event WHERE subject IN ('s18', 's19')", {"truncated"}),
        ("UPDATE audit_chain SET seq = seq - 1 WHERE seq > 0", {"inserted"}),
        ("UPDATE audit_chain SET hash = sha256('x') WHERE seq > 0", {"altered"}),
        (
            """
            INSERT INTO audit_event (chain, seq, body, hash, type, subject, at)
            SELECT id, seq + 1, '{"type":"x","subject":"","at":""}', sha256('y'), 'x', '', ''
            FROM audit_chain WHERE seq > 0
            """,
            {"altered", "inserted"},
        ),
        (
            """
            UPDATE audit_event e SET body = o.body, hash = o.hash, subject = o.subject, at = o.at
            FROM audit_event o
            WHERE (e.subject, o.subject) IN (('s7', 's8'), ('s8', 's7'))
            """,
            {"altered", "inserted", "reordered"},
        ),
        ("UPDATE audit_event SET type = 'other:thing' WHERE subject = 's7'", {"altered"}),
        ("UPDATE audit_event SET at = '2020-01-01T00:00:00.000000Z' WHERE subject = 's7'", {"altered"}),
        ("UPDATE audit_event SET body = 'nothing' WHERE subject = 's7'", {"altered"}),
    ],
)
def test_an_edit_by_somebody_mighty_is_found_and_named(edit: str, kinds: set[str]) -> None:
    """With the triggers switched off the rows can be changed, and verification names what was done."""
    with transaction.atomic():
        for number in range(20):
            record_event("test:written", acting=WHO, subject=f"s{number}")
    assert verify_chains().ok
    _as_owner(edit)
    found = verify_chains()
    assert not found.ok
    assert {item.kind for item in found.breaks} <= kinds
    assert 1 <= found.broken <= 3


def test_a_cut_with_a_matching_head_is_found_by_the_signers_journal(centre: Centre) -> None:
    """Cutting the end of every chain and lowering the heads passes the chains, and fails at the anchors."""
    centre.activate()
    heads = anchor_heads(**centre.options)
    assert verify_chains(centre.world.signer).ok
    _as_owner(
        "DELETE FROM audit_event e USING audit_chain c WHERE c.id = e.chain AND e.seq = c.seq",
        """
        UPDATE audit_chain c SET seq = seq - 1, hash = coalesce(
            (SELECT hash FROM audit_event e WHERE e.chain = c.id AND e.seq = c.seq - 1),
            sha256(convert_to('dojang audit chain ' || c.id, 'UTF8')))
        WHERE seq > 0
        """,
    )
    assert verify_chains().ok
    found = verify_chains(centre.world.signer)
    used = sum(not head.startswith("0:") for head in heads.values())
    assert [item.kind for item in found.breaks] == ["truncated"] * used
    assert used > 0


def test_invariant_14_the_trail_the_certificates_and_the_journal_agree(centre: Centre) -> None:
    """After issuing, re-issuing and revoking, three books agree; disagreements are found and named."""
    row = centre.activate(customer_id="c1")
    centre.activate(customer_id="c1", replaces="superseded")
    other = centre.activate()
    actions.revoke_certificate(other.pk, "keyCompromise", **centre.options)
    anchor_heads(**centre.options)
    found = queries.verify_trail(centre.world)
    assert (found.ok, found.breaks, found.events) == (True, (), Event.objects.count())

    # an event without its row
    with transaction.atomic():
        record_event("certificate:issued", acting=ACTING, subject="ab" * 16)
    (broken,) = queries.verify_trail(centre.world).breaks
    assert (broken.kind, "ab" * 16 in broken.detail) == ("mismatch", True)

    # a signature without its intent: the signer used behind the centre's back
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ca_certificate DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE ca_revocation DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE ca_intent DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM ca_ocspanswer WHERE certificate_id = %s", [row.pk])
        cursor.execute("DELETE FROM ca_revocation WHERE certificate_id = %s", [row.pk])
        cursor.execute("UPDATE ca_certificate SET successor_id = NULL")
        cursor.execute("DELETE FROM ca_certificate WHERE id = %s", [row.pk])
        cursor.execute("DELETE FROM ca_intent WHERE id = %s", [row.intent_id])
    details = [item.detail for item in queries.verify_trail(centre.world).breaks]
    assert any("was signed without an intent" in detail for detail in details)
    assert any(
        detail.startswith(f"certificate:revoked of {row.serial}: 1 events, 0 rows") for detail in details
    )


UNCHAINED = "a line of the signer's journal does not follow from the one before"


def test_no_single_bad_entry_ends_a_verification(centre: Centre) -> None:
    """Damaged lines of the journal are told one by one, and so is what stands behind them."""
    row = centre.activate()
    anchor_heads(**centre.options)
    centre.activate()
    anchor_heads(**centre.options)
    damages = {"": "not json", "anchor": '{"heads":{"0":"many","99999":"1:ab"}}', "sign_certificate": "{}"}
    with closing(sqlite3.connect(centre.process.home.path / "signer" / "keys.db")) as journal:
        journal.execute("DROP TRIGGER journal_keeps")
        firsts = dict(journal.execute("SELECT verb, min(seq) FROM journal GROUP BY verb").fetchall())
        seqs = {"": firsts["create_authority_key"]}
        seqs |= {verb: firsts[verb] for verb in ("anchor", "sign_certificate")}
        for verb, seq in seqs.items():
            journal.execute("UPDATE journal SET body = ? WHERE seq = ?", [damages[verb], seq])
        journal.commit()
    with connection.cursor() as cursor:  # behind all of them
        cursor.execute("ALTER TABLE ca_intent DISABLE TRIGGER USER")
        cursor.execute("UPDATE ca_intent SET tbs = 'x' WHERE id = %s", [row.intent_id])
    found = queries.verify_trail(centre.world)
    told = sorted((item.seq, item.detail) for item in found.breaks)
    assert [item for item in told if item[0] in seqs.values()] == sorted(
        [
            (seqs[""], "a line of the signer's journal cannot be read"),
            *[(seqs["anchor"], "an anchor in the signer's journal is none")] * 2,
            (seqs["sign_certificate"], "a signature in the signer's journal names no serial"),
            *[(seqs[verb], UNCHAINED) for verb in ("anchor", "sign_certificate")],
        ]
    )
    (behind,) = [detail for seq, detail in told if seq not in seqs.values()]
    assert behind == f"serial {row.serial} was signed with other bytes than its intent's"


@pytest.mark.django_db(transaction=True)
def test_verifying_does_not_need_memory_for_the_whole_trail() -> None:
    """Verifying 20,000 events of 1 KiB keeps a small part of them in memory at a time."""
    _as_owner(
        """
        INSERT INTO audit_event (chain, seq, body, hash, type, subject, at)
        SELECT 0, n, json_build_object('type', 'test:written', 'subject', '', 'at', '',
                                       'data', repeat('x', 1000))::text, sha256(''), 'test:written', '', ''
        FROM generate_series(1, 20000) n
        """,
        """
        DO $$ DECLARE before bytea := sha256(convert_to('dojang audit chain 0', 'UTF8')); line record; BEGIN
        FOR line IN SELECT id, seq, body FROM audit_event WHERE chain = 0 ORDER BY seq LOOP
            before := sha256(before || int8send(line.seq) || convert_to(line.body, 'UTF8'));
            UPDATE audit_event SET hash = before WHERE id = line.id;
        END LOOP;
        UPDATE audit_chain SET seq = 20000, hash = before WHERE id = 0; END $$
        """,
    )
    tracemalloc.start()
    found = verify_chains()
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.ok, found.events) == (True, 20_000)
    assert peak < 12 * 1024 * 1024
