"""Publishing status: CRLs of every shard, and the OCSP answers signed ahead.

A revocation reaches OCSP with its own transaction; the CRL follows at the next publication (a job, each
minute), which signs only the shards where something happened or half of the life has passed.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max, Q, Value
from django.db.models.functions import Greatest
from procrastinate.contrib.django import app as queue
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from dojang.audit.actions import record_event
from dojang.ca import authorities
from dojang.ca.actions.status import (
    GOOD,
    NEVER,
    SignedAnswer,
    Status,
    put_answers,
    sign_answers,
    unconfirmed,
)
from dojang.ca.models import Authority, Certificate, Crl, OcspAnswer, Revocation
from dojang.ca.serials import serial_number
from dojang.guard.locks import trying
from dojang.guard.rounds import Round
from dojang.pki import crl as pki_crl
from dojang.pki import lint
from dojang.pki.day import whole_second
from dojang.pki.errors import MalformedError
from dojang.ports.signer_errors import CrlNumberError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from dojang.ca.authorities import Issuer
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

#: A revocation committed while a CRL was being made may carry an earlier moment: look back this far.
_OVERLAP = timedelta(seconds=120)
#: No certificate of ours ended before; an earlier moment is a damaged row, and is listed with this one.
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_KEPT = 3  #: CRLs of a scope that stay in the database
_BATCH = 200  #: OCSP answers renewed in one transaction


@dataclass(frozen=True, slots=True)
class Published:
    """One CRL that was made."""

    authority: str
    shard: int
    number: int
    entries: int


def publish_soon() -> None:
    """Ask for a CRL, outside any transaction: one waiting job is enough, and the clock publishes anyway."""
    with contextlib.suppress(AlreadyEnqueued, ConnectorException):
        queue.configure_task("ca.publish_crls", queueing_lock="ca.publish_crls").defer()


def publish_crls(*, acting: Acting, world: World, force: bool = False) -> tuple[Published, ...]:
    """Sign and store the CRLs that are due; with `force`, all of them. Safe to run side by side.

    Each list by itself: one that cannot be made is put aside and tried again by every round.
    """
    now = world.clock.now()
    rows = Authority.objects.filter(
        role__in=[Authority.Role.ROOT, Authority.Role.ISSUING], certificate__isnull=False, not_after__gte=now
    )
    scopes = Round[list["_Scope"]]("ca.publish_crls.authorities", world.clock.now(), world.signer).each(
        rows.order_by("id").values_list("id", flat=True), lambda number: _scopes_of(number, world=world)
    )
    made = Round[Published | None]("ca.publish_crls.lists", world.clock.now(), world.signer).each(
        [scope for of_one in scopes for scope in of_one],
        lambda scope: _publish_shard(scope.issuer, scope.shard, acting=acting, world=world, force=force),
    )
    return tuple(done for done in made if done is not None)


@dataclass(frozen=True, slots=True)
class _Scope:
    """One list of one authority."""

    issuer: Issuer
    shard: int

    def __str__(self) -> str:
        return f"{self.issuer.label}/{self.shard}"


def _scopes_of(authority_id: int, *, world: World) -> list[_Scope]:
    row = Authority.objects.get(pk=authority_id)
    return [_Scope(authorities.issuer_of(row), shard) for shard in _shards(row, world=world)]


def _shards(row: Authority, *, world: World) -> range:
    """List an authority's shards: those of the policy, and those certificates were issued into before."""
    if row.role == Authority.Role.ROOT:
        return range(1)
    top = Certificate.objects.filter(issuer=row).aggregate(top=Max("shard"))["top"]
    return range(max(world.policy.status.crl_shards, 0 if top is None else top + 1))


