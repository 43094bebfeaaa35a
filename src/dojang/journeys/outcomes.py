"""What may come out of a step, and what is counted before it. Frozen values; `engine` holds the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.model import Fact
    from dojang.journeys.page import FieldError, Message
    from dojang.ports.limits import Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One counter moved, durably, *before* anybody is asked.

    `subject_kind`: ``customer`` ``claim`` ``user_id`` ``account`` ``phone`` ``source`` ``run``; `subject` is
    the plain value for ``user_id``, ``account`` and ``phone`` (store it only as a keyed digest) and empty for
    the others, which the caller knows. What a kind counts for the ``customer`` counts for the ``claim`` to be
    that customer until something was proven (`dojang.journeys.claims`).
    The try is refused when `limit` was already reached.
    `on_pass` and `on_pending` say what becomes of the count: ``reset`` (to nothing), ``refund`` (this one
    back), ``keep``. A rejected try is always kept. `locks`: reaching the limit locks the factor (and is told
    as a lock); otherwise it only refuses this action (`code` is the error's code).
    """

    factor: str
    limit: Limit
    subject_kind: str = "customer"
    subject: str = ""
    on_pass: str = "reset"  # noqa: S105 - a word, not a password
    on_pending: str = "keep"
    locks: bool = True
    code: str = "factor_locked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Evidence of somebody else. `owners` are the customers it belongs to, as far as the bank can tell."""

    evidence: str
    owners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """The step is done. `challenge_answered` frees the customer's pending challenge."""

    facts: tuple[Fact, ...] = ()
    messages: tuple[Message, ...] = ()  #: shown on the next page
    challenge_answered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Not this way. `scratch` replaces the step's scratch if given; `forget` names fact keys to drop.

    `enter_again` begins a new visit of the same step (its errors stay on the page). `compared` is false when
    nothing secret was compared (the question came too late): then the try is given back.
    """

    errors: tuple[FieldError, ...]
    scratch: Mapping[str, Any] | None = None
    mismatch: Mismatch | None = None
    forget: tuple[str, ...] = ()
    enter_again: bool = False
    compared: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Still on this step, nothing wrong: something outside is awaited or a new phase began.

    `dispatch` names what a job is to do once this is stored (`Kind.dispatch`): the same for whom there is
    something to be done and for whom there is not, so that the time of the answer tells nothing.
    """

    scratch: Mapping[str, Any] | None = None
    messages: tuple[Message, ...] = ()
    dispatch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """The factor is locked. The run lives on: another factor may be chosen with ``back``."""

    factor: str
    errors: tuple[FieldError, ...]
    mismatch: Mismatch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The run is over (not eligible). The page says why and what to do instead."""

    error: FieldError


Outcome = Passed | Rejected | Pending | Locked | Stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What entering a step produced. `challenge` (if any) is stored for the *customer*, until answered."""

    scratch: Mapping[str, Any] = field(default_factory=dict)
    challenge: Mapping[str, Any] | None = None
    stop: FieldError | None = None  #: the step can never be done: the run is over
