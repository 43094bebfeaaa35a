"""Publishing status: CRLs of every shard, and the OCSP answers signed ahead.

A revocation reaches OCSP with its own transaction; the CRL follows at the next publication (a job, each
minute), which signs only the shards where something happened or half of the life has passed.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max, Q
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
from dojang.pki import crl as pki_crl
from dojang.pki import lint
from dojang.pki.day import whole_second
from dojang.ports.signer_errors import CrlNumberError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from dojang.ca.authorities import Issuer
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

#: A revocation committed while a CRL was being made may carry an earlier moment: look back this far.
_OVERLAP = timedelta(seconds=120)
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
    """Sign and store the CRLs that are due; with `force`, all of them. Safe to run side by side."""
    made = []
    now = world.clock.now()
    rows = Authority.objects.filter(
        role__in=[Authority.Role.ROOT, Authority.Role.ISSUING], certificate__isnull=False, not_after__gte=now
    )
    for row in rows.order_by("id"):
        issuer = authorities.issuer_of(row)
        for shard in _shards(row, world=world):
            done = _publish_shard(issuer, shard, acting=acting, world=world, force=force)
            if done is not None:
                made.append(done)
    return tuple(made)


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
    rows = _entries_of(issuer.id, shard, last, now).order_by("id").values_list("serial", "at", "reason")
    counted = _Counted(
        pki_crl.CrlEntry(serial_number(serial), at, reason)
        for serial, at, reason in rows.iterator(chunk_size=5000)
    )
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
    signature = world.signer.sign_crl(issuer=issuer.label, tbs=tbs)
    return counted.count, pki_crl.assemble_crl(tbs, signature, issuer.algorithm)


class _Counted:
    """Counts entries as they stream by."""

    def __init__(self, entries: Iterator[pki_crl.CrlEntry]) -> None:
        self._entries = entries
        self.count = 0

    def __iter__(self) -> Iterator[pki_crl.CrlEntry]:
        for entry in self._entries:
            self.count += 1
            yield entry


def _clear_old(issuer: Issuer, shard: int) -> None:
    numbers = Crl.objects.filter(issuer_id=issuer.id, shard=shard).order_by("-number")
    kept = list(numbers.values_list("number", flat=True)[:_KEPT])
    Crl.objects.filter(issuer_id=issuer.id, shard=shard, number__lt=kept[-1]).delete()


def refresh_ocsp_answers(*, acting: Acting, world: World, limit: int = 100_000) -> int:
    """Sign ahead every answer that is missing or past half of its life; returns how many were written."""
    del acting  # nothing changes but the date of what is already recorded
    now = world.clock.now()
    horizon = now + timedelta(seconds=world.policy.status.ocsp_life / 2)
    written = 0
    while written < limit:
        due = list(
            OcspAnswer.objects.filter(next_update__lt=horizon)
            .order_by("next_update")
            .values_list("certificate_id", flat=True)[:_BATCH]
        )
        if not due:
            break
        rows = list(Certificate.objects.filter(pk__in=due).defer("der"))
        ends = _standing_revocations(due)
        answers: list[tuple[int, int, SignedAnswer]] = []
        over = [row for row in rows if row.not_after < now]
        answers.extend(
            (row.pk, row.status_seq, SignedAnswer(whole_second(now), NEVER, b"", b"")) for row in over
        )
        living = [row for row in rows if row.not_after >= now]
        wanted = [(row, status_of(row, ends.get(row.pk))) for row in living]
        for row, answer in zip(living, sign_answers(wanted, world=world), strict=True):
            if answer.by_sha1 or answer.next_update == NEVER:
                answers.append((row.pk, row.status_seq, answer))
        if not answers:
            break  # the signer cannot be asked: what is there stays until it can
        with transaction.atomic():
            put_answers(answers)
        written += len(answers)
    return written


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
