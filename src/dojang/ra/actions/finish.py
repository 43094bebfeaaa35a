"""The end of a run: an order for a certificate, when everything is proven; or nothing, and why.

In the last step's transaction the evidence is re-checked and the order placed (`dojang.issuing`). From then
on the order of the same id is what goes on; the run's page is drawn from it.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dojang.audit.actions import record_event
from dojang.issuing.actions import offer_key, place_order
from dojang.issuing.errors import EvidenceRefusedError, OrderUnderWayError, ReissueLimitError
from dojang.issuing.values import Evidence, NewContact, OfferedKey, OrderRequest
from dojang.journeys import engine
from dojang.journeys.kinds.base import foreign
from dojang.journeys.outcomes import Passed, Rejected
from dojang.journeys.page import FieldError, Message
from dojang.ra.models import Run
from dojang.wallet.devices.actions import is_used
from dojang.wallet.devices.queries import owner_of_key

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.journeys.model import Fact, Progress, RunView
    from dojang.journeys.outcomes import Outcome
    from dojang.ports.acting import Acting
    from dojang.ports.world import World
    from dojang.ra.turn import Turn

_DEVICE_KEY: Final = "device_key"
_PATTERN: Final = "pattern"
_REFUSALS: Final = (EvidenceRefusedError, OrderUnderWayError, ReissueLimitError)


# ------------------------------------------------------------------------------------------ the order


def order_certificate(turn: Turn, progress: Progress) -> Progress:
    """Re-check the evidence, place the order and close the row (not saved). Inside a transaction."""
    run, now = turn.run, turn.world.clock.now()
    turn.around.forget()  # what the customer holds is read afresh for the decision
    view = turn.view(progress)
    try:
        problems = [f"{problem.name}:{problem.reason}" for problem in engine.required_evidence(view)]
        if problems:
            raise EvidenceRefusedError(problems=problems)
        place_order(_request(view), acting=turn.acting, world=turn.world)
    except _REFUSALS as refusal:
        record_event(
            "run:refused",
            acting=turn.acting,
            subject=run.id,
            at=now,
            why=refusal.code,
            problems=refusal.data.get("problems", []),
        )
        args = {"limit": refusal.data["limit"]} if "limit" in refusal.data else {}
        return replace(progress, stopped=FieldError(refusal.code, Message(refusal.message_id, args)))
    close_row(run, Run.State.ORDERED, "", now=now)
    # The pattern's proof goes with the order and stands in no run any more.
    facts = {name: fact for name, fact in progress.facts.items() if name != _PATTERN}
    return engine.mark_used(replace(progress, facts=facts))


def _request(view: RunView) -> OrderRequest:
    """Compose the order of a run whose every step has been passed."""
    assert view.customer is not None
    facts = view.facts
    device, pattern = facts.get("device"), facts.get(_PATTERN)
    return OrderRequest(
        id=view.id,
        product=view.product,
        profile=view.journey.product.profile,
        customer_id=view.customer,
        origin="journey",
        custody=view.journey.product.custody,
        key_id=next((str(fact.values["key_id"]) for fact in facts.values() if "key_id" in fact.values), ""),
        evidence=_evidence(view),
        proof_key=None if pattern is None else base64.b64decode(pattern.values["proof_key"]),
        app_version="" if device is None else str(device.values.get("app_version", "")),
        contact=_new_contact(facts.get("contact")),
    )


def _evidence(view: RunView) -> tuple[Evidence, ...]:
    """Everything this run proved; one answer may have proven several things, and is spent once."""
    facts = {fact.by: fact for fact in view.facts.values()}
    return tuple(
        Evidence(
            id=fact.by,
            name=fact.name,
            purpose=fact.purpose,
            customer_id=fact.customer or "",
            at=fact.at,
            expires=fact.expires,
        )
        for fact in facts.values()
    )


def _new_contact(contact: Fact | None) -> NewContact | None:
    """Return what the customer gave, if anything of it was not registered before."""
    if contact is None:
        return None
    given = {name: str(contact.values[name]) for name in ("email", "address") if name in contact.values}
    changed = tuple(name for name, value in given.items() if value != contact.values.get(f"old_{name}"))
    if not changed:
        return None
    address = given["address"] if "address" in changed else ""
    return NewContact(email=str(contact.values["email"]), address=address, changed=changed)


# ------------------------------------------------------------------------------------------ its key


def keep_key(turn: Turn, fact: Fact) -> None:
    """Keep the key a step had the signer or the device make; the run's earlier keys go. In a transaction."""
    values, on_device = fact.values, fact.name == _DEVICE_KEY
    if not fact.customer or not (on_device or {"key_id", "public_key", "vid", "sealed"} <= values.keys()):
        return
    key = OfferedKey(
        key_id=values["key_id"],
        order_id=turn.run.id,
        custody=turn.journey.product.custody,
        customer_id=fact.customer,
        product=turn.run.product,
        public_key=bytes.fromhex(values["public_key"]),
        vid=bytes.fromhex(values["vid"]),
        sealed=b"" if on_device else bytes.fromhex(values["sealed"]),
        device_id=values["device_id"] if on_device else "",
        algorithm=values["algorithm"] if on_device else "",
    )
    offer_key(key, acting=turn.acting, world=turn.world)


def refuse_used_key(view: RunView, outcome: Outcome) -> Outcome:
    """Reject a device's key that was offered or certified before: a new certificate has a new key."""
    if not isinstance(outcome, Passed):
        return outcome
    for fact in outcome.facts:
        key = bytes.fromhex(fact.values["public_key"]) if fact.name == _DEVICE_KEY else b""
        if key and is_used(key, run_id=view.id):
            error = FieldError("device_key_used", Message("error.device_key_used"))
            # Who offers it has just signed with it: a key of somebody else is in other hands.
            mismatch = foreign(view, _DEVICE_KEY, owner_of_key(key))
            return Rejected(errors=(error,), mismatch=mismatch, compared=False)
    return outcome


# ------------------------------------------------------------------------------------------ without an order


def close_row(run: Run, state: Run.State, why: str, *, now: datetime) -> None:
    """Put a row into a final state (not saved): nothing is leased, nothing awaited any more."""
    run.state, run.end_reason, run.ended_at = state, why, now
    run.lease, run.leased_at, run.waits_for = "", None, None


def end_run(run: Run, state: Run.State, why: str, *, acting: Acting, world: World) -> None:
    """End a locked open run: cancelled or expired. Inside a transaction.

    What it proved is void, and a number that would move it to another device works no more.
    """
    now = world.clock.now()
    close_row(run, state, why, now=now)
    run.revision += 1
    run.save()
    run.handoffs.filter(used_at__isnull=True).delete()
    record_event(f"run:{state}", acting=acting, subject=run.id, at=now, why=why, customer=run.customer_id)
