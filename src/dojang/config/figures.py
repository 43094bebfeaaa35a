"""What the bank's names and numbers may be: each checked by its value alone, before anybody is served by it.

A name that cannot stand in a certificate or a figure the engine cannot keep to would hurt a customer at the
last click; here it stops the start, with a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from dojang.pki import der
from dojang.pki.errors import DojangError
from dojang.ports.limits import Limit

if TYPE_CHECKING:
    from dojang.ports.policy import Policy

#: Returns why a value cannot be; empty when it can.
Check = Callable[[Any], str]

_LONGEST_NAME: Final = 64  # ub-organization-name (RFC 5280, appendix A.1)
_LARGEST: Final = (1 << 31) - 1  # what a counter's row and a timer hold


def name_fault(value: str) -> str:
    """Refuse a name that is empty, too long for a certificate, or holds what nobody can read."""
    if not value.strip():
        return "it must not be empty"
    if value != value.strip():
        return "it must not begin or end with a space"
    if len(value) > _LONGEST_NAME:
        return f"it must not be longer than {_LONGEST_NAME} characters"
    return "" if value.isprintable() else "it must hold readable characters only"


def matching(pattern: str, why: str) -> Check:
    """Return a check that wants a whole text to match."""
    wanted = re.compile(pattern)
    return lambda value: "" if wanted.fullmatch(value) else why


def between(least: int, most: int) -> Check:
    """Return a check that wants a number from `least` to `most`."""
    return lambda value: "" if least <= value <= most else f"it must be from {least} to {most}"


def number_fault(value: int) -> str:
    """Refuse a number no row could count to."""
    return "" if value <= _LARGEST else f"it must not be greater than {_LARGEST}"


def arc_fault(value: str) -> str:
    """Refuse what is no object identifier."""
    why = "it must be an object identifier such as 2.25.1.2"
    if re.fullmatch(r"[0-2](\.(0|[1-9][0-9]{0,38})){1,20}", value) is None:
        return why
    try:
        der.oid(value)
    except (DojangError, ValueError):
        return why
    return ""


def theme_fault(value: str) -> str:
    """Refuse a theme nobody has."""
    from dojang.web.theme import ThemeError, load_theme  # most starts set none

    try:
        load_theme(value)
    except ThemeError as error:
        return error.detail or f"there is no theme {value}"
    return ""


#: Checks by concern and figure. What is not here is bounded by its kind alone.
CHECKS: Final[dict[str, Check]] = {
    "bank.name_ko": name_fault,
    "bank.name_en": name_fault,
    "bank.phone": matching(r"\+?[0-9][0-9 -]{2,19}", "it must be a telephone number"),
    "bank.text_number": matching(r"[0-9]{3,15}", "it must be a number of 3 to 15 digits"),
    "bank.institution_code": matching(r"[0-9]{4}", "it must be four digits"),
    "bank.policy_arc": arc_fault,
    "bank.theme": theme_fault,
    "devices.min_app_version": matching(
        r"[0-9]{1,5}(\.[0-9]{1,5}){1,3}", "it must be a version such as 1.0.0"
    ),
    "one_won.sender": name_fault,
    "status.crl_shards": between(1, 1024),
    "certificate_password.min_length": between(8, 64),
}


def faults_of(policy: Policy) -> Iterator[tuple[str, str]]:
    """Check every figure by its value alone; gives names (``bank.name_en``) and reasons."""
    for concern in fields(policy):
        values = getattr(policy, concern.name)
        if not is_dataclass(values):
            continue
        for figure in fields(values):
            name, value = f"{concern.name}.{figure.name}", getattr(values, figure.name)
            why = CHECKS[name](value) if name in CHECKS else ""
            count = value.count if isinstance(value, Limit) else value if type(value) is int else 0
            why = why or number_fault(count)
            if why:
                yield name, why
