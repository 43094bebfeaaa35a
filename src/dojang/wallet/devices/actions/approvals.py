"""Asking a customer's telephone to approve what goes on elsewhere, so that nobody approves by habit.

The other screen shows a number; the telephone asks for it (number matching), together with the pattern.
At most three questions in ten minutes reach a telephone, however often somebody asks (push bombing), and a
wrong number ends its question. The telephone is told by push; what counts is the row.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.guard.budgets import Budget, keep, take
from dojang.guard.locks import hold_to_commit
from dojang.guard.sealing import sealer
from dojang.ports.credentials import AskedApproval as Question
from dojang.ports.credentials import PatternChallenge
from dojang.ports.errors import PortError
from dojang.ports.push import Manner
from dojang.ports.writing import plain_digits
from dojang.products.messages import render
from dojang.wallet.devices.actions.patterns import begin_challenge, usable_pattern, verify_challenge
from dojang.wallet.devices.errors import ApprovalNotFoundError, ApprovalRefusedError
from dojang.wallet.devices.models import Approval, Device

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.acting import Acting
    from dojang.ports.world import World

log = logging.getLogger(__name__)
_WAITING: Final = Approval.State.WAITING
#: States in which a question may still lead to something.
_GOOD: Final = (Approval.State.WAITING, Approval.State.APPROVED)


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """A question as its telephone shows it. `digits` is how long the number is; the number is not here."""

    id: str
    product: str
    state: str
    asked_at: datetime
    until: datetime
    digits: int
    key_id: str


# ------------------------------------------------------------------------------------------ who asks


def ask_approval(
    customer_id: str,
    *,
    purpose: str,
    product: str,
    number: str,
    locale: str,
    key: str,
    acting: Acting,
    world: World,
) -> Question | None:
    """Put a question to the customer's telephone; the same `key` is the same question. Outside a transaction.

    None when there is no telephone with a usable pattern, or it was asked too often lately.
    """
    known = Approval.objects.filter(key=key[:200]).first()
    if known is None:
        with transaction.atomic():
            known = _ask(
                customer_id,
                purpose=purpose,
                product=product,
                number=number,
                locale=locale,
                key=key[:200],
                acting=acting,
                world=world,
            )
    if known is None or known.customer_id != customer_id:
        return None
    if known.state == _WAITING:
        _tell_phone(known, world=world)
    return _question(known, world=world)


def _ask(
    customer_id: str,
    *,
    purpose: str,
    product: str,
    number: str,
    locale: str,
    key: str,
    acting: Acting,
    world: World,
) -> Approval | None:
    now, policy = world.clock.now(), world.policy
    hold_to_commit("approval", customer_id)
    known = Approval.objects.filter(key=key).first()
    if known is not None:
        return known
    found = usable_pattern(customer_id)
    if found is None or found.device is None:
        return None
    asked = take([_questions(customer_id, world=world)], now=now)
    if asked is None:
        return None
    keep(asked, now=now)
    # A new question takes the place of the one before: only one waits at a time.
    Approval.objects.filter(customer_id=customer_id, state=_WAITING).update(
        state=Approval.State.EXPIRED, decided_at=now
    )
    row_id = secrets.token_hex(16)
    row = Approval.objects.create(
        id=row_id,
        key=key,
        customer_id=customer_id,
        device=found.device,
        purpose=purpose[:200],
        product=product,
        number=sealer().seal(number, table="wallet_approval", column="number", row=row_id),
        locale=locale,
        asked_at=now,
        until=now + timedelta(seconds=policy.approvals.ttl),
    )
    record_event("approval:asked", acting=acting, subject=customer_id, at=now, approval=row.id)
    return row


def _questions(customer_id: str, *, world: World) -> Budget:
    return Budget("approvals", f"customer:{customer_id}", world.policy.approvals.questions)


def _tell_phone(row: Approval, *, world: World) -> None:
    """Push the question. A telephone that cannot be pushed to still shows it when the app is opened."""
    product = render(f"product.{row.product}.named", row.locale)
    life = max(1, int((row.until - world.clock.now()).total_seconds()))
    try:
        world.push.send(
            customer_id=row.customer_id,
            title=render("approval.push.title", row.locale),
            text=render("approval.push.text", row.locale, product=product),
            key=f"approval:{row.id}",
            manner=Manner(life=life, urgent=True, place="/app/approvals/"),
        )
    except PortError as error:
        log.warning("a question could not be pushed: %s", error.code)


def approval_state(approval_id: str, *, world: World) -> Question:
    """Present state of a question. Raises `ApprovalNotFoundError`."""
    row = Approval.objects.select_related("device").filter(id=approval_id).first()
    if row is None:
        raise ApprovalNotFoundError
    return _question(row, world=world)


def _question(row: Approval, *, world: World) -> Question:
    return Question(row.id, _state(row, world=world), row.until)


def _state(row: Approval, *, world: World) -> str:
    over = row.state == _WAITING and world.clock.now() > row.until
    if not over and row.state in _GOOD and not _stands(row):
        over = True
    return str(Approval.State.EXPIRED if over else row.state)


def _stands(row: Approval) -> bool:
    """Tell whether the key that was asked still opens: what it said counts no longer than its certificate."""
    found = usable_pattern(row.customer_id, device_id=row.device.device_id)
    return found is not None and found.created_at <= row.asked_at


def end_approvals(customer_id: str, *, acting: Acting, world: World) -> int:
    """End a customer's questions, and what was approved and not used yet. Inside a transaction."""
    now = world.clock.now()
    rows = Approval.objects.filter(customer_id=customer_id, state__in=_GOOD)
    ended = rows.update(state=Approval.State.EXPIRED, decided_at=now)
    if ended:
        record_event("approval:all_ended", acting=acting, subject=customer_id, at=now, count=ended)
    return ended


