"""Reading and verifying the audit trail."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from dojang.audit.chains import Break, ChainHead, EventLine, check_anchor, first_hash, walk_chain
from dojang.audit.models import Event
from dojang.pki.errors import MalformedError
from dojang.ports.trail import read_chain, read_head

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from dojang.ports.signer import JournalEntry, Signer

PAGE = 1000  #: rows or journal entries read at a time
KEPT_BREAKS = 10_000  #: more are counted, not listed

# One statement, so heads and events come from one snapshot while writers go on.
_WALK = """
    SELECT coalesce(c.id, e.chain), c.seq, c.hash, e.seq, e.body, e.hash, e.type, e.subject, e.at
    FROM audit_chain c FULL JOIN audit_event e ON e.chain = c.id
    ORDER BY 1, e.seq, e.id
"""


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of a verification. `breaks` lists the first 10,000; `broken` counts all."""

    ok: bool
    events: int
    breaks: tuple[Break, ...]
    broken: int = 0
    anchors: int = 0  #: anchored heads compared


@dataclass(frozen=True, slots=True)
class EventView:
    """One event to read."""

    chain: int
    seq: int
    type: str
    subject: str
    at: str
    acting: dict[str, str]
    data: dict[str, Any]


class Findings:
    """Collects breaks in bounded memory."""

    def __init__(self) -> None:
        self.breaks: list[Break] = []
        self.broken = 0
        self.events = 0
        self.anchors = 0

    def add(self, found: Break) -> None:
        """Count a break and keep it while there is room."""
        self.broken += 1
        if len(self.breaks) < KEPT_BREAKS:
            self.breaks.append(found)

    def result(self) -> Verification:
        """Freeze what was found."""
        return Verification(not self.broken, self.events, tuple(self.breaks), self.broken, self.anchors)


def verify_chains(signer: Signer | None = None) -> Verification:
    """Recompute every chain from its first event; with a signer, compare with the heads anchored there.

    Reads as a stream: memory does not grow with the trail. Every break is named, none raises.
    """
    findings = Findings()
    collect_chain_breaks(findings)
    if signer is not None:
        for entry in journal_entries(signer):
            check_anchors(entry, findings)
    return findings.result()


def collect_chain_breaks(findings: Findings) -> None:
    """Walk all chains and add what is broken."""
    # A server-side cursor lives in a transaction.
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_WALK)
        rows = _stream(cursor)
        for chain, group in groupby(rows, key=lambda row: int(row[0])):
            first = next(group)
            head = None if first[1] is None else ChainHead(first[1], bytes(first[2] or b""))
            for found in walk_chain(chain, head, _lines(chain, first, group, findings)):
                findings.add(found)


def _stream(cursor: Any) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(PAGE):
        yield from rows


def _lines(
    chain: int, first: tuple[Any, ...], rest: Iterator[tuple[Any, ...]], findings: Findings
) -> Iterator[EventLine]:
    for row in _with(first, rest):
        if row[3] is not None:
            findings.events += 1
            if not _says(row[4] or "", *row[6:]):
                detail = "type, subject or time is not what the event itself says"
                findings.add(Break(chain, row[3], "altered", detail))
            yield EventLine(row[3], row[4] or "", bytes(row[5] or b""))


def _says(body: str, event_type: str, subject: str, at: str) -> bool:
    """Tell whether a body has this type, subject and time; the usual form is told without reading it all."""
    ending = f'"subject":{json.dumps(subject, ensure_ascii=False)},"type":{json.dumps(event_type)}}}'
    # Nothing in ``acting``, the first member, is an object: the first brace that closes there ends it.
    if body.endswith(ending) and body.partition('},"at":')[2].startswith(f'"{at}",'):
        return True
    try:
        said = json.loads(body)
        return bool((said["type"], said["subject"], said["at"]) == (event_type, subject, at))
    except (ValueError, TypeError, KeyError):
        return False


def _with(first: tuple[Any, ...], rest: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    yield first
    yield from rest


def journal_entries(signer: Signer) -> Iterator[JournalEntry]:
    """Read the signer's journal from its beginning, page by page."""
    after = 0
    while page := signer.journal(after=after, limit=PAGE):
        yield from page
        after = page[-1].seq


def check_anchors(entry: JournalEntry, findings: Findings) -> None:
    """Compare the heads an entry of the journal anchors, if it does, with the events found there.

    An entry that cannot be read is told like any other break; what stands behind it is read as well.
    """
    if not entry.readable:
        findings.add(Break(-1, entry.seq, "altered", "a line of the signer's journal cannot be read"))
        return
    heads = entry.body.get("heads")
    if entry.verb != "anchor" and not isinstance(heads, dict):
        return
    wanted: dict[int, tuple[int, bytes]] = {}
    for chain, text in heads.items() if isinstance(heads, dict) else [("", "")]:
        try:
            wanted[read_chain(str(chain))] = read_head(str(text))
        except MalformedError:
            findings.add(Break(-1, entry.seq, "altered", "an anchor in the signer's journal is none"))
    wanted_pairs = [(chain, count) for chain, (count, _) in wanted.items() if count]
    found = dict(_hashes_at(wanted_pairs))
    for chain, (count, value) in wanted.items():
        findings.anchors += 1
        present = found.get((chain, count)) if count else first_hash(chain)
        if broken := check_anchor(chain, count, value, present):
            findings.add(broken)


def _hashes_at(pairs: list[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], bytes]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.chain, e.seq, e.hash FROM audit_event e"
            " JOIN unnest(%s::smallint[], %s::bigint[]) AS w(chain, seq) USING (chain, seq)",
            [[chain for chain, _ in pairs], [seq for _, seq in pairs]],
        )
        for chain, seq, value in cursor.fetchall():
            yield (chain, seq), bytes(value)


def events_about(
    subjects: Collection[str], *, types: Collection[str] = (), limit: int = 100
) -> list[EventView]:
    """Read the newest events about some subjects, newest first; of these types only, if any are named."""
    rows = Event.objects.filter(subject__in=list(subjects))
    if types:
        rows = rows.filter(type__in=list(types))
    return [_view(row) for row in rows.order_by("-at", "-id")[:limit]]


def _view(row: Event) -> EventView:
    body = json.loads(row.body)
    return EventView(row.chain, row.seq, row.type, row.subject, row.at, body["acting"], body["data"])
