"""From issued to active, and from active to revoked. State only goes forward; the database keeps that too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from dojang.audit.actions import draft_event, record_events
from dojang.ca.actions.issuing import Made, ask_to_close, ask_to_insert, issued_event, require_closed
from dojang.ca.actions.status import (
    GOOD,
    SignedAnswer,
    Status,
    put_answers,
    sign_answer,
    sign_answers,
)
from dojang.ca.apart import apart, sure
from dojang.ca.errors import (
    CertificateNotFoundError,
    CertificateRevokedError,
    OrderBusyError,
    ReasonUnknownError,
)
from dojang.ca.models import Certificate, Revocation
from dojang.ca.orders import holding, holding_order
from dojang.guard import locks
from dojang.guard.statements import columns_of, pipelined, row_of
from dojang.pki.crl import REASONS
from dojang.pki.day import whole_second
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from dojang.audit.actions import Draft
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

    Pair = tuple[Certificate, Certificate | None]
    Within = Callable[[Certificate, Certificate | None], None]
    WithinAll = Callable[[Sequence[Pair]], Iterable[Draft]]

#: Reasons that end a certificate. A hold is another state; ``removeFromCRL`` is for delta CRLs.
FINAL_REASONS = frozenset(REASONS) - {"certificateHold", "removeFromCRL"}
_TRIES = 5  #: rounds of signing answers ahead, when a revocation gets in between


class _MovedError(Exception):
    """The certificate in force changed while answers were being signed: look again."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A certificate that is to become the active one, and who acts on it."""

    made: Made
    acting: Acting

    @property
    def lock(self) -> tuple[str, str]:
        """Name of the lock on what the holder has of the product."""
        return "holder", f"{self.made.row.customer_id}/{self.made.row.product}"


@dataclass(slots=True)
class _Turn:
    """An activation with what it takes the place of, and the answers signed for both."""

    wanted: Activation
    seen: dict[int, tuple[str, int]]  #: state and number of state of what is in force, by id
    old: Certificate | None
    at: datetime
    seq: int  #: number of the new one's state as it was looked at
    answer: SignedAnswer = field(init=False)
    old_answer: SignedAnswer | None = None

    @property
    def row(self) -> Certificate:
        return self.wanted.made.row

    @property
    def reason(self) -> str:
        return self.wanted.made.intent.replaces or "superseded"


def activate_certificate(
    certificate_id: int, *, acting: Acting, world: World, within: Within | None = None
) -> Certificate:
    """Make an issued certificate the active one and revoke the one it takes the place of (step 5).

    One transaction holds everything: both states, both OCSP answers, `within(new, old or None)` (the
    caller's own changes: wallet, notices) and the audit events. A repeat returns the certificate and does
    not call `within` again. Raises `CertificateNotFoundError`, `CertificateRevokedError`.
    """
    row = _fetch(certificate_id)
    wanted = Activation(Made(row.intent, row, "", is_stored=True), acting)

    def changes(pairs: Sequence[Pair]) -> list[Draft]:
        for new, old in pairs:
            if within is not None:
                within(new, old)
        return []

    with holding_order(row.intent.order_key):
        (outcome,) = activate_certificates([wanted], world=world, within=changes)
    return sure(outcome)


def activate_certificates(
    wanted: Sequence[Activation], *, world: World, within: WithinAll | None = None
) -> list[Certificate | Exception]:
    """Do step 5 for many certificates, stored or only made, whose orders' locks the caller holds.

    One transaction for all that can be done together: what was only made is stored (step 4) and active with
    the same commit. `within([(new, old or None), …])` makes the caller's own changes in it and returns the
    events about them. For each, in order, the certificate or what `activate_certificate` would have raised;
    one that fails takes nobody with it.
    """
    outcomes: dict[int, Certificate | Exception] = {}
    with locks.trying_each([one.lock for one in wanted]) as free:
        taken = set()
        together = []
        for one, is_free in zip(wanted, free, strict=True):
            if is_free and one.lock not in taken:  # one of a holder and product at a time
                taken.add(one.lock)
                together.append(one)
        outcomes.update(_activate_all(together, world=world, within=within))
    for one in wanted:
        if id(one) not in outcomes:
            # Somebody is at what this holder has: wait for them, with nobody else waiting along.
            try:
                with holding(*one.lock):
                    outcomes.update(_activate_all([one], world=world, within=within))
            except DojangError as error:
                outcomes[id(one)] = error
    return [outcomes[id(one)] for one in wanted]


