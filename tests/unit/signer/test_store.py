"""The store by itself: what is written stays, shares its commits, and tells when somebody was at it."""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dojang.pki.errors import DojangError
from dojang.ports.signer_errors import SerialUsedError, SignerError
from dojang.signer.store import JournalBrokenError, SignerStore, Stamp, Tx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = bytes(range(32))
ENTRIES = 40


def stamp() -> Stamp:
    """Return a moment."""
    return Stamp(at="2031-05-01T09:00:00.000000+00:00", trusted=True)


def open_store(path: Path) -> SignerStore:
    """Open a store and check its journal."""
    store = SignerStore(path, stamp)
    try:
        store.guard_head(KEY)
    except BaseException:
        store.close()
        raise
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SignerStore]:
    """Return an empty store."""
    opened = open_store(tmp_path / "keys.db")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a closed store's file with `ENTRIES` entries."""
    path = tmp_path_factory.mktemp("written") / "keys.db"
    store = open_store(path)
    for number in range(ENTRIES):
        store.commit(
            lambda tx, number=number: tx.record("sign_certificate", issuer="i", serial=f"{number:x}")
        )
    store.close()
    return path


def test_live_answers_become_one_entry_a_minute(tmp_path: Path) -> None:
    """However many answers are signed, a minute has one entry a responder; kills and stops lose none."""
    at = ["09:00:00"]
    path = tmp_path / "keys.db"

    def opened() -> SignerStore:
        store = SignerStore(path, lambda: Stamp(at=f"2031-05-01T{at[0]}.000000+00:00", trusted=True))
        store.guard_head(KEY)
        return store

    def sums(store: SignerStore) -> list[tuple[str, int]]:
        rows = store.read("SELECT json_extract(body, '$.since'), json_extract(body, '$.count') FROM journal")
        return [(since[11:19], count) for since, count in rows]

    store = opened()
    for _ in range(200):
        store.commit(lambda tx: tx.tally_ocsp("ocsp", b"d" * 32))
    assert sums(store) == []
    at[0] = "09:00:59"
    again = opened()  # as after a kill: nothing was closed
    again.commit(lambda tx: tx.tally_ocsp("ocsp", b"e" * 32))
    at[0] = "09:01:00"
    again.commit(lambda tx: tx.tally_ocsp("ocsp", b"f" * 32))
    assert sums(again) == [("09:00:00", 201)]
    again.commit(lambda tx: tx.tally_ocsp("other", b"f" * 32))
    again.close()
    last = opened()
    assert sums(last) == [("09:00:00", 201), ("09:01:00", 1), ("09:01:00", 1)]
    assert last.verify() == 3
    last.close()


def spoil(path: Path, *statements: str) -> None:
    """Change the file as somebody with write access could."""
    link = sqlite3.connect(path)
    link.executescript("DROP TRIGGER journal_keeps; DROP TRIGGER journal_stays;" + ";".join(statements))
    link.close()


@pytest.mark.parametrize("seq", [1, ENTRIES // 2, ENTRIES])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET body = replace(body, 'i', 'j') WHERE seq = {seq}",
        "UPDATE journal SET at = '2031-05-01T09:00:00.000001+00:00' WHERE seq = {seq}",
        "UPDATE journal SET verb = 'halt' WHERE seq = {seq}",
        "UPDATE journal SET hash = zeroblob(32) WHERE seq = {seq}",
        "DELETE FROM journal WHERE seq = {seq}",
        "DELETE FROM journal WHERE seq >= {seq}",
        "DELETE FROM journal WHERE seq <= {seq}",
    ],
)
def test_invariant_14_a_journal_somebody_was_at_is_not_opened(
    written: Path, tmp_path: Path, statement: str, seq: int
) -> None:
    """An entry changed, removed or cut off, at the beginning, in the middle or at the end, is noticed."""
    path = tmp_path / "keys.db"
    shutil.copy(written, path)
    spoil(path, statement.format(seq=seq))
    with pytest.raises(JournalBrokenError):
        open_store(path)


def test_invariant_14_two_entries_exchanged_are_noticed(written: Path, tmp_path: Path) -> None:
    """Order is part of the chain."""
    path = tmp_path / "keys.db"
    shutil.copy(written, path)
    spoil(
        path,
        "UPDATE journal SET seq = 1000 WHERE seq = 5",
        "UPDATE journal SET seq = 5 WHERE seq = 6",
        "UPDATE journal SET seq = 6 WHERE seq = 1000",
    )
    with pytest.raises(JournalBrokenError):
        open_store(path)


def test_invariant_14_an_entry_added_with_its_hash_is_noticed(written: Path, tmp_path: Path) -> None:
    """Chaining a further entry correctly does not help without the store's key."""
    path = tmp_path / "keys.db"
    shutil.copy(written, path)
    forger = SignerStore(path, stamp)
    forger._head_key = b"guessed"
    forger.commit(lambda tx: tx.record("resume", reason="forged"))
    forger.close()
    with pytest.raises(JournalBrokenError):
        open_store(path)


def test_random_edits_are_all_noticed(written: Path, tmp_path: Path) -> None:
    """Two hundred random changes of one character each are all found."""
    chance = random.Random()  # noqa: S311 - where to change, not a secret
    path = tmp_path / "keys.db"
    for _ in range(200):
        shutil.copy(written, path)
        seq, at = chance.randint(1, ENTRIES), chance.randint(1, 30)
        spoil(
            path,
            f"UPDATE journal SET body = substr(body, 1, {at} - 1) || '~' || substr(body, {at} + 1)"  # noqa: S608
            f" WHERE seq = {seq} AND json_valid(substr(body, 1, {at} - 1) || '~' || substr(body, {at} + 1))",
            f"UPDATE journal SET at = substr(at, 1, {at % 26}) || '~' || substr(at, {at % 26} + 2)"  # noqa: S608
            f" WHERE seq = {seq}",
        )
        with pytest.raises(JournalBrokenError):
            open_store(path)