def _publish_shard(
    issuer: Issuer, shard: int, *, acting: Acting, world: World, force: bool
) -> Published | None:
    with trying("crl", f"{issuer.label}/{shard}") as alone:
        if not alone:
            return None  # somebody else is publishing this very shard
        last = Crl.objects.filter(issuer_id=issuer.id, shard=shard).order_by("-number").defer("der").first()
        now = whole_second(world.clock.now())
        if not force and last is not None and not _due(last, now, world=world):
            return None
        # 1. number: rises, also after an old backup was restored, because time does
        number = max(0 if last is None else last.number + 1, int(now.timestamp() * 1000))
        # 2. build and sign (outside any transaction); the signer refuses a number it has seen
        try:
            entries, der = _sign_crl(issuer, shard, number, last, now, world=world)
        except CrlNumberError as error:
            number = int(error.data["last"]) + 1
            entries, der = _sign_crl(issuer, shard, number, last, now, world=world)
        # 3. lint, store
        lint.require_clean(lint.lint_crl(der))
        with transaction.atomic():
            Crl.objects.create(
                issuer_id=issuer.id,
                shard=shard,
                number=number,
                this_update=now,
                next_update=now + timedelta(seconds=world.policy.status.crl_life),
                entries=entries,
                der=der,
            )
            _clear_old(issuer, shard)
            record_event(
                "crl:published",
                acting=acting,
                subject=f"{issuer.label}/{shard}",
                at=world.clock.now(),
                number=number,
                entries=entries,
            )
    return Published(issuer.label, shard, number, entries)


def _due(last: Crl, now: datetime, *, world: World) -> bool:
    if now >= last.this_update + timedelta(seconds=world.policy.status.crl_life / 2):
        return True
    since = last.this_update - _OVERLAP
    fresh = Q(at__gte=since) | Q(lifted_at__gte=since)
    return Revocation.objects.filter(fresh, issuer_id=last.issuer_id, shard=last.shard).exists()


def _entries_of(issuer_id: int, shard: int, last: Crl | None, now: datetime) -> QuerySet[Revocation]:
    """Revocations that belong on the next CRL.

    A certificate that has expired is listed once more after its end, then leaves (RFC 5280 §3.3): it stays
    while the last CRL was made before it ended.
    """
    rows = Revocation.objects.filter(issuer_id=issuer_id, shard=shard, lifted_at__isnull=True, at__lte=now)
    if last is not None:
        rows = rows.filter(Q(not_after__gte=last.this_update) | Q(at__gte=last.this_update))
    return rows


def _sign_crl(
    issuer: Issuer, shard: int, number: int, last: Crl | None, now: datetime, *, world: World
) -> tuple[int, bytes]:
    rows = _entries_of(issuer.id, shard, last, now).annotate(since=Greatest("at", Value(_EARLIEST)))
    told = rows.order_by("id").values_list("id", "serial", "since", "reason").iterator(chunk_size=5000)
    counted = _Counted(told, Round("ca.publish_crls.entries", world.clock.now(), world.signer))
    tbs = pki_crl.build_tbs_crl(
        issuer_certificate=issuer.certificate,
        algorithm=issuer.algorithm,
        number=number,
        this_update=now,
        next_update=now + timedelta(seconds=world.policy.status.crl_life),
        entries=counted,
        # A root's list is whole; only a shard has to say which part it is (RFC 5280 §5.2.5).
        idp_url=None
        if issuer.role == Authority.Role.ROOT
        else authorities.crl_url(world.policy, issuer.label, shard),
    )
    counted.tell()
    signature = world.signer.sign_crl(issuer=issuer.label, tbs=tbs)
    return counted.count, pki_crl.assemble_crl(tbs, signature, issuer.algorithm)


