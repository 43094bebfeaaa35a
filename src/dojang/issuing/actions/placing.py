"""The door: whoever wants a certificate places an order here, a journey as well as anybody without one.

An order is placed inside the caller's transaction, with whatever else the caller concludes in it. What it
rests on is checked and spent there; from then on `carry_out` finishes it or fails it, whoever calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from dojang.audit.actions import record_event
from dojang.ca.errors import OrderConflictError
from dojang.ca.queries import standings_of
from dojang.issuing.actions.custodies import CUSTODIES
from dojang.issuing.errors import EvidenceRefusedError, OrderUnderWayError, ReissueLimitError
from dojang.issuing.models import Order, UsedEvidence
from dojang.issuing.queries import view_of
from dojang.issuing.store import OrderBody, seal_body

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dojang.issuing.queries import OrderView
    from dojang.issuing.values import Evidence, NewContact, OfferedKey, OrderRequest
    from dojang.ports.acting import Acting
    from dojang.ports.limits import Limit
    from dojang.ports.world import World

_STANDING: Final = frozenset({"active", "held"})


def offer_key(key: OfferedKey, *, acting: Acting, world: World) -> None:
    """Keep a key for the order that will name it, inside the caller's transaction; its earlier keys go.

    Raises `DeviceKeyUsedError` for a key of a holder's own that was ever offered elsewhere, and what
    `dojang.pki.requests.read_request` raises for a request that does not hold.
    """
    CUSTODIES[key.custody].offer(key, acting=acting, world=world)


def place_order(request: OrderRequest, *, acting: Acting, world: World) -> OrderView:
    """Place an order, inside the caller's transaction; the same request again returns the same order.

    1. No other order of this person and product is on its way; the database keeps it so until the order ends.
    2. The person's certificate was not re-issued too often lately.
    3. Each evidence is of this person, alive and unspent; it is spent with the order.

    Raises `OrderUnderWayError`, `ReissueLimitError`, `EvidenceRefusedError`, and `OrderConflictError` when
    the id stands for another order; nothing is changed then, and the caller's transaction goes on.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an order is placed in the transaction that decides on it")
    now = world.clock.now()
    order = _row(request, now=now)
    try:
        with transaction.atomic():  # a refusal leaves nothing of it
            # 1. the row takes the person's place: a rival waits here for our commit
            order.save(force_insert=True)
            # 2. whoever came before has ended by now
            if _holds(request, now=now):
                _refuse_too_often(order, world.policy.reissue.per_day, now=now)
                order.replaces = request.reason
                order.save(update_fields=["replaces"])
            # 3.
            _spend(order, request.evidence, now=now)
    except IntegrityError as error:
        known = Order.objects.filter(id=request.id).first()
        if known is not None:
            return _same(known, request)
        problems = _spent(request.evidence)
        raise EvidenceRefusedError(problems=problems) if problems else OrderUnderWayError from error
    record_event(
        "order:placed",
        acting=acting,
        subject=order.id,
        at=now,
        customer=order.customer_id,
        product=order.product,
        origin=order.origin,
        evidence=order.evidence,
    )
    return view_of(order)


def _same(known: Order, request: OrderRequest) -> OrderView:
    asked = (request.product, request.customer_id, request.custody, request.key_id)
    kept = (known.product, known.customer_id, known.custody, known.key_id)
    if asked != kept or known.evidence != _ids(request.evidence):
        raise OrderConflictError(order=request.id)
    return view_of(known)


def _row(request: OrderRequest, *, now: datetime) -> Order:
    order = Order(
        id=request.id,
        product=request.product,
        profile=request.profile,
        customer_id=request.customer_id,
        origin=request.origin,
        custody=request.custody,
        key_id=request.key_id,
        evidence=_ids(request.evidence),
        not_after=request.not_after,
        placed_at=now,
    )
    proof_key = "" if request.proof_key is None else request.proof_key.hex()
    contact = None if request.contact is None else _contact(request.contact)
    seal_body(order, OrderBody(proof_key=proof_key, app_version=request.app_version, contact=contact))
    return order


def _ids(evidence: Sequence[Evidence]) -> list[str]:
    return sorted(item.id for item in evidence)


def _contact(contact: NewContact) -> dict[str, object]:
    return {"email": contact.email, "address": contact.address, "changed": list(contact.changed)}


def _holds(request: OrderRequest, *, now: datetime) -> bool:
    """Tell whether the person has a certificate of this product in use, or one that is suspended."""
    mine = (held for held in standings_of(request.customer_id) if held.product == request.product)
    return any(held.state in _STANDING and held.not_after >= now for held in mine)


def _refuse_too_often(order: Order, limit: Limit, *, now: datetime) -> None:
    """Count the re-issues of this person and product on the present day."""
    done = Order.objects.filter(
        customer_id=order.customer_id,
        product=order.product,
        state=Order.State.DONE,
        placed_at__gte=limit.since(now),
    )
    if done.filter(~Q(replaces="")).count() >= limit.count:
        raise ReissueLimitError(limit=limit.count)


def _spend(order: Order, evidence: Sequence[Evidence], *, now: datetime) -> None:
    problems = _problems(order, evidence, now=now)
    if problems:
        raise EvidenceRefusedError(problems=problems)
    UsedEvidence.objects.bulk_create(
        UsedEvidence(
            id=item.id,
            order=order,
            name=item.name,
            purpose=item.purpose,
            customer_id=item.customer_id,
            proven_at=item.at,
            used_at=now,
        )
        for item in evidence
    )


def _problems(order: Order, evidence: Sequence[Evidence], *, now: datetime) -> list[str]:
    """Say what is wrong with the evidence itself: nothing there, another person's, too old."""
    if not evidence:
        return ["evidence:missing"]
    foreign = [f"{item.name}:foreign" for item in evidence if item.customer_id not in {"", order.customer_id}]
    return foreign + [f"{item.name}:expired" for item in evidence if item.expires < now]


def _spent(evidence: Sequence[Evidence]) -> list[str]:
    """Say what was spent already, by the table nothing can be taken out of."""
    names = {item.id: item.name for item in evidence}
    used = UsedEvidence.objects.filter(id__in=names).values_list("id", flat=True)
    return [f"{names[item]}:used" for item in used]
