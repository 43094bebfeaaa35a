"""Rounds: what a periodic job does row by row, so that no row can stop the others.

A row that cannot be handled (damaged, foreign, or refused by the database) is noted as a `SetAside`, told to
the log and left alone for a growing while; the others go on. People see it in `dojang rounds`, `/readyz`
and `dojang doctor`. It is tried again by itself: whatever is mended heals without a hand.

Two kinds of failure are not the row's: the database or the signer is away. They end the round, which the
next one repeats. That a signer is away is asked of it, not believed: a row may be what silences it.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q

from dojang.guard.models import SetAside
from dojang.pki.errors import DojangError
from dojang.ports.errors import PortError
from dojang.ports.signer_errors import SignerBusyError, SignerError, SignerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from django.db.models import Model, QuerySet

    from dojang.ports.signer import Signer
    from dojang.ports.world import World

log = logging.getLogger(__name__)

Row = TypeVar("Row")
Result = TypeVar("Result")

#: The first pause of a row that was set aside; each further one is twice as long, up to the longest.
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
#: What the outside refuses for a while keeps its turn this often; then it counts as the row's own fault.
PATIENCE: Final = 10
#: A row nobody met again for so long is no longer there.
KEPT_FOR: Final = timedelta(days=3)
_MOST: Final = 10_000  #: rows of one round that are noted; the log tells of more
_PAGE: Final = 1_000
_PASSING: Final = (PortError, SignerError)


class Round(Generic[Result]):
    """One pass over the rows of a periodic job; `name` is the job's, and a part's behind it."""

    def __init__(self, name: str, now: datetime, signer: Signer | None = None) -> None:
        self.name = name
        self.failed = 0  #: rows that could not be handled in this pass
        self._now, self._signer = now, signer
        self._known = {row.row: row for row in SetAside.objects.filter(round=name)[:_MOST]}

    def resting(self) -> list[str]:
        """Return the rows that are not to be taken now: what is asked for leaves them out."""
        return [name for name, row in self._known.items() if row.until > self._now]

    def each(self, rows: Iterable[Row], work: Callable[[Row], Result]) -> list[Result]:
        """Do the work for every row (its id, or what is written as it); return what came of those done.

        Inside a transaction of the caller's, each is a savepoint. Raises what is nobody's fault here: the
        database away, the signer away.
        """
        done = []
        for row in rows:
            try:
                if connection.in_atomic_block:
                    with transaction.atomic():
                        result = work(row)
                else:
                    result = work(row)
            except Exception as error:
                if self._is_everybodys(error):
                    raise
                self.set_aside(str(row), error)
            else:
                self.settle(str(row))
                done.append(result)
        return done

    def set_aside(self, row: str, error: BaseException | str) -> None:
        """Note a row that could not be handled, with the kind of the error and never its words."""
        self.failed += 1
        why = error if isinstance(error, str) else _kind(error)
        log.error("a row is put aside", extra={"round": self.name, "row": row[:64], "error": why})
        known = self._known.get(row[:64])
        if known is None:
            if len(self._known) >= _MOST:
                return
            known = SetAside(round=self.name, row=row[:64], since=self._now, times=0)
            self._known[known.row] = known
        known.times += 1
        known.why, known.seen_at = why, self._now
        beyond = known.times - (PATIENCE if isinstance(error, _PASSING) else 0)
        known.until = self._now + _pause(beyond)
        told = {"times": known.times, "why": why, "seen_at": self._now, "until": known.until}
        SetAside.objects.update_or_create(
            round=self.name, row=known.row, defaults=told, create_defaults={**told, "since": self._now}
        )

    @property
    def noted(self) -> frozenset[str]:
        """Rows that were put aside before, whether they rest or not."""
        return frozenset(self._known)

    def settle(self, row: str) -> None:
        """Forget that a row was put aside: it could be handled."""
        if self._known.pop(row[:64], None) is not None:
            SetAside.objects.filter(round=self.name, row=row[:64]).delete()

    def _is_everybodys(self, error: BaseException) -> bool:
        """Tell whether a failure is of the whole round: what everybody needs is away."""
        if isinstance(error, (OperationalError, InterfaceError)):
            return not connection.is_usable()
        if self._signer is not None and isinstance(error, (SignerUnavailableError, SignerBusyError)):
            try:
                self._signer.keys()
            except SignerError:
                return True
        return False


def _kind(error: BaseException) -> str:
    """Name what went wrong without a word of its data: a stable code, or the error's class."""
    return error.code if isinstance(error, DojangError) else type(error).__name__


def _pause(times: int) -> timedelta:
    if times <= 0:
        return timedelta(0)
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(times - 1, 10)))


def tend(
    name: str,
    parts: Mapping[str, Callable[[], Any]],
    *,
    world: World,
    passing: tuple[type[Exception], ...] = (),
) -> dict[str, Any]:
    """Do a periodic job's parts, each by itself: one that fails is noted and keeps no other from its turn.

    Returns what came of each that succeeded. Raises the first failure, except what is `passing` anyway, once
    all had their turn: the queue then repeats the job.
    """
    failures: list[Exception] = []
    results: dict[str, Any] = {}
    tended = Round[None](name, world.clock.now(), world.signer)

    def work(part: str) -> None:
        try:
            results[part] = parts[part]()
        except Exception as error:
            failures.append(error)
            raise

    for part in parts:
        try:
            tended.each([part], work)
        except (SignerError, DatabaseError) as error:
            log.warning("a part of a round waits", extra={"round": name, "row": part, "error": _kind(error)})
    for failure in failures:
        if not isinstance(failure, passing):
            raise failure
    return results


def delete_each(name: str, rows: QuerySet[Any, Any], *, now: datetime, limit: int = 10_000) -> int:
    """Delete rows, together where the database lets us, else one by one; return how many are gone."""
    tended = Round[int](name, now)
    model: type[Model] = rows.model
    waiting = list(rows.exclude(pk__in=tended.resting()).order_by("pk").values_list("pk", flat=True)[:limit])
    gone = 0
    for begin in range(0, len(waiting), _PAGE):
        page = waiting[begin : begin + _PAGE]
        try:
            with transaction.atomic():
                gone += model._default_manager.filter(pk__in=page).delete()[0]  # noqa: SLF001 - Django's name for it
        except DatabaseError:
            gone += sum(
                tended.each(page, lambda pk: model._default_manager.filter(pk=pk).delete()[0])  # noqa: SLF001
            )
    return gone


def set_aside_rows(*, limit: int = 1_000) -> list[SetAside]:
    """Return what is put aside, the longest first."""
    return list(SetAside.objects.order_by("since", "id")[:limit])


def count_set_aside() -> int:
    """Count the rows that are put aside. What the outside only refuses for a while is not among them."""
    return SetAside.objects.filter(until__gt=F("seen_at")).count()


def take_up_again(*, round_name: str = "", row: str = "", now: datetime) -> int:
    """Let rows that were put aside have their turn in the next round; return how many."""
    chosen = SetAside.objects.filter(until__gt=now)
    if round_name:
        chosen = chosen.filter(Q(round=round_name) | Q(round__startswith=f"{round_name}."))
    if row:
        chosen = chosen.filter(row=row)
    return chosen.update(until=now)


def forget_set_aside(*, now: datetime) -> int:
    """Delete notes of rows nobody has met for days: they were mended by hand, or are gone."""
    return SetAside.objects.filter(seen_at__lt=now - KEPT_FOR).delete()[0]