def _activate_all(
    wanted: Sequence[Activation], *, world: World, within: WithinAll | None
) -> dict[int, Certificate | Exception]:
    """Activate what the caller holds the holders' locks for; they keep others from changing what is told.

    No row is locked while the answers are signed: what changed until then is looked at again.
    """
    outcomes: dict[int, Certificate | Exception] = {}
    waiting = list(wanted)
    for _ in range(_TRIES):
        turns = []
        for turn in _look(waiting, world=world):
            # Its state may be older than the locks: the transaction looks again at the locked row.
            decided = _decided(turn)
            if decided is None:
                turns.append(turn)
            else:
                outcomes[id(turn.wanted)] = decided
        done = _round(turns, world=world, within=within)
        waiting = [turn.wanted for turn, outcome in zip(turns, done, strict=True) if _is_passing(outcome)]
        outcomes.update((id(turn.wanted), outcome) for turn, outcome in zip(turns, done, strict=True))
        if not waiting:
            break
    for one in waiting:
        key = one.made.intent.order_key
        outcomes[id(one)] = OrderBusyError("the holder's certificate kept changing", order=key)
    return outcomes


def _decided(turn: _Turn) -> Certificate | Exception | None:
    """Return how a turn ends that needs nothing more: active already, or revoked."""
    if turn.row.state == Certificate.State.ACTIVE and turn.wanted.made.is_stored:
        return turn.row
    if turn.row.state == Certificate.State.REVOKED:
        return CertificateRevokedError(serial=turn.row.serial)
    return None


def _round(
    turns: Sequence[_Turn], *, world: World, within: WithinAll | None
) -> list[Certificate | Exception]:
    """Sign what is told of all turns and conclude them; what became of each, in order."""
    # Signed ahead of the transaction, in one call, so that no row is locked while the signer is asked.
    signed = apart(turns, lambda part: _sign(part, world=world))
    ready = [one for one in signed if isinstance(one, _Turn)]
    done = iter(apart(ready, lambda part: _conclude(part, world=world, within=within)))
    return [next(done) if isinstance(one, _Turn) else one for one in signed]


def _is_passing(outcome: Certificate | Exception) -> bool:
    """Tell whether to look again: something changed while answers were being signed, or a deadlock."""
    if isinstance(outcome, OperationalError):
        return isinstance(outcome.__cause__, DeadlockDetected | SerializationFailure)
    return isinstance(outcome, _MovedError)


_ROWS: Final = f"SELECT {columns_of(Certificate, 'c')} FROM ca_certificate c"  # noqa: S608 - our own columns
_NEW_IDS: Final = (
    "SELECT nextval(pg_get_serial_sequence('ca_certificate', 'id')) FROM generate_series(1, %s::int)"
)
#: What holders have of products that is active, or on hold.
_IN_FORCE: Final = """
    JOIN unnest(%b::text[], %b::text[]) AS w (customer_id, product)
        ON c.customer_id = w.customer_id AND c.product = w.product
    WHERE c.state IN ('active', 'held') ORDER BY c.id
"""


def _look(wanted: Sequence[Activation], *, world: World) -> list[_Turn]:
    """Read rows that are stored anew, and find what each takes the place of."""
    stored = [one.made.row.pk for one in wanted if one.made.is_stored]
    with connection.cursor() as own, connection.cursor() as others:
        with pipelined():
            own.execute(f"{_ROWS} WHERE c.id = ANY(%s::bigint[])", [stored])
            others.execute(f"{_ROWS} {_IN_FORCE}", _holders(one.made.row for one in wanted))
        present = {row.pk: row for row in (row_of(Certificate, values) for values in own.fetchall())}
        in_force = [row_of(Certificate, values) for values in others.fetchall()]
    turns = []
    for one in wanted:
        made = one.made
        if made.is_stored:
            found = present.get(made.row.pk)
            if found is None:
                raise CertificateNotFoundError
            found.intent, made.row = made.intent, found  # an intent's order and reason never change
        else:
            made.row.pk, made.row.state, made.row.status_seq = None, Certificate.State.ISSUED, 1
        standing = [row for row in in_force if _replaces(made.row, row)]
        old = standing[0] if standing else None
        seen = {row.pk: (str(row.state), row.status_seq) for row in standing}
        turns.append(_Turn(one, seen, old, _moment(old or made.row, world=world), made.row.status_seq))
    return turns


def _holders(rows: Iterable[Certificate]) -> list[list[str]]:
    pairs = [(row.customer_id, row.product) for row in rows]
    return [[customer for customer, _ in pairs], [product for _, product in pairs]]


def _replaces(new: Certificate, other: Certificate) -> bool:
    """Tell whether a certificate in force is the holder's other one of the product."""
    same = (new.customer_id, new.product) == (other.customer_id, other.product)
    return same and new.pk != other.pk


