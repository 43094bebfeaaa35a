"""What is said about a signed file: verdict, reasons with stable codes, the people and times in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from dojang.pki import cms
from dojang.pki.certificate import read_certificate
from dojang.pki.errors import DojangError, IndeterminateError, MalformedError
from dojang.pki.names import Name
from dojang.pki.paths import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dojang.pki.paths import Trust

Verdict = Literal["valid", "invalid", "indeterminate"]
#: Reasons beside those of paths (`paths.RULES`) and of SignedData (`cms.RULES`), with the rule of each.
EXPLAINED: Final = {
    "ok": "RFC 5280 §6.1.6",
    "no_trust": "RFC 5280 §6.1.1 (d)",
    "status_not_checked": "RFC 5280 §6.3",
    "expired_unproven": "ETSI EN 319 102-1 §5.5",
    "revoked_unproven": "ETSI EN 319 102-1 §5.5",
    "unknown_kind": "",
    "unsigned": "",
    "added_after": "ISO 32000-2 §12.8.1",
    "stamp_wrong": "RFC 3161 §2.4.2",
    "header": "RFC 7515 §4.1",
}
#: Every code an explanation may hold; each has a sentence ``verify.reason.<code>``.
CODES: Final = {**RULES, **cms.RULES, **EXPLAINED}


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What the verifier brings: whom to believe, the moment, and the content of a detached signature."""

    trust: Trust
    at: datetime
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that was found: a code of `CODES`, its rule, and what its sentence needs."""

    code: str
    args: dict[str, Any] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """The rule the code comes from."""
        return CODES[self.code]


@dataclass(frozen=True, slots=True)
class TimeLine:
    """One moment: ``verify.time.<code>`` says what happened."""

    at: datetime
    code: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose certificate it is."""

    name: str
    issuer: str
    serial: str  #: hexadecimal
    weak: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole answer. `kind`: ``certificate`` ``signature`` ``timestamp`` ``pdf`` ``jws`` ``unknown``."""

    kind: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    times: tuple[TimeLine, ...] = ()
    subjects: tuple[Subject, ...] = ()
    text: str | None = None  #: signed content, when it is text
    encoding: str | None = None  #: of that text: ``UTF-8`` or ``EUC-KR``


_ORDER: Final[tuple[Verdict, ...]] = ("valid", "indeterminate", "invalid")


def worst(*verdicts: Verdict) -> Verdict:
    """Return the worst of some verdicts: one wrong signature makes the whole wrong."""
    return max(verdicts, key=_ORDER.index, default="indeterminate")


def judged(error: DojangError) -> tuple[Verdict, Reason]:
    """Verdict and reason of an error. What cannot be decided is not wrong."""
    code = str(error.data.get("why", error.code))
    if code not in CODES:
        code = "malformed" if error.code == "malformed" else "signature"
    open_question = isinstance(error, IndeterminateError) or code == "content_missing"
    args = {name: value for name, value in error.data.items() if name not in ("why", "rule")}
    return ("indeterminate" if open_question else "invalid"), Reason(code, args)


def refused(kind: str, error: DojangError) -> Explanation:
    """Return the explanation of a file that got no further than this error."""
    verdict, reason = judged(error)
    return Explanation(kind, verdict, (reason,))


def describe(certificate: bytes) -> tuple[Subject, tuple[TimeLine, TimeLine]]:
    """Whose certificate it is, and the life written in it. Raises `MalformedError`."""
    facts = read_certificate(certificate).facts
    return (
        Subject(_shown(facts.subject), _shown(facts.issuer), f"{facts.serial:x}"),
        (TimeLine(facts.not_before, "begins"), TimeLine(facts.not_after, "ends")),
    )


def _shown(name: bytes) -> str:
    """Return a name for people; one that cannot be read is only not shown: the path judges it."""
    try:
        return str(Name.from_der(name))
    except MalformedError:
        return "?"


def together(kind: str, parts: tuple[Explanation, ...]) -> Explanation:
    """Return one explanation of several signatures in one file."""
    first = parts[0]
    return replace(
        first,
        kind=kind,
        verdict=worst(*(part.verdict for part in parts)),
        reasons=_all_reasons(parts),
        times=in_order(line for part in parts for line in part.times),
        subjects=tuple(subject for part in parts for subject in part.subjects),
    )


def in_order(lines: Iterable[TimeLine]) -> tuple[TimeLine, ...]:
    """Sort moments; each is told once."""
    kept: list[TimeLine] = []
    for line in lines:
        if line not in kept:
            kept.append(line)
    return tuple(sorted(kept, key=lambda line: line.at))


def _all_reasons(parts: tuple[Explanation, ...]) -> tuple[Reason, ...]:
    """Reasons of all parts; that one part is right is only said when all are."""
    found = [reason for part in parts for reason in part.reasons]
    if any(part.verdict != "valid" for part in parts):
        found = [reason for reason in found if reason.code != "ok"]
    kept: list[Reason] = []
    for reason in found:
        if reason not in kept:
            kept.append(reason)
    return tuple(kept)
