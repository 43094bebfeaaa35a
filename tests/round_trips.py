"""Counting how often a connection waits for its server, as libpq itself traces it."""

from __future__ import annotations

import itertools
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection
from psycopg.pq import Trace

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Trips:
    """How often something was sent and answered; known when the block has ended."""

    count: int = 0


@contextmanager
def counting_round_trips() -> Iterator[Trips]:
    """Count the round trips of this thread's connection: each change from our messages to the server's."""
    connection.ensure_connection()
    link, trips = connection.connection.pgconn, Trips()
    with tempfile.TemporaryFile() as trace:
        link.trace(trace.fileno())
        link.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS | Trace.REGRESS_MODE)
        try:
            yield trips
        finally:
            link.untrace()
            trace.seek(0)
            sides = [line[:1] for line in trace.read().splitlines() if line[:1] in {b"F", b"B"}]
            trips.count = sum(pair == (b"F", b"B") for pair in itertools.pairwise(sides))
