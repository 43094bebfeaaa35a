"""The Page: one versioned document that the web, the app and the JSON interface all show.

A Page holds message ids and arguments, never sentences; each edge renders them in the reader's language.
Nothing in a Page is secret, except numbers the customer is meant to read from the screen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SCHEMA = "dojang.page/1"


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence by id, with arguments (JSON values)."""

    id: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a field. `value` goes back in the form."""

    value: str
    label: Message
    hint: Message | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One thing asked.

    `kind` names the template: ``text user_id rrn digits secret_digits card_code otp email phone birth name
    address choice consent terms pin hidden`` (``hidden`` is filled in by the page's own element, not by
    hand). `rules` are machine-readable limits such as
    ``{"required": true, "pattern": "[0-9]{4}", "length": 4}``. `value` is what was typed before,
    never a secret.
    `secret` fields go through the keypad, are never echoed and never stored.
    """

    name: str
    kind: str
    label: Message
    rules: dict[str, Any] = field(default_factory=dict)
    value: Any = None
    secret: bool = False
    help: Message | None = None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Show:
    """One thing displayed.

    `kind` names the template: ``code notice facts terms card_cells seal certificate device pattern
    device_key certificate_sign approval deliver``.
    """

    kind: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """Something outside is awaited. `state` is live (``dialing ringing …``); `until` ISO 8601 UTC."""

    kind: str  #: ``call sms_reply mail_code phone_code phone_check one_won approval issuing delivery``
    state: str
    until: str
    poll_ms: int = 1000


@dataclass(frozen=True, slots=True)
class FieldError:
    """One mistake. `field` is ``None`` when it is about the whole step. `code` is stable."""

    code: str
    message: Message
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A button. `name`: ``submit back resend cancel extend leave stored`` or ``side:<id>``."""

    name: str
    label: Message
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """Where the customer is: stage n of m for the bar, and the step numbers of the bank's own guide."""

    stage: int
    stages: int
    stage_id: str
    stage_ids: tuple[str, ...]
    guide_steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown now.

    `state`: ``open issuing delivering waiting done locked failed expired cancelled``.
    """

    run: str
    journey: str
    product: str
    channel: str
    state: str
    revision: int
    step: str
    kind: str
    position: Position
    title: Message
    why: Message | None
    fields: tuple[Field, ...] = ()
    show: tuple[Show, ...] = ()
    wait: Wait | None = None
    errors: tuple[FieldError, ...] = ()
    messages: tuple[Message, ...] = ()
    actions: tuple[Action, ...] = ()
    expires: str = ""  #: ISO 8601 UTC, idle time-out
    server_time: str = ""  #: ISO 8601 UTC, so that countdowns do not depend on the device's clock
    side: str | None = None  #: id of the side journey this step belongs to
    result: dict[str, Any] | None = None  #: the issued certificate in plain words, when `state` is ``done``
    schema: str = SCHEMA
