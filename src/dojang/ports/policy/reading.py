"""Figures as a bank writes them, read into a policy; what cannot be is refused with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

from dojang.ports.limits import SECONDS_A_DAY, Limit
from dojang.ports.policy.moved import GONE, MOVED
from dojang.ports.policy.units import ENTRY, LEAST, MOST, UNIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dojang.ports.policy import Policy

_Concern = TypeVar("_Concern")
_KINDS = {bool: "true or false", int: "a whole number", str: 'a text in quotes, "like this"'}
_WINDOW = {"count", "seconds"}


class PolicyError(ValueError):
    """A figure is impossible: its dotted name, and why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name, self.why = name, why


def changed(policy: Policy, figures: Mapping[str, Any]) -> Policy:
    """Return a policy with other figures. Raises `PolicyError`."""
    for name in figures:
        if name not in {item.name for item in fields(policy)}:
            raise PolicyError(f"policy.{name}", _unknown(policy, name, figures[name]))
    return _replaced(policy, figures, "policy")


def figure_at(policy: Policy, path: str) -> tuple[Any, str]:
    """Return a figure and its unit by its dotted name, such as ``ars.ttl``. Raises `PolicyError`."""
    concern, _, name = path.partition(".")
    value = getattr(policy, concern, None)
    for item in fields(value) if is_dataclass(value) else ():
        if item.name == name:
            return getattr(value, name), item.metadata.get(UNIT, "")
    raise PolicyError(path, f"no such figure{_nearest(path, figure_names(policy))}")


def figure_names(policy: Policy) -> Iterator[str]:
    """Yield the dotted name of every figure of every concern."""
    for concern in fields(policy):
        value = getattr(policy, concern.name)
        if is_dataclass(value):
            yield from (f"{concern.name}.{item.name}" for item in fields(value))


def _replaced(concern: _Concern, figures: Mapping[str, Any], place: str) -> _Concern:
    known: dict[str, Field[Any]] = {item.name: item for item in fields(concern)}  # type: ignore[arg-type]
    read = {}
    for name, wanted in figures.items():
        where = f"{place}.{name}"
        if name not in known:
            tables = [f"[{place}.{item}]" for item in known if isinstance(getattr(concern, item), Mapping)]
            hint = _nearest(name, known) or (f"; see {tables[0]}" if tables else "")
            raise PolicyError(where, f"no such figure{hint}")
        read[name] = _read(getattr(concern, name), wanted, where, known[name])
    return replace(concern, **read)  # type: ignore[type-var]


def _read(now: Any, wanted: Any, where: str, item: Field[Any]) -> Any:
    """Read one value, of the kind that stands there now."""
    if isinstance(now, Limit):
        return _read_limit(now, wanted, where)
    if isinstance(now, Mapping) or is_dataclass(now):
        if not isinstance(wanted, Mapping):
            raise PolicyError(where, f"it is a table: [{where}]")
        if isinstance(now, Mapping):
            return _merged(now, wanted, where, item.metadata[ENTRY])
        return _replaced(now, wanted, where)
    if type(wanted) is not type(now):
        raise PolicyError(where, f"it must be {_KINDS[type(now)]}")
    if type(wanted) is int:
        least, most, unit = (item.metadata[key] for key in (LEAST, MOST, UNIT))
        if wanted < least:
            raise PolicyError(where, f"it is a number of {unit}, {least} at least")
        if most is not None and wanted > most:
            raise PolicyError(where, f"it is a number of {unit}, {most} at most")
    return wanted


def _read_limit(now: Limit, wanted: Any, where: str) -> Limit:
    """Read a number, which leaves what it is counted over; of a rolling window that can be set too."""
    count, per = wanted, now.per
    form = _KINDS[int] + (" or { count = …, seconds = … }" if isinstance(per, int) else "")
    if isinstance(wanted, Mapping):
        if not isinstance(per, int) or not set(wanted) <= _WINDOW:
            raise PolicyError(where, f"it must be {form}")
        count, per = wanted.get("count", now.count), wanted.get("seconds", per)
        if type(per) is not int or not 0 < per < SECONDS_A_DAY:
            raise PolicyError(where, "its seconds must be a whole number, and fewer than a day has")
    if type(count) is not int:
        raise PolicyError(where, f"it must be {form}")
    if count < 1:
        raise PolicyError(where, "it must be 1 or more")
    return Limit(count, per)


def _merged(now: Mapping[str, Any], wanted: Mapping[str, Any], where: str, entry: type) -> dict[str, Any]:
    """Put a table over a table, entry by entry; what stands in it is its readers' to judge."""
    made = dict(now)
    for name, value in wanted.items():
        if entry is not dict and type(value) is not entry:
            raise PolicyError(f"{where}.{name}", f"it must be {_KINDS[entry]}")
        if entry is dict and not isinstance(value, Mapping):
            raise PolicyError(f"{where}.{name}", f"it is a table: [{where}.{name}]")
        made[name] = {**made.get(name, {}), **value} if entry is dict else value
    return made


def _unknown(policy: Policy, name: str, wanted: Any) -> str:
    """Say of a name directly under ``[policy]`` where it has gone, or what is written like it."""
    if name in GONE:
        return f"no such figure any more: {GONE[name]}"
    if name in MOVED:
        return f"no such figure any more: it is now {_spoken(MOVED[name])}"
    concerns = [item.name for item in fields(policy)]
    if isinstance(wanted, Mapping):
        return f"no such table{_nearest(name, concerns, '[policy.{}]')}"
    old = get_close_matches(name, MOVED, n=1)
    if old:
        return f"no such figure; did you mean {_spoken(MOVED[old[0]])}?"
    return "no such figure: each stands in its concern's table, such as [policy.ars]"


def _spoken(paths: Sequence[str]) -> str:
    """Write ``("pin.a", "pin.b", "otp.c")`` as ``a and b in [policy.pin] and c in [policy.otp]``."""
    grouped: dict[str, list[str]] = {}
    for path in paths:
        concern, _, name = path.partition(".")
        grouped.setdefault(concern, []).append(name)
    return " and ".join(f"{' and '.join(names)} in [policy.{item}]" for item, names in grouped.items())


def _nearest(name: str, names: Iterable[str], spoken: str = "{}") -> str:
    found = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {spoken.format(found[0])}?" if found else ""
