"""Hash chains: every edit of a trail is found, and named."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from dojang.audit.chains import Break, ChainHead, EventLine, check_anchor, event_hash, first_hash, walk_chain

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 60


def _chain(number: int, length: int = LENGTH) -> tuple[list[EventLine], ChainHead]:
    lines: list[EventLine] = []
    before = first_hash(number)
    for seq in range(1, length + 1):
        body = f'{{"subject":"{seq:032x}","type":"certificate:issued"}}'
        before = event_hash(before, seq, body)
        lines.append(EventLine(seq, body, before))
    return lines, ChainHead(length, before)


def _rehash(lines: list[EventLine], start: int) -> None:
    """Do what a careful forger does: make the chain agree again from one place on."""
    before = first_hash(0) if start == 0 else lines[start - 1].hash
    for place in range(start, len(lines)):
        line = lines[place]
        before = event_hash(before, line.seq, line.body)
        lines[place] = EventLine(line.seq, line.body, before)


def _flip(lines: list[EventLine], head: ChainHead, chance: random.Random) -> ChainHead:
    place = chance.randrange(len(lines))
    line = lines[place]
    spot = chance.randrange(len(line.body))
    changed = line.body[:spot] + chr(ord(line.body[spot]) ^ 1) + line.body[spot + 1 :]
    lines[place] = EventLine(line.seq, changed, line.hash)
    return head


def _flip_hash(lines: list[EventLine], head: ChainHead, chance: random.Random) -> ChainHead:
    place = chance.randrange(len(lines))
    line = lines[place]
    broken = bytearray(line.hash)
    broken[chance.randrange(32)] ^= 1 << chance.randrange(8)
    lines[place] = EventLine(line.seq, line.body, bytes(broken))
    return head


def _delete(lines: list[EventLine], head: ChainHead, chance: random.Random) -> ChainHead:
    del lines[chance.randrange(len(lines))]
    return head


def _delete_renumbered(lines: list[EventLine], head: ChainHead, chance: random.Random) -> ChainHead:
    place = chance.randrange(len(lines))
    del lines[place]
    lines[place:] = [EventLine(line.seq - 1, line.body, line.hash) for line in lines[place:]]
    return ChainHead(head.seq - 1, head.hash)


def _insert(lines: list[EventLine], head: ChainHead, chance: random.Random) -> ChainHead:
    place = chance.randrange(len(lines))
    forged = EventLine(lines[place].seq, '{"type":"forged"}', chance.randbytes(32))
    lines[place:] = [forged] + [EventLine(line.seq + 1, line.body, line.hash) for line in lines[place:]]
    return ChainHead(head.seq + 1, head.hash)


def _insert_twice(lines: list[EventLine], head: ChainHead, chance: random.Random) -> ChainHead:
    place = chance.randrange(len(lines))
    lines.insert(place, EventLine(lines[place].seq, '{"type":"forged"}', chance.randbytes(32)))
    return head


def _append(lines: list[EventLine], head: ChainHead, chance: random.Random) -> ChainHead:
    seq = lines[-1].seq + 1
    body = '{"type":"forged"}'
    lines.append(EventLine(seq, body, event_hash(lines[-1].hash, seq, body)))
    return head


def _swap(lines: list[EventLine], head: ChainHead, chance: random.Random) -> ChainHead:
    first, second = sorted(chance.sample(range(len(lines)), 2))
    one, other = lines[first], lines[second]
    lines[first] = EventLine(one.seq, other.body, other.hash)
    lines[second] = EventLine(other.seq, one.body, one.hash)
    return head


def _move(lines: list[EventLine], head: ChainHead, chance: random.Random) -> ChainHead:
    place = chance.randrange(len(lines) - 1)
    lines.append(lines.pop(place))
    return head


def _truncate(lines: list[EventLine], head: ChainHead, chance: random.Random) -> ChainHead:
    del lines[chance.randrange(len(lines)) :]
    return head


def _rewrite(lines: list[EventLine], head: ChainHead, chance: random.Random) -> ChainHead:
    place = chance.randrange(len(lines))
    lines[place] = EventLine(lines[place].seq, '{"type":"forged"}', b"")
    _rehash(lines, place)
    return head


EDITS: dict[str, Callable[[list[EventLine], ChainHead, random.Random], ChainHead]] = {
    "flip": _flip,
    "flip hash": _flip_hash,
    "delete": _delete,
    "delete and renumber": _delete_renumbered,
    "insert and renumber": _insert,
    "insert a double": _insert_twice,
    "append": _append,
    "swap": _swap,
    "move to the end": _move,
    "truncate": _truncate,
    "rewrite to the end": _rewrite,
}


def _breaks(lines: list[EventLine], head: ChainHead | None) -> list[Break]:
    return list(walk_chain(0, head, iter(lines)))


def test_an_untouched_chain_has_no_break() -> None:
    """A chain as written verifies, an empty one too."""
    lines, head = _chain(0)
    assert _breaks(lines, head) == []
    assert _breaks([], ChainHead(0, first_hash(0))) == []


@pytest.mark.parametrize("edit", EDITS)
def test_every_one_of_many_random_edits_is_found(edit: str) -> None:
    """150 random edits of each kind on a copy of a chain: each one gives a break, and few."""
    chance = random.Random(edit)  # noqa: S311 - repeatable on purpose
    found = 0
    for _ in range(150):
        lines, head = _chain(0)
        head = EDITS[edit](lines, head, chance)
        breaks = _breaks(lines, head)
        found += bool(breaks)
        assert len(breaks) <= 6, (edit, breaks)
    assert found == 150


@pytest.mark.parametrize(
    ("edit", "kinds"),
    [
        ("flip", {"altered"}),
        ("delete", {"missing", "truncated"}),
        ("append", {"inserted"}),
        ("truncate", {"truncated"}),
        ("rewrite to the end", {"altered"}),
    ],
)
def test_the_usual_edits_are_called_by_their_names(edit: str, kinds: set[str]) -> None:
    """Flip, delete, append, truncate and rewrite are told apart."""
    chance = random.Random(7)  # noqa: S311 - repeatable on purpose
    for _ in range(50):
        lines, head = _chain(0)
        head = EDITS[edit](lines, head, chance)
        assert {found.kind for found in _breaks(lines, head)} <= kinds


def test_an_edit_is_found_where_it_is() -> None:
    """A flipped event is named by its number, and the rest of the chain is not suspected."""
    lines, head = _chain(0)
    lines[29] = EventLine(30, lines[29].body + " ", lines[29].hash)
    assert [(found.seq, found.kind) for found in _breaks(lines, head)] == [(30, "altered")]


def test_a_chain_put_in_place_of_another_is_found() -> None:
    """Each chain starts from a hash of its own."""
    lines, head = _chain(3)
    assert _breaks(lines, head)[0].seq == 1


def test_a_cut_with_a_matching_head_is_found_by_the_anchor_alone() -> None:
    """Whoever cuts the end and lowers the head is caught by what the signer saw, and so is a rewriter."""
    lines, head = _chain(0)
    shorter = lines[:40]
    assert _breaks(shorter, ChainHead(40, shorter[-1].hash)) == []
    anchored = (0, head.seq, head.hash)
    assert check_anchor(*anchored, None) == Break(
        0, 60, "truncated", "the signer saw 60 events, event 60 is gone"
    )
    rewritten = list(lines)
    rewritten[10] = EventLine(11, '{"type":"forged"}', b"")
    _rehash(rewritten, 10)
    assert _breaks(rewritten, ChainHead(60, rewritten[-1].hash)) == []
    found = check_anchor(*anchored, rewritten[-1].hash)
    assert found is not None
    assert found.kind == "rewritten"
    assert check_anchor(*anchored, head.hash) is None
