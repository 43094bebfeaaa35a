"""Who may get a certificate by themselves, and what is told to those who may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import error, today
from dojang.journeys.page import FieldError, Message
from dojang.ports.writing import is_name

if TYPE_CHECKING:
    from datetime import date

    from dojang.journeys.model import RunView
    from dojang.ports.corebank import Customer


def refusal(run: RunView, customer: Customer) -> FieldError | None:
    """Return why this customer cannot go on here, with the way out; ``None`` for most people."""
    if customer.locked:
        return error("customer_locked", phone=run.policy.bank.phone)
    if not is_name(customer.name):
        return error("name_unreadable", phone=run.policy.bank.phone)
    if not customer.ebanking:
        return error("not_ebanking", phone=run.policy.bank.phone)
    if age_on(today(run), customer.birth) < run.policy.issue.min_age:
        return error("under_age", years=run.policy.issue.min_age)
    return None


def greetings(customer: Customer) -> tuple[Message, ...]:
    """Return what a foreigner or a sole proprietor should know; nothing for everybody else."""
    notes = {"foreigner": "eligible.foreigner", "sole_proprietor": "eligible.sole_proprietor"}
    return (Message(notes[customer.kind]),) if customer.kind in notes else ()


def facts_of(customer: Customer) -> dict[str, Any]:
    """Return what the fact ``identified`` keeps of a customer."""
    return {
        "name": customer.name,
        "name_en": customer.name_en,
        "birth": customer.birth.isoformat(),
        "kind": customer.kind,
    }


def age_on(day: date, birth: date) -> int:
    """Return completed years of life on a day."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
