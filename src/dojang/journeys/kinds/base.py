"""What every kind shares: doing nothing by default, reading what was typed, and saying what went wrong."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from dojang.journeys.engine import lock_errors
from dojang.journeys.model import (
    Count,
    Entered,
    Fact,
    Locked,
    Mismatch,
    Outcome,
    PageParts,
    Rejected,
    RunView,
)
from dojang.journeys.page import FieldError, Message
from dojang.pki.day import day_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_EMAIL_LONGEST = 254
_MOBILE = re.compile(r"010[0-9]{8}")
_ACCOUNT = re.compile(r"[0-9]{10,16}")
_NAME_LONGEST = 60
_OLDEST = 1900


class Base:
    """A kind that asks nothing; the others override what they need."""

    name: ClassVar[str] = ""
    factors: ClassVar[tuple[str, ...]] = ()

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
    limit: int,
    mismatch: Mismatch | None = None,
    scratch: Mapping[str, Any] | None = None,
) -> Outcome:
    """Refuse a wrong answer, saying how many tries are left; none left of one counter: locked."""
    left = {f: run.left.get(f, max(limit - run.attempt, 0)) for f in factors}
    spent = next((f for f in factors if left[f] <= 0), None)
    if spent is not None:
        return Locked(factor=spent, errors=lock_errors(run, spent), mismatch=mismatch)
    return Rejected(errors=(error(code, field, left=min(left.values())),), mismatch=mismatch, scratch=scratch)


def visits_spent(run: RunView) -> FieldError | None:
    """Refuse one more visit of a step that sends something: going back and forth is no way to send more."""
    if run.visit <= run.policy.entries_per_run:
        return None
    return error("sends_spent", limit=run.policy.entries_per_run, phone=run.policy.bank_phone)


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


def text_of(data: Mapping[str, Any], name: str) -> str:
    """Read a text field: anything but a short string is an empty one."""
    value = data.get(name)
    return value.strip()[:200] if isinstance(value, str) else ""


def digits_of(data: Mapping[str, Any], name: str) -> str:
    """Read a field of digits; spaces and hyphens people type are left out."""
    return re.sub(r"[\s-]", "", text_of(data, name))


def is_digits(value: str, length: int) -> bool:
    """Tell whether this is exactly `length` ASCII digits."""
    return len(value) == length and value.isascii() and value.isdigit()


def read_account(data: Mapping[str, Any]) -> str | None:
    """Read an account number, digits only."""
    value = digits_of(data, "account")
    return value if _ACCOUNT.fullmatch(value) else None


def read_mobile(data: Mapping[str, Any], name: str = "phone") -> str | None:
    """Read a mobile number as ``010`` and eight digits; the international form is understood."""
    value = digits_of(data, name)
    if value.startswith("+82"):
        value = "0" + value[3:].removeprefix("0")
    return value if _MOBILE.fullmatch(value) else None


def read_email(data: Mapping[str, Any], name: str = "email") -> str | None:
    """Read an e-mail address: the everyday subset of RFC 5322 section 3.4.1 (no quotes, no comments)."""
    value = text_of(data, name)
    local, _, _domain = value.partition("@")
    fits = len(value) <= _EMAIL_LONGEST and len(local) <= 64  # noqa: PLR2004 - RFC 5321 section 4.5.3.1.1
    return value if fits and _EMAIL.fullmatch(value) else None


def read_birth(run: RunView, data: Mapping[str, Any], name: str = "birth") -> date | None:
    """Read a birth date, ``YYYYMMDD`` or ISO 8601; a day that is not in the past is none."""
    value = re.sub(r"[\s./-]", "", text_of(data, name))
    if not is_digits(value, 8):
        return None
    try:
        born = date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return None
    return born if born.year >= _OLDEST and born < today(run) else None


def read_name(data: Mapping[str, Any], name: str = "name") -> str | None:
    """Read a person's name: printable, not empty, inner spaces made single."""
    value = " ".join(text_of(data, name).split())
    return value if value and len(value) <= _NAME_LONGEST and value.isprintable() else None


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
