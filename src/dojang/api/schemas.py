"""What travels as JSON. Each model mirrors a value of `dojang.journeys.page`, with its sentences rendered."""

from __future__ import annotations

from typing import Annotated, Any

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(max_length=2000)]
Name = Annotated[str, StringConstraints(max_length=64)]
#: A value offered for a field: text, a truth value, or a list of texts (terms, choices). Bounded.
Value = Text | bool | None | Annotated[list[Text], Field(max_length=64)]


class MessageOut(Schema):
    """A sentence: its stable id, its arguments, and the sentence in the reader's language."""

    id: str
    args: dict[str, Any]
    text: str


class OptionOut(Schema):
    """One choice; `value` goes back in the data."""

    value: str
    label: MessageOut
    hint: MessageOut | None = None


class FieldOut(Schema):
    """One thing asked. `secret` values are never echoed, logged or stored."""

    name: str
    kind: str
    label: MessageOut
    rules: dict[str, Any]
    value: Any = None
    secret: bool = False
    help: MessageOut | None = None
    options: list[OptionOut]


class ShowOut(Schema):
    """One thing displayed; `data` depends on `kind`."""

    kind: str
    data: dict[str, Any]


class WaitOut(Schema):
    """Something outside is awaited: ask again after `poll_ms` milliseconds, at the latest `until`."""

    kind: str
    state: str
    until: str
    poll_ms: int


class FieldErrorOut(Schema):
    """One mistake; `field` is null when it is about the whole step."""

    code: str
    message: MessageOut
    field: str | None = None


class ActionOut(Schema):
    """Something that can be done now, sent back as `action`."""

    name: str
    label: MessageOut
    primary: bool


class PositionOut(Schema):
    """Stage n of m, and the step numbers of the printed guide."""

    stage: int
    stages: int
    stage_id: str
    stage_ids: list[str]
    guide_steps: list[int]


class PageOut(Schema):
    """The one document of a run: what is asked, shown, awaited and wrong, now."""

    model_config = ConfigDict(title="Page")

    schema_: Annotated[str, Field(alias="schema", serialization_alias="schema")]
    run: str
    journey: str
    product: str
    channel: str
    state: str
    revision: int
    step: str
    kind: str
    position: PositionOut
    title: MessageOut
    why: MessageOut | None = None
    fields: list[FieldOut]
    show: list[ShowOut]
    wait: WaitOut | None = None
    errors: list[FieldErrorOut]
    messages: list[MessageOut]
    actions: list[ActionOut]
    expires: str
    server_time: str
    side: str | None = None
    result: dict[str, Any] | None = None


class StartedOut(PageOut):
    """The first page of a new run, and the token that belongs to it (told once)."""

    model_config = ConfigDict(title="Started")

    token: str


class StartIn(Schema):
    """Which journey to begin."""

    model_config = ConfigDict(extra="forbid")

    journey: Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z][a-z0-9-]*$")]


class ActIn(Schema):
    """What is done at a step. `revision` is the page's; repeating the same one has no second effect."""

    model_config = ConfigDict(extra="forbid")

    revision: Annotated[int, Field(ge=0, le=1_000_000)]
    data: Annotated[
        dict[Annotated[str, StringConstraints(max_length=64)], Value],
        Field(max_length=32, default_factory=dict),
    ]
    action: Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z_]+(:[a-z0-9-]+)?$")] = "submit"


class WorkAsked(Schema):
    """Work that spares the waiting: `challenge`, zero `bits` wanted, or `wait` seconds."""

    challenge: str
    bits: int
    wait: int


class WorkOut(Schema):
    """Whether entries from here are slowed now, and what is asked before the next."""

    needed: bool
    work: WorkAsked | None


class ProblemOut(Schema):
    """RFC 9457 problem details; `code` is the stable error code, `page` the present page where one helps."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    page: PageOut | None = None
    errors: list[dict[str, Any]] | None = None
    work: WorkAsked | None = None


class JourneyOut(Schema):
    """A journey that can be started here."""

    id: str
    product: str
    channel: str
    version: str
    steps: list[str]


class ErrorOut(Schema):
    """One entry of the error catalogue."""

    code: str
    ko: str
    en: str
