"""What every kind shares: doing nothing by default, reading what was typed, and saying what went wrong."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from dojang.journeys.engine import lock_errors
from dojang.journeys.model import Fact, PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Locked, Mismatch, Outcome, Rejected
from dojang.journeys.page import FieldError, Message
from dojang.pki.day import day_of
from dojang.pki.names import is_writable
from dojang.ports.writing import (
    ACCOUNT,
    MAIL_LONGEST,
    MOBILE,
    NAME_LONGEST,
    is_digits,
    is_name,
    mail_fault,
    plain_account,
    plain_date,
    plain_digits,
    plain_mail,
    plain_name,
    plain_phone,
    plain_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.limits import Limit
    from dojang.ports.world import World

_OLDEST = 1900


class Base:
    """A kind that asks nothing; the others override what they need."""

    name: ClassVar[str] = ""
    factors: ClassVar[tuple[str, ...]] = ()
    proves: ClassVar[bool] = False

    def enter(self, run: RunView, world: World) -> Entered:
        """Begin a visit; by default there is nothing to read or send."""
        del run, world
        return Entered()

    def page(self, run: RunView) -> PageParts:
        """Show nothing but the title and the button."""
        del run
        return PageParts()

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Accept a bare press of the button."""
        del run, data
        return {}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count nothing."""
        del run, data
        return ()

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Ask nobody: the cleaned data is the answer."""
        del run, world
        return data

    def look(self, run: RunView, world: World) -> Mapping[str, Any] | None:
        """Nothing is awaited."""
        del run, world
        return None

    def dispatch(self, run: RunView, what: str, world: World) -> None:
        """Nothing is left for later."""
        del run, what, world

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Decide; every kind says how."""
        raise NotImplementedError(self.name)

    def is_current(self, run: RunView, fact: Fact) -> bool:
        """Evidence stays good as long as it lives."""
        del run, fact
        return True


def error(code: str, field: str | None = None, /, **args: Any) -> FieldError:
    """Make the error with the sentence ``error.<code>``."""
    return FieldError(code, Message(f"error.{code}", args), field)


def wrong(
    run: RunView,
    factors: tuple[str, ...],
    code: str,
    field: str | None = None,
    *,
    limit: Limit,
    mismatch: Mismatch | None = None,
    scratch: Mapping[str, Any] | None = None,
) -> Outcome:
    """Refuse a wrong answer, saying how many tries are left; none left of one counter: locked."""
    left = {f: run.left.get(f, max(limit.count - run.attempt, 0)) for f in factors}
    spent = next((f for f in factors if left[f] <= 0), None)
    if spent is not None:
        return Locked(factor=spent, errors=lock_errors(run, spent), mismatch=mismatch)
    return Rejected(errors=(error(code, field, left=min(left.values())),), mismatch=mismatch, scratch=scratch)


def visits_spent(run: RunView) -> FieldError | None:
    """Refuse one more visit of a step that sends something: going back and forth is no way to send more."""
    most = run.policy.runs.visits.count
    if run.visit <= most:
        return None
    return error("sends_spent", limit=most, phone=run.policy.bank.phone)


def foreign(run: RunView, evidence: str, owner: str | None) -> Mismatch | None:
    """Report that evidence belongs to another customer, when the bank can tell."""
    return Mismatch(evidence=evidence, owners=(owner,)) if owner and owner != run.customer else None


def is_unusable(reason: str) -> bool:
    """Tell whether a medium cannot be used at all (lost, expired, not held …), whatever was typed."""
    return reason not in {"", "wrong", "reused", "not_owned"}


def later(run: RunView, seconds: int) -> str:
    """Return the moment `seconds` from now, ISO 8601."""
    return (run.now + timedelta(seconds=seconds)).isoformat()


def is_past(run: RunView, moment: str) -> bool:
    """Tell whether an ISO 8601 moment has passed."""
    return run.now > datetime.fromisoformat(moment)


def late_code(run: RunView, until: str) -> tuple[FieldError, ...]:
    """Say of a code that was sent that its time is over; nothing while it lives."""
    return (error("code_late", "code"),) if is_past(run, until) else ()


def text_of(data: Mapping[str, Any], name: str) -> str:
    """Read a text field in its plain writing; what is no text (a number, a control) is an empty one."""
    text = plain_text(raw_of(data, name))
    return text if is_writable(text) else ""


def raw_of(data: Mapping[str, Any], name: str) -> str:
    """Read a text field as it was typed. Nothing is cut here: what is too long has to be refused."""
    value = data.get(name)
    return value if isinstance(value, str) else ""


def digits_of(data: Mapping[str, Any], name: str) -> str:
    """Read a field of digits; what people type between them is left out."""
    return plain_digits(raw_of(data, name))


def read_account(data: Mapping[str, Any]) -> str | None:
    """Read an account number, digits only."""
    value = plain_account(raw_of(data, "account"))
    return value if ACCOUNT.fullmatch(value) else None


def read_mobile(data: Mapping[str, Any], name: str = "phone") -> str | None:
    """Read a mobile number as ``010`` and eight digits; the international form is understood."""
    value = plain_phone(raw_of(data, name))
    return value if MOBILE.fullmatch(value) else None


def read_email(data: Mapping[str, Any], name: str = "email") -> str | FieldError:
    """Read an e-mail address, its domain as A-labels; or say what to change about it."""
    value = plain_mail(raw_of(data, name))
    fault = mail_fault(value)
    return value if fault is None else error(f"email_{fault}", name, limit=MAIL_LONGEST)


def read_birth(run: RunView, data: Mapping[str, Any], name: str = "birth") -> date | None:
    """Read a birth date as it is usually written; a day that is not in the past is none."""
    return birth_before(run.now, data, name)


def birth_before(now: datetime, data: Mapping[str, Any], name: str = "birth") -> date | None:
    """Read a birth date as `read_birth` does, outside a run."""
    day = day_until(now, data, name)
    return day if day is not None and day < day_of(now) else None


def read_day(run: RunView, data: Mapping[str, Any], name: str) -> date | None:
    """Read a day up to today in Korea."""
    return day_until(run.now, data, name)


def day_until(now: datetime, data: Mapping[str, Any], name: str) -> date | None:
    """Read a day up to the one of `now` in Korea."""
    value = plain_date(raw_of(data, name))
    if not is_digits(value, 8):
        return None
    try:
        day = date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return None
    return day if day.year >= _OLDEST and day <= day_of(now) else None


def read_name(data: Mapping[str, Any], name: str = "name") -> str | FieldError:
    """Read a person's name in its plain writing; or say what to change about it."""
    value = plain_name(raw_of(data, name))
    if not value:
        return error("name_format", name)
    if len(value) > NAME_LONGEST:
        return error("name_long", name, limit=NAME_LONGEST)
    return value if is_name(value) else error("name_signs", name)


def today(run: RunView) -> date:
    """Return the calendar day in Korea."""
    return day_of(run.now)


def mask_email(address: str) -> str:
    """Hide most of the local part: ``ho***@example.com``."""
    local, _, domain = address.partition("@")
    return f"{local[:2]}***@{domain}"


def mask_mobile(number: str) -> str:
    """Hide the middle: ``010-****-5678``."""
    return f"{number[:3]}-****-{number[-4:]}"