def _sign(turns: Sequence[_Turn], *, world: World) -> Sequence[_Turn]:
    """Sign what OCSP will say of each new certificate, and of each that ends with it."""
    wanted = [(turn.row, GOOD) for turn in turns]
    ending = [turn for turn in turns if turn.old is not None]
    wanted += [(turn.old, Status("revoked", turn.at, turn.reason)) for turn in ending if turn.old is not None]
    answers = sign_answers(wanted, world=world)
    for turn, answer in zip(turns, answers, strict=False):
        turn.answer = answer
    for turn, answer in zip(ending, answers[len(turns) :], strict=True):
        turn.old_answer = answer
    return turns


def _conclude(turns: Sequence[_Turn], *, world: World, within: WithinAll | None) -> list[Certificate]:
    """Do step 5 in one transaction, on what the answers were signed for."""
    now = world.clock.now()
    with transaction.atomic():
        # 5a. what the answers were signed for is still so
        _lock(turns)
        pairs = [(turn.row, turn.old) for turn in turns]
        # 5b. what is told of it, old and new, in one go; the old one ends first, because the database allows
        # one active certificate, not two for a moment
        _write(turns, now)
        # 5c. the caller's own changes, in the same transaction
        drafts = [] if within is None else list(within(pairs))
        # 5d. audit, last: its lock is held until the commit
        record_events([draft for turn in turns for draft in _events(turn, now)] + drafts)
    for turn in turns:
        turn.wanted.made.is_stored = True
    return [turn.row for turn in turns]


_LOCK_OWN: Final = (
    "SELECT c.id, c.state FROM ca_certificate c WHERE c.id = ANY(%s::bigint[]) ORDER BY c.id FOR UPDATE"
)
_LOCK_OTHERS: Final = f"SELECT c.id, c.state, c.status_seq FROM ca_certificate c {_IN_FORCE} FOR UPDATE OF c"  # noqa: S608 - ours


def _lock(turns: Sequence[_Turn]) -> None:
    """Lock every row of the turns, and give ids to new ones. `_MovedError` unless all are as looked at."""
    stored = [turn.row.pk for turn in turns if turn.wanted.made.is_stored]
    fresh = [turn.row for turn in turns if not turn.wanted.made.is_stored]
    with connection.cursor() as own, connection.cursor() as others, connection.cursor() as ids:
        with pipelined():
            ids.execute(_NEW_IDS, [len(fresh)])
            own.execute(_LOCK_OWN, [stored])
            others.execute(_LOCK_OTHERS, _holders(turn.row for turn in turns))
        for row, (new_id,) in zip(fresh, ids.fetchall(), strict=True):
            row.pk = new_id
        states = {state for _, state in own.fetchall()}
        present = {pk: (state, seq) for pk, state, seq in others.fetchall()}
    if states - {Certificate.State.ISSUED} or present != {
        pk: facts for turn in turns for pk, facts in turn.seen.items()
    }:
        raise _MovedError


_LIFT: Final = """
    UPDATE ca_revocation r SET lifted_at = w.at FROM unnest(%b::bigint[], %b::timestamptz[]) AS w (id, at)
    WHERE r.certificate_id = w.id AND r.lifted_at IS NULL
"""
_END: Final = """
    UPDATE ca_certificate c SET state = 'revoked', status_seq = c.status_seq + 1, successor_id = w.successor
    FROM unnest(%b::bigint[], %b::bigint[]) AS w (id, successor) WHERE c.id = w.id
"""
_REVOKE: Final = """
    INSERT INTO ca_revocation (certificate_id, issuer_id, serial, shard, reason, at, not_after, "by")
    SELECT c.id, c.issuer_id, c.serial, c.shard, w.reason, w.at, c.not_after, w.who
    FROM unnest(%b::bigint[], %b::text[], %b::timestamptz[], %b::text[]) AS w (id, reason, at, who)
    JOIN ca_certificate c ON c.id = w.id
"""
_BEGIN: Final = """
    UPDATE ca_certificate SET state = 'active', activated_at = %s, status_seq = status_seq + 1
    WHERE id = ANY(%s::bigint[])
"""


