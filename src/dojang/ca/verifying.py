"""Three books that must agree: the audit trail, the certificates, and the signer's own journal.

`verify_trail` recomputes the chains and then compares:

* every signature the journal records belongs to one stored intent, with the same bytes, and to its
  certificate (an intent still being worked on is named as unfinished only when its order is idle);
* every intent, certificate, activation and revocation has its one event, and every such event its row;
* there are as many signatures as certificates;
* every line of the journal follows from the one before.

All of it streams; memory does not grow with what exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from dojang.audit.chains import Break
from dojang.audit.queries import PAGE, Findings, check_anchors, collect_chain_breaks, journal_entries
from dojang.ca.serials import serial_number, serial_text
from dojang.pki.errors import MalformedError
from dojang.ports.signer_journal import GENESIS, broken_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.audit.queries import Verification
    from dojang.ports.signer import JournalEntry
    from dojang.ports.world import World

#: What the events say against what the rows say: (kind of event, rows that must each have exactly one).
_BOOKS = {
    "certificate:intended": "SELECT serial FROM ca_intent",
    "certificate:issued": "SELECT serial FROM ca_certificate",
    "certificate:activated": "SELECT serial FROM ca_certificate WHERE activated_at IS NOT NULL",
    "certificate:revoked": "SELECT serial FROM ca_revocation WHERE reason <> 'certificateHold'",
    "certificate:voided": "SELECT serial FROM ca_intent WHERE state IN ('void', 'late')",
}
_UNEVEN = """
    SELECT serial, rows, events FROM (
        SELECT serial, sum(n) FILTER (WHERE book) AS rows, sum(n) FILTER (WHERE NOT book) AS events FROM (
            SELECT serial, 1 AS n, true AS book FROM ({rows}) AS r
            UNION ALL
            SELECT subject, 1, false FROM audit_event WHERE type = %s
        ) AS both_books GROUP BY serial
    ) AS counted
    WHERE coalesce(rows, 0) <> coalesce(events, 0)
"""


def verify_trail(world: World) -> Verification:
    """Verify the audit trail, and compare it with the certificates and the signer's journal.

    Names each disagreement; raises only when something cannot be read.
    """
    findings = Findings()
    # 1. the chains themselves
    collect_chain_breaks(findings)
    # 2. rows against events. Counted before the journal is read: what is signed meanwhile is in both.
    for event_type, rows in _BOOKS.items():
        for found in _uneven(event_type, rows):
            findings.add(found)
    stored = _count("SELECT count(*) FROM ca_certificate")
    # 3. the journal against itself, the intents, and its anchors against the chains
    signatures = 0
    page: list[JournalEntry] = []
    after, previous = 0, GENESIS
    for entry in journal_entries(world.signer):
        if entry.readable and broken_entries([entry], after=after, previous=previous):
            detail = "a line of the signer's journal does not follow from the one before"
            findings.add(Break(-1, entry.seq, "altered", detail))
        after, previous = entry.seq, entry.hash
        check_anchors(entry, findings)
        if entry.verb != "sign_certificate":
            continue
        signatures += 1
        page.append(entry)
        if len(page) == PAGE:
            _check_signatures(page, findings)
            page = []
    _check_signatures(page, findings)
    # 4. as many signatures as certificates, but for the ones being made now
    open_intents = _count("SELECT count(*) FROM ca_intent WHERE state = 'open'")
    if not stored <= signatures <= stored + open_intents + _new_since(stored):
        detail = f"{signatures} signatures in the signer's journal, {stored} certificates"
        findings.add(Break(-1, 0, "mismatch", detail))
    return findings.result()


def _count(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def _new_since(stored: int) -> int:
    return max(0, _count("SELECT count(*) FROM ca_certificate") - stored)


def _uneven(event_type: str, rows: str) -> Iterator[Break]:
    with connection.cursor() as cursor:
        cursor.execute(_UNEVEN.format(rows=rows), [event_type])
        for serial, row_count, event_count in cursor.fetchall():
            detail = f"{event_type} of {serial}: {event_count or 0} events, {row_count or 0} rows"
            yield Break(-1, 0, "mismatch", detail)


_KNOWN = """
    SELECT a.label, i.serial, encode(sha256(i.tbs), 'hex'), i.state, c.id IS NOT NULL
    FROM ca_intent i JOIN ca_authority a ON a.id = i.issuer_id
    LEFT JOIN ca_certificate c ON c.intent_id = i.id
    WHERE i.serial = ANY(%s)
"""


def _check_signatures(entries: list[JournalEntry], findings: Findings) -> None:
    """Look each signature of the journal up among the intents."""
    named = [(entry, _named(entry)) for entry in entries]
    for entry in (entry for entry, serial in named if serial is None):
        findings.add(Break(-1, entry.seq, "altered", "a signature in the signer's journal names no serial"))
    signed = [(entry, serial) for entry, serial in named if serial is not None]
    if not signed:
        return
    wanted = [serial for _, serial in signed]
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [wanted])
        known = {(row[0], row[1]): row[2:] for row in cursor.fetchall()}
    for entry, serial in signed:
        found = known.get((str(entry.body.get("issuer")), serial))
        if found is None:
            problem = "was signed without an intent"
        elif found[0] != entry.body.get("tbs_sha256"):
            problem = "was signed with other bytes than its intent's"
        elif found[1] in {"stored", "late"} and not found[2]:
            problem = "has no certificate although its intent says so"
        elif found[1] == "void":
            problem = "was signed, but its intent is void (reconcile adopts it)"
        else:
            continue
        findings.add(Break(-1, entry.seq, "mismatch", f"serial {serial} {problem}"))


def _named(entry: JournalEntry) -> str | None:
    """Return the serial a signature was recorded with; None when what stands there is none."""
    try:
        return serial_text(serial_number(str(entry.body["serial"])))
    except (KeyError, MalformedError):
        return None
