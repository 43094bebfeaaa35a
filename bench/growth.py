"""The same work with 10^4 and with 10^6 certificates in the tables, and verifying the audit trail.

The rows are made by the database itself, with short bodies; the triggers that keep real rows in order are
off for them alone.
"""

from __future__ import annotations

import secrets
import statistics
import time
from typing import TYPE_CHECKING

import psycopg

from bench import issuing
from bench.load import Question, load
from bench.meter import Report, Spans, in_threads, rate
from bench.status import request

if TYPE_CHECKING:
    from bench.centre import Centre

SIZES = (10_000, 1_000_000)
_ASKED = 60_000  #: more than are answered in a second, so that none is answered from memory

_FILL = (
    """INSERT INTO ca_intent (id, order_key, order_sha256, issuer_id, serial, profile, product, customer_id,
         number, tbs, evidence, replaces, shard, state, created_at, closed_at)
       SELECT i, 'fill-' || i, '\\x00', %(issuer)s, '4' || lpad(to_hex(i), 31, '0'), 'financial', 'financial',
         'fill-' || i, '', '\\x00', '[]', '', i %% 4, 'stored', now(), now()
       FROM generate_series(%(first)s::bigint, %(last)s) i""",
    """INSERT INTO ca_certificate (id, intent_id, issuer_id, serial, der, sha256, subject, profile, product,
         customer_id, policy, shard, state, status_seq, not_before, not_after, issued_at, activated_at)
       SELECT i, i, %(issuer)s, '4' || lpad(to_hex(i), 31, '0'), %(body)s, 'fill', 'fill', 'financial',
         'financial', 'fill-' || i, '', i %% 4, 'active', 2, now(), now() + interval '3 years', now(), now()
       FROM generate_series(%(first)s::bigint, %(last)s) i""",
    """INSERT INTO ca_ocspanswer (certificate_id, issuer_id, serial, status_seq, this_update, next_update,
         by_sha1, by_sha256)
       SELECT i, %(issuer)s, '4' || lpad(to_hex(i), 31, '0'), 2, now() - interval '1 minute',
         now() + interval '1 hour', %(body)s, '\\x00'
       FROM generate_series(%(first)s::bigint, %(last)s) i""",
)
_OFFSET = 10_000_000  #: ids of filled rows begin here


def run(report: Report, centre: Centre, seconds: float) -> None:
    """Print look-ups and issuing at both sizes."""
    report.part("with more certificates in the tables")
    filled = 0
    for size in SIZES:
        began = time.perf_counter()
        issuer_id, issuing_der = _fill(centre, filled, size)
        filled = size
        report.line(f"{size:,} certificates put there", f"{time.perf_counter() - began:.0f} s")
        asked = [int(f"4{_OFFSET + secrets.randbelow(size) + 1:031x}", 16) for _ in range(_ASKED)]
        _lookups(report, centre, issuer_id, asked)
        questions = [
            Question("POST", "/ocsp", request(issuing_der, serial, asker=str(place)))
            for place, serial in enumerate(asked)
        ]
        with centre.http(what="va") as port:
            load(port, questions, 1)
            found = [load(port, questions, max(1.0, seconds / 2)) for _ in range(2)]
        report.line("  status over HTTP, none from memory", f"{statistics.median(found):,.0f}/s")
        spans: Spans = in_threads(1, seconds, lambda _index: issuing.issuer(centre.world))
        report.line("  issue one more", f"{spans.rate:,.0f}/s", f"p50 {spans.ms(0.5):.1f} ms")
    _audit(report)


def _fill(centre: Centre, before: int, size: int) -> tuple[int, bytes]:
    with psycopg.connect(centre.admin, autocommit=True) as link:
        row = link.execute("SELECT id, certificate FROM ca_authority WHERE role = 'issuing'").fetchone()
        assert row is not None
        link.execute("SET session_replication_role = replica")
        link.execute("SET synchronous_commit = off")
        values = {
            "issuer": row[0], "first": _OFFSET + before + 1,
            "last": _OFFSET + size, "body": secrets.token_bytes(200),
        }  # fmt: skip
        for statement in _FILL:
            link.execute(statement, values)
        link.execute("ANALYZE ca_intent, ca_certificate, ca_ocspanswer")
        link.execute("CHECKPOINT")
        return row[0], bytes(row[1])


def _lookups(report: Report, centre: Centre, issuer_id: int, asked: list[int]) -> None:
    from dojang.va.store import StatusStore  # what the responder reads with

    store = StatusStore(centre.options.dsn)
    turn = iter(range(10**9))

    def look() -> None:
        serial = asked[next(turn) % len(asked)]
        assert store.answer(issuer_id, f"{serial:032x}", "sha1") is not None

    found = statistics.median(rate(look, 0.5) for _ in range(3))
    store.close()
    report.line("  find a ready answer (one connection)", f"{found:,.0f}/s")


def _audit(report: Report) -> None:
    from dojang.audit.queries import verify_chains  # after Django's set-up

    began = time.perf_counter()
    verified = verify_chains()
    spent = time.perf_counter() - began
    assert verified.ok, verified.breaks[:3]
    report.line("audit trail verified", f"{verified.events / spent:,.0f}/s", f"{verified.events:,} events")