def _write(turns: Sequence[_Turn], now: datetime) -> None:
    """Write both states and both answers of every turn; the rows here say afterwards what those say there."""
    ending = [(turn, turn.old) for turn in turns if turn.old is not None]
    fresh = [turn for turn in turns if not turn.wanted.made.is_stored]
    stored = [turn for turn in turns if turn.wanted.made.is_stored]
    for turn in turns:
        turn.row.state, turn.row.activated_at = Certificate.State.ACTIVE, now
        turn.row.status_seq = turn.seq + 1
    answers = [(turn.row.pk, turn.row.status_seq, turn.answer) for turn in turns]
    for turn, old in ending:
        old.state, old.successor_id = Certificate.State.REVOKED, turn.row.pk
        old.status_seq = turn.seen[old.pk][1] + 1
        if turn.old_answer is not None:
            answers.append((old.pk, old.status_seq, turn.old_answer))
    intents = [turn.wanted.made.intent for turn in fresh]
    with connection.cursor() as closed, connection.cursor() as cursor:
        with pipelined():
            if ending:
                ids = [old.pk for _, old in ending]
                cursor.execute(_LIFT, [ids, [turn.at for turn, _ in ending]])
                cursor.execute(_END, [ids, [turn.row.pk for turn, _ in ending]])
                reasons, moments = [turn.reason for turn, _ in ending], [turn.at for turn, _ in ending]
                who = [turn.wanted.acting.kind for turn, _ in ending]
                cursor.execute(_REVOKE, [ids, reasons, moments, who])
            if fresh:
                ask_to_close(closed, intents, now)
                ask_to_insert(cursor, [turn.row for turn in fresh])
            if stored:
                cursor.execute(_BEGIN, [now, [turn.row.pk for turn in stored]])
            put_answers(answers)
        if fresh:
            require_closed(closed, intents)


def _events(turn: _Turn, now: datetime) -> Iterator[Draft]:
    """Draft what the trail says of one turn."""
    made, acting, row, old = turn.wanted.made, turn.wanted.acting, turn.row, turn.old
    if not made.is_stored:
        yield issued_event(row, made.intent, made.issuer_label, acting=acting, at=now)
    if old is not None:
        yield _revoked_event(old, turn.reason, turn.at, acting=acting, successor=row.serial)
    yield draft_event(
        "certificate:activated",
        acting=acting,
        subject=row.serial,
        at=now,
        order=made.intent.order_key,
        customer=row.customer_id,
        product=row.product,
        replaced=None if old is None else old.serial,
    )


def revoke_certificate(certificate_id: int, reason: str, *, acting: Acting, world: World) -> Certificate:
    """End a certificate. OCSP shows it with the commit, the next CRL lists it. A repeat changes nothing.

    `reason` as in RFC 5280 §5.3.1 (``keyCompromise`` …). Raises `ReasonUnknownError`,
    `CertificateNotFoundError`. Works without the signer: the answer signed ahead is then withdrawn.
    """
    if reason not in FINAL_REASONS:
        raise ReasonUnknownError(reason=reason)
    row = _fetch(certificate_id)
    if row.state == Certificate.State.REVOKED:
        return row
    at = _moment(row, world=world)
    answer = sign_answer(row, Status("revoked", at, reason), world=world)
    with transaction.atomic():
        row = Certificate.objects.select_for_update().get(pk=certificate_id)
        if row.state == Certificate.State.REVOKED:
            return row
        _end(row, reason, at, acting=acting)
        put_answers([(row.pk, row.status_seq, answer)])
        record_events([_revoked_event(row, reason, at, acting=acting)])
    return row


def _moment(row: Certificate, *, world: World) -> datetime:
    """Choose the moment a certificate ends: now, and never before it began."""
    return max(whole_second(world.clock.now()), row.not_before)


def _end(row: Certificate, reason: str, at: datetime, *, acting: Acting) -> None:
    """Write the end of a locked certificate; a hold on it gives way."""
    Revocation.objects.filter(certificate=row, lifted_at__isnull=True).update(lifted_at=at)
    row.state = Certificate.State.REVOKED
    row.status_seq += 1
    row.save(update_fields=["state", "status_seq"])
    Revocation.objects.create(
        certificate=row,
        issuer_id=row.issuer_id,
        serial=row.serial,
        shard=row.shard,
        reason=reason,
        at=at,
        not_after=row.not_after,
        by=acting.kind,
    )


def _revoked_event(
    row: Certificate, reason: str, at: datetime, *, acting: Acting, successor: str | None = None
) -> Draft:
    return draft_event(
        "certificate:revoked",
        acting=acting,
        subject=row.serial,
        at=at,
        customer=row.customer_id,
        product=row.product,
        reason=reason,
        successor=successor,
    )


def _fetch(certificate_id: int) -> Certificate:
    row = Certificate.objects.select_related("intent").filter(pk=certificate_id).first()
    if row is None:
        raise CertificateNotFoundError
    return row