@pytest.mark.parametrize(
    "statement", ["UPDATE journal SET verb = 'x'", "DELETE FROM journal", "DELETE FROM journal WHERE seq = 1"]
)
def test_the_store_itself_refuses_to_rewrite(store: SignerStore, statement: str) -> None:
    """Through an operation nothing of the journal can be changed, and the refusal changes nothing else."""
    store.commit(lambda tx: tx.record("halt", reason="x"))
    before = store.journal(0, 10)

    def rewrite(tx: Tx) -> None:
        tx.record("resume", reason="y")
        tx.run(statement)

    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        store.commit(rewrite)
    assert store.journal(0, 10) == before


def test_a_refused_operation_leaves_nothing_and_others_stay(store: SignerStore) -> None:
    """Of operations that share a transaction, the refused ones are undone alone."""

    def work(number: int) -> bool:
        def operation(tx: Tx) -> None:
            tx.record("sign_certificate", issuer="i", serial=f"{number:x}")
            if number % 3 == 0:
                raise SerialUsedError("on purpose")
            if number % 3 == 1:
                raise ZeroDivisionError

        try:
            store.commit(operation)
        except (DojangError, ZeroDivisionError):
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(work, range(300))) == 100
    assert store.verify() == store.entries == 100


def test_concurrent_operations_share_commits(store: SignerStore) -> None:
    """Operations that arrive while one transaction is being written are written together by the next."""
    store.commit(lambda tx: tx.record("halt", reason="first"))
    before = store.commits
    started, going = threading.Event(), threading.Event()

    def slow(tx: Tx) -> None:
        started.set()
        assert going.wait(10)
        tx.record("halt", reason="slow")

    with ThreadPoolExecutor(51) as threads:
        leader = threads.submit(store.commit, slow)
        assert started.wait(10)
        others = [
            threads.submit(store.commit, lambda tx, n=n: tx.record("anchor", heads={"0": str(n)}))
            for n in range(50)
        ]
        while len(store._queue) < 50:
            assert not any(other.done() for other in others)
        going.set()
        for future in (leader, *others):
            future.result()
    assert store.commits == before + 2
    assert store.verify() == 52


def test_a_full_disk_signs_nothing_and_heals(tmp_path: Path) -> None:
    """When nothing can be written every operation is refused; with room again the chain goes on whole."""
    store = open_store(tmp_path / "keys.db")
    store.commit(lambda tx: tx.record("halt", reason="x"))
    store._writer.execute("PRAGMA max_page_count = 1")  # SQLite's own way of running out of room
    before = store.entries
    refused = 0
    for _ in range(50):
        try:
            store.commit(lambda tx: tx.record("halt", reason="y" * 3000))
        except SignerError:
            refused += 1
    assert refused >= 45
    assert store.entries == before + 50 - refused
    store._writer.execute("PRAGMA max_page_count = 1000000")
    store.commit(lambda tx: tx.record("resume", reason="x"))
    assert store.verify() == store.entries == before + 51 - refused
    store.close()
    open_store(tmp_path / "keys.db").close()


@pytest.mark.parametrize("when", ["BEGIN IMMEDIATE", "COMMIT", "INSERT INTO journal"])
def test_a_failing_statement_is_never_taken_for_success(
    tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever statement fails, before or after taking effect, callers are told and the chain is whole."""
    store = open_store(tmp_path / "keys.db")
    store.commit(lambda tx: tx.record("halt", reason="x"))

    class Failing:
        """The store's connection, failing at one statement."""

        def __init__(self, inner: sqlite3.Connection, *, after: bool) -> None:
            self._inner, self._after = inner, after

        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
            if sql.startswith(when):
                if self._after:
                    self._inner.execute(sql, *parameters)  # type: ignore[arg-type]
                raise sqlite3.OperationalError("disk I/O error")
            return self._inner.execute(sql, *parameters)  # type: ignore[arg-type]

        @property
        def in_transaction(self) -> bool:
            return self._inner.in_transaction

    genuine = store._writer
    for after in (False, True):
        monkeypatch.setattr(store, "_writer", Failing(genuine, after=after))
        with pytest.raises(SignerError):
            store.commit(lambda tx: tx.record("halt", reason="y"))
        monkeypatch.setattr(store, "_writer", genuine)
        store.commit(lambda tx: tx.record("resume", reason="z"))
        assert store.verify() == store.entries
    store.close()
    open_store(tmp_path / "keys.db").close()


def test_a_clock_that_fails_fails_the_operation_only(tmp_path: Path) -> None:
    """A fault outside SQLite is told to the callers too; nobody waits for ever."""
    faults: list[Callable[[], Stamp]] = [stamp, stamp]

    def sometimes() -> Stamp:
        return faults.pop()()

    def broken() -> Stamp:
        raise RuntimeError

    store = SignerStore(tmp_path / "keys.db", sometimes)
    store.guard_head(KEY)
    store.commit(lambda tx: tx.record("halt", reason="x"))
    faults.append(broken)
    with pytest.raises(SignerError):
        store.commit(lambda tx: tx.record("halt", reason="x"))
    store.commit(lambda tx: tx.record("halt", reason="x"))
    assert store.verify() == 2
    store.close()
