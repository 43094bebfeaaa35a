"""A run after its order was placed: its page, drawn from the order, and what its device has to say."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from dojang.issuing.actions import carry_out, confirm_delivery, fail_order, refuse_delivery
from dojang.issuing.queries import delivery_of, find_order, result_of
from dojang.journeys import engine
from dojang.journeys.delivery import delivery_parts
from dojang.journeys.page import FieldError, Message, Wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.issuing.queries import OrderView
    from dojang.journeys.page import Page
    from dojang.ra.models import Run
    from dojang.ra.turn import Turn

#: Why a run or its order ends when a certificate it rests on was held or revoked.
CERTIFICATE: Final = "certificate_ended"
#: Facts that a certificate proved.
_PROVEN: Final = ("identified", "bank_certificate", "certificate_password")
STORED: Final = "stored"
STORAGE_FAILED: Final = "storage_failed"
_POLL_ISSUING: Final = 500
_LONGEST: Final = 2_048
_LABEL_LENGTH: Final = 80


def order_of(run: Run) -> OrderView:
    """Return the order a run ended with."""
    order = find_order(run.id)
    assert order is not None, "a run is ordered in the transaction that places its order"
    return order


def order_page(turn: Turn, *, wrong: str = "") -> Page:
    """Make the page of a run that was ordered, from its order as it stands; `wrong` is an error's code."""
    order = order_of(turn.run)
    if order.state == "delivering":
        parts = delivery_parts(delivery_of(order))
        page = engine.make_page(turn.view(), state="delivering", parts=parts)
        if wrong:
            page = replace(page, errors=(*page.errors, FieldError(wrong, Message(f"error.{wrong}"))))
        return page
    if order.state == "failed":
        error = FieldError(order.end_reason, Message(f"error.{order.end_reason}"))
        return engine.make_page(turn.view(replace(turn.body.progress, stopped=error)), state="failed")
    if order.state == "done":
        return engine.make_page(turn.view(), state="done", result=result_of(order))
    until = order.placed_at + timedelta(seconds=turn.world.policy.issue.confirm_within)
    page = engine.make_page(turn.view(), state="issuing")
    return replace(page, wait=Wait("issuing", "issuing", until.isoformat(), _POLL_ISSUING))


def go_on(turn: Turn) -> None:
    """Have a living order carried on; it fails when a certificate it rests on is not in use any more."""
    if _rests_on_nothing(turn) and order_of(turn.run).is_living:
        fail_order(turn.run.id, CERTIFICATE, acting=turn.acting, world=turn.world)
        return
    carry_out([turn.run.id], acting=turn.acting, world=turn.world)


def _rests_on_nothing(turn: Turn) -> bool:
    """Tell whether a certificate that proved something in this run was held or revoked since, or ran out."""
    view = turn.view()
    serials = (str(view.facts[name].values.get("serial", "")) for name in _PROVEN if name in view.facts)
    return any(serial and not view.is_in_use(serial) for serial in serials)


def hear_device(turn: Turn, action: str, data: Mapping[str, Any]) -> Page:
    """Hear what a device says of its new certificate, then go on; anything else shows the page as it stands.

    `data` of ``stored``: ``signature`` (base64), and ``label``, ``platform`` if it wants.
    """
    if action in {STORED, STORAGE_FAILED} and _rests_on_nothing(turn):
        go_on(turn)
        return order_page(turn)
    if action == STORAGE_FAILED:
        refuse_delivery(turn.run.id, acting=turn.acting, world=turn.world)
    elif action == STORED and not confirm_delivery(
        turn.run.id,
        _signature(data),
        label=_text(data, "label"),
        platform=_text(data, "platform"),
        acting=turn.acting,
        world=turn.world,
    ):
        return order_page(turn, wrong="delivery_signature_wrong")
    go_on(turn)
    return order_page(turn)


def _signature(data: Mapping[str, Any]) -> bytes:
    value = data.get("signature")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        return b""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value[:_LABEL_LENGTH] if isinstance(value, str) else ""