# ------------------------------------------------------------------------------------------ who answers


def approvals_for(device_id: str, *, world: World) -> tuple[ApprovalView, ...]:
    """Questions that wait on a telephone, the newest first. `device_id` is known to that telephone alone."""
    rows = Approval.objects.select_related("device").filter(
        device__device_id=device_id,
        device__state=Device.State.LIVE,
        state=_WAITING,
        until__gte=world.clock.now(),
    )
    return tuple(_view(row, world=world) for row in rows.order_by("-asked_at") if _stands(row))


def _view(row: Approval, *, world: World) -> ApprovalView:
    found = usable_pattern(row.customer_id)
    return ApprovalView(
        id=row.id,
        product=row.product,
        state=_state(row, world=world),
        asked_at=row.asked_at,
        until=row.until,
        digits=world.policy.approvals.digits,
        key_id="" if found is None else found.id,
    )


def begin_answer(approval_id: str, *, device_id: str, world: World) -> PatternChallenge:
    """Make a fresh challenge for answering a question. Raises `ApprovalNotFoundError`."""
    row = _waiting(approval_id, device_id, world=world)
    made = begin_challenge(
        row.customer_id,
        device_id=device_id,
        purpose=_purpose(row),
        key=f"approval:{row.id}:{secrets.token_hex(8)}",
        world=world,
    )
    if made is None:
        raise ApprovalNotFoundError
    return made


def answer_approval(
    approval_id: str,
    *,
    device_id: str,
    number: str,
    challenge_id: str,
    signature: bytes,
    mac: bytes = b"",
    assertion: bytes = b"",
    acting: Acting,
    world: World,
) -> ApprovalView:
    """Approve with the number from the other screen and the pattern; return the question as it then stands.

    Finger or face (`assertion`) may stand in for the pattern (`mac`). A wrong number ends the question
    (`wrong_number`), but only together with a right proof. Raises `ApprovalRefusedError` (data ``reason`` as
    in `verify_challenge`): the question still waits, and `begin_answer` gives another challenge. Raises
    `ApprovalNotFoundError`.
    """
    row = _waiting(approval_id, device_id, world=world)
    proof = verify_challenge(
        challenge_id,
        mac=mac,
        assertion=assertion,
        signature=signature,
        purpose=_purpose(row),
        acting=acting,
        world=world,
    )
    if not proof.ok or proof.owner != row.customer_id:
        raise ApprovalRefusedError(reason=proof.reason or "unknown")
    wanted = sealer().open(bytes(row.number), table="wallet_approval", column="number", row=row.id)
    is_same = hmac.compare_digest(str(wanted).encode(), plain_digits(number).encode())
    state = Approval.State.APPROVED if is_same else Approval.State.WRONG_NUMBER
    return _decide(row, state, acting=acting, world=world)


def reject_approval(approval_id: str, *, device_id: str, acting: Acting, world: World) -> ApprovalView:
    """Say that it was not me: no pattern is needed to refuse. Raises `ApprovalNotFoundError`."""
    row = _waiting(approval_id, device_id, world=world)
    return _decide(row, Approval.State.REJECTED, acting=acting, world=world)


def _waiting(approval_id: str, device_id: str, *, world: World) -> Approval:
    row = (
        Approval.objects.select_related("device")
        .filter(
            id=approval_id,
            device__device_id=device_id,
            device__state=Device.State.LIVE,
            state=_WAITING,
            until__gte=world.clock.now(),
        )
        .first()
    )
    if row is None:
        raise ApprovalNotFoundError
    return row


def _decide(row: Approval, state: Approval.State, *, acting: Acting, world: World) -> ApprovalView:
    now = world.clock.now()
    with transaction.atomic():
        changed = Approval.objects.filter(id=row.id, state=_WAITING, until__gte=now).update(
            state=state, decided_at=now
        )
        if changed:
            record_event(f"approval:{state}", acting=acting, subject=row.customer_id, at=now, approval=row.id)
    return _view(Approval.objects.get(id=row.id), world=world)


def _purpose(row: Approval) -> str:
    return f"approval:{row.id}"