class _Counted:
    """Makes a list's entries as its rows stream by, and counts them.

    One damaged row must not stop a list for ever. Whatever else is wrong with it, a serial that can be read
    is listed; a row without one names no certificate anybody could hold, and is put aside.
    """

    def __init__(self, rows: Iterator[tuple[int, str, datetime, str]], tended: Round[None]) -> None:
        self._rows = rows
        self._round = tended
        self._damaged: list[tuple[int, str]] = []
        self._mended: list[str] = []
        self.count = 0

    def __iter__(self) -> Iterator[pki_crl.CrlEntry]:
        reasons, noted = pki_crl.REASONS, self._round.noted
        for number, serial, at, reason in self._rows:
            try:
                named = serial_number(serial)
            except MalformedError:
                self._damaged.append((number, "serial"))
                continue
            if reason not in reasons:
                self._damaged.append((number, "reason"))
            elif noted and str(number) in noted:
                self._mended.append(str(number))
            self.count += 1
            yield pki_crl.CrlEntry(named, at, reason if reason in reasons else "unspecified")

    def tell(self) -> None:
        """Put aside what was met, once nothing streams any more."""
        for number, what in self._damaged[:_BATCH]:
            self._round.set_aside(str(number), f"damaged_{what}")
        for row in self._mended:
            self._round.settle(row)


def _clear_old(issuer: Issuer, shard: int) -> None:
    numbers = Crl.objects.filter(issuer_id=issuer.id, shard=shard).order_by("-number")
    kept = list(numbers.values_list("number", flat=True)[:_KEPT])
    Crl.objects.filter(issuer_id=issuer.id, shard=shard, number__lt=kept[-1]).delete()


def refresh_ocsp_answers(*, acting: Acting, world: World, limit: int = 100_000) -> int:
    """Sign ahead every answer that is missing or past half of its life; returns how many were written.

    A page at a time, and a page that fails row by row: what cannot be signed is put aside.
    """
    del acting  # nothing changes but the date of what is already recorded
    now = world.clock.now()
    horizon = now + timedelta(seconds=world.policy.status.ocsp_life / 2)
    tended = Round[int]("ca.refresh_ocsp_answers", world.clock.now(), world.signer)
    due = OcspAnswer.objects.filter(next_update__lt=horizon).exclude(certificate_id__in=tended.resting())
    waiting = list(due.order_by("next_update").values_list("certificate_id", flat=True)[:limit])
    written = 0
    for begin in range(0, len(waiting), _BATCH):
        page = waiting[begin : begin + _BATCH]
        try:
            written += _refresh(page, now, world=world)
        except Exception:  # noqa: BLE001 - one of them, or all: each by itself tells
            written += sum(tended.each(page, lambda number: _refresh([number], now, world=world)))
    return written


def _refresh(certificate_ids: list[int], now: datetime, *, world: World) -> int:
    """Sign the answers of these certificates; returns how many were written.

    None where the signer cannot be asked: what is there stays until it can.
    """
    rows = list(Certificate.objects.filter(pk__in=certificate_ids).defer("der"))
    ends = _standing_revocations(certificate_ids)
    answers: list[tuple[int, int, SignedAnswer]] = []
    over = [row for row in rows if row.not_after < now]
    answers.extend((row.pk, row.status_seq, SignedAnswer(whole_second(now), NEVER, b"", b"")) for row in over)
    living = [row for row in rows if row.not_after >= now]
    wanted = [(row, status_of(row, ends.get(row.pk))) for row in living]
    for row, answer in zip(living, sign_answers(wanted, world=world), strict=True):
        if answer.by_sha1 or answer.next_update == NEVER:
            answers.append((row.pk, row.status_seq, answer))
    with transaction.atomic():
        put_answers(answers)
    return len(answers)


def _standing_revocations(certificate_ids: list[int]) -> dict[int, Revocation]:
    rows = Revocation.objects.filter(certificate_id__in=certificate_ids, lifted_at__isnull=True)
    return {row.certificate_id: row for row in rows}


def status_of(row: Certificate, standing: Revocation | None) -> Status:
    """Tell what OCSP says of a certificate, given its standing revocation."""
    if standing is not None:
        return Status("revoked", whole_second(standing.at), standing.reason)
    if row.state == Certificate.State.ACTIVE:
        return GOOD
    return unconfirmed(row)
