"""Verifying hash chains: pure, one pass, constant memory.

A chain's events are read in the order of their numbers; each must hash to what was stored, given the hash
before it. When one does not, the walk says what kind of edit explains it best and goes on, so that one
edit gives one or two breaks and not a flood.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_CANDIDATES = 6  #: hashes remembered while looking for where a broken chain goes on


@dataclass(frozen=True, slots=True)
class EventLine:
    """One stored event, as far as its hash is concerned."""

    seq: int
    body: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class ChainHead:
    """What the head row of a chain says: number and hash of the last event."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the trail is not what was written.

    `kind`: ``altered`` | ``missing`` | ``inserted`` | ``reordered`` | ``truncated`` | ``rewritten`` |
    ``mismatch`` (the trail, the certificates and the signer's journal disagree). `chain` is -1 where no chain
    is concerned.
    """

    chain: int
    seq: int
    kind: str
    detail: str


def first_hash(chain: int) -> bytes:
    """Return the hash that stands before the first event of a chain."""
    return hashlib.sha256(f"dojang audit chain {chain}".encode()).digest()


def event_hash(before: bytes, seq: int, body: str) -> bytes:
    """Hash one event: SHA-256(before || seq as 8 bytes, big-endian || body as UTF-8)."""
    # A number no bigint can hold cannot have been written; it must still be named, not crash the walk.
    return hashlib.sha256(before + seq.to_bytes(8, "big", signed=True) + body.encode()).digest()


class _Walk:
    """State of one pass over one chain: the last number, what the next event may rest on, the shift.

    `shift` is how far the stored numbers have moved from the ones that were hashed (an insertion that
    renumbers the rest moves them by one).
    """

    def __init__(self, chain: int) -> None:
        self.chain = chain
        self.last = 0
        self.shift = 0
        self.candidates: list[bytes] = [first_hash(chain)]
        self.whole = True  #: nothing broken so far, so the head must agree

    def take(self, line: EventLine) -> Iterator[Break]:
        """Judge the next line."""
        expected = self.last + 1
        if line.seq < expected:
            kind = "inserted" if line.seq == self.last else "reordered"
            yield self._found(line.seq, kind, f"number {line.seq} stands after {self.last}")
            self._remember(line.hash)
            return
        if line.seq > expected:
            yield self._found(expected, "missing", f"events {expected} to {line.seq - 1} are gone")
            # What it rests on is gone with them: it can only be taken as the place to go on from, unless
            # only the numbers were moved and it still follows.
            self._settle(line)
            return
        if event_hash(self.candidates[0], line.seq - self.shift, line.body) == line.hash:
            self.candidates = [line.hash]
            self.last = line.seq
            return
        yield self._explain(line)
        self.last = line.seq

    def _settle(self, line: EventLine) -> None:
        self.candidates = [line.hash]
        self.last = line.seq
        self.shift = 0

    def _explain(self, line: EventLine) -> Break:
        """Find the edit that explains a line which does not follow; remember where the chain may go on."""
        for before in self.candidates:
            for shift in (self.shift, self.shift + 1, self.shift - 1):
                if event_hash(before, line.seq - shift, line.body) == line.hash:
                    kind = _kind_of_move(self.shift, shift)
                    self.shift = shift
                    self._remember(line.hash)
                    return self._found(line.seq, kind, "follows another event than the one before it")
        computed = event_hash(self.candidates[0], line.seq - self.shift, line.body)
        self._remember(computed)
        self._remember(line.hash)
        return self._found(line.seq, "altered", "the event does not hash to what was stored")

    def _remember(self, value: bytes) -> None:
        self.candidates = [value, *self.candidates][:MAX_CANDIDATES]

    def _found(self, seq: int, kind: str, detail: str) -> Break:
        self.whole = False
        return Break(self.chain, seq, kind, detail)

    def finish(self, head: ChainHead | None) -> Iterator[Break]:
        """Compare the end of the chain with its head row."""
        if head is None:
            yield self._found(self.last, "truncated", "the chain's head is gone")
        elif self.last < head.seq:
            yield self._found(self.last + 1, "truncated", f"the head counts {head.seq} events")
        elif self.last > head.seq:
            yield self._found(head.seq + 1, "inserted", f"the head counts {head.seq} events only")
        elif self.candidates[0] != head.hash and self.whole:
            yield self._found(head.seq, "altered", "the head's hash is not the last event's")


def _kind_of_move(old: int, new: int) -> str:
    """Name what makes the rest of a chain follow under another shift."""
    if new in {old, 0}:
        return "reordered"  # back in step: nothing came or went, places were changed
    return "inserted" if new > old else "missing"


def walk_chain(chain: int, head: ChainHead | None, lines: Iterable[EventLine]) -> Iterator[Break]:
    """Go through one chain (lines in stored order) and yield every break, the head's included."""
    walk = _Walk(chain)
    for line in lines:
        yield from walk.take(line)
    yield from walk.finish(head)


def check_anchor(chain: int, count: int, value: bytes, found: bytes | None) -> Break | None:
    """Compare an anchor (`count` events, the last hashing to `value`) with the event at that number."""
    if found is None:
        return Break(chain, count, "truncated", f"the signer saw {count} events, event {count} is gone")
    if found != value:
        return Break(chain, count, "rewritten", f"event {count} is not the one the signer saw")
    return None
