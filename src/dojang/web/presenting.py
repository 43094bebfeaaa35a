"""From a Page to what the templates show: every sentence rendered, every control described."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from dojang.edge.wording import (
    is_message,
    knows,
    localise,
    parse_moment,
    phrase,
    say,
    write_moment,
    write_time,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dojang.journeys.page import Action, Field, FieldError, Page, Show, Wait

#: What the browser is told about a kind of field: input mode, autocomplete token (WCAG 1.3.5), type.
_INPUTS: Mapping[str, tuple[str, str, str]] = {
    "text": ("text", "off", "text"),
    "user_id": ("text", "username", "text"),
    "rrn": ("numeric", "off", "text"),
    "digits": ("numeric", "off", "text"),
    "secret_digits": ("numeric", "off", "password"),
    "card_code": ("numeric", "off", "password"),
    "otp": ("numeric", "one-time-code", "text"),
    "email": ("email", "email", "email"),
    "phone": ("tel", "tel-national", "tel"),
    "birth": ("numeric", "bday", "text"),
    "name": ("text", "name", "text"),
    "pin": ("numeric", "off", "password"),
}
#: The visible stations of a wait, each with the live states that mean "here".
_TRACKS: Mapping[str, tuple[tuple[str, frozenset[str]], ...]] = {
    "call": (
        ("dialing", frozenset({"dialing", "ringing"})),
        ("answered", frozenset({"answered"})),
        ("approved", frozenset({"approved"})),
    ),
    "sms_reply": (
        ("waiting", frozenset({"waiting"})),
        ("received", frozenset({"received"})),
    ),
}
#: Codes good for one use are secret from logs and pages, but not from the one who types or pastes them.
_SHOWN = frozenset({"otp"})
_REFUSED = frozenset({"ars_rejected", "approval_rejected"})
_GOOD = frozenset({"approved", "received"})
_FAILED = frozenset(
    {"rejected", "no_answer", "busy", "ended", "wrong_code", "timeout", "expired", "late", "void"}
)


#: Facts of a certificate worth showing, in this order.
_CERTIFICATE_FACTS = (
    "holder", "product", "issuer", "not_before", "not_after",
    "revoked_at", "reason", "serial", "policy", "sha256",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a field, rendered."""

    id: str
    value: str
    label: str
    hint: str
    checked: bool
    text: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Control:
    """One field, rendered. `anchor` is the id of the element an error link leads to."""

    name: str
    kind: str
    id: str
    anchor: str
    label: str
    help: str
    value: str
    secret: bool
    required: bool
    length: int | None
    longest: int
    inputmode: str
    autocomplete: str
    type: str
    errors: tuple[str, ...]
    choices: tuple[Choice, ...]
    templates: tuple[str, ...]
    rules: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_optional(self) -> bool:
        """Whether one of its choices may be left out."""
        return any(not choice.required for choice in self.choices)

    @property
    def described_by(self) -> str:
        """Ids of help and errors, for ``aria-describedby``."""
        ids = [f"{self.id}-error"] if self.errors else []
        return " ".join([*ids, *([f"{self.id}-help"] if self.help else [])])


@dataclass(frozen=True, slots=True)
class Panel:
    """One thing displayed: `data` with every message in it rendered."""

    kind: str
    data: Mapping[str, Any]
    templates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Station:
    """One station of a wait; `state`: ``done now good next``."""

    label: str
    state: str


@dataclass(frozen=True, slots=True)
class WaitPanel:
    """A live wait."""

    kind: str
    state: str
    text: str
    until: str
    until_text: str
    poll_ms: int
    over: bool
    good: bool
    stations: tuple[Station, ...]


@dataclass(frozen=True, slots=True)
class Button:
    """One action."""

    name: str
    label: str
    primary: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """One segment of the stage bar; `state`: ``done now next``."""

    label: str
    state: str


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring controls; `cells` sets the halves of card codes side by side."""

    controls: tuple[Control, ...]
    cells: bool


@dataclass(frozen=True, slots=True)
class View:
    """A whole Page as the templates need it."""

    page: Page
    title: str
    why: str
    stages: tuple[Stage, ...]
    stage: int
    controls: tuple[Control, ...]
    panels: tuple[Panel, ...]
    wait: WaitPanel | None
    summary: tuple[tuple[str, str], ...]  #: (anchor or "", sentence)
    notes: tuple[tuple[str, str], ...]  #: (tone, sentence); tone: ``warn`` ``info`` ``told``
    primary: Button | None
    others: tuple[Button, ...]
    sides: tuple[Button, ...]
    back: Button | None
    cancel: Button | None
    extend: Button | None
    leave: Button | None
    expires_text: str
    side_title: str

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """Notes against fraud."""
        return [note for note in self.notes if note[0] == "warn"]

    @property
    def infos(self) -> list[tuple[str, str]]:
        """All other notes; what to do next stands with the error it follows."""
        apart = {"warn", "next"} if self.summary else {"warn"}
        return [note for note in self.notes if note[0] not in apart]

    @property
    def nexts(self) -> list[str]:
        """What to do after the error."""
        return [text for tone, text in self.notes if tone == "next"]

    @property
    def told(self) -> str:
        """What the page says of the outside, in short."""
        return told_of(self.page)

    @property
    def is_mistake(self) -> bool:
        """Whether something on the page is to be corrected, rather than something came to nothing outside."""
        return any(anchor for anchor, _text in self.summary)

    @property
    def perhaps_not_me(self) -> bool:
        """Whether somebody refused on the telephone what may never have been theirs."""
        return any(error.code in _REFUSED for error in self.page.errors)

    @property
    def groups(self) -> tuple[Group, ...]:
        """Controls, with card codes gathered."""
        runs = groupby(self.controls, key=lambda control: control.kind == "card_code")
        return tuple(Group(tuple(controls), cells) for cells, controls in runs)


def _choices(item: Field, texts: Mapping[str, Mapping[str, Any]], locale: str) -> tuple[Choice, ...]:
    picked = item.value if isinstance(item.value, list | tuple) else [item.value]
    return tuple(
        Choice(
            id=f"f-{item.name}-{number}",
            value=option.value,
            label=say(option.label, locale),
            hint=say(option.hint, locale) if option.hint else "",
            checked=option.value in picked,
            text=str(texts.get(option.value, {}).get("text", "")),
            required=bool(texts.get(option.value, {}).get("required", True)),
        )
        for number, option in enumerate(item.options)
    )


def _control(
    item: Field, errors: Sequence[FieldError], texts: Mapping[str, Mapping[str, Any]], locale: str
) -> Control:
    inputmode, autocomplete, kind_type = _INPUTS.get(item.kind, ("text", "off", "text"))
    choices = _choices(item, texts, locale)
    ident = f"f-{item.name}"
    length = item.rules.get("length")
    anchor = choices[0].id if choices else (f"{ident}_front" if item.kind == "rrn" else ident)
    return Control(
        name=item.name,
        kind=item.kind,
        id=ident,
        anchor=anchor,
        label=say(item.label, locale),
        help=say(item.help, locale) if item.help else "",
        value="" if item.secret or item.value is None else str(item.value),
        secret=item.secret,
        required=bool(item.rules.get("required", True)),
        length=int(length) if length else None,
        longest=int(length or item.rules.get("max_length") or item.rules.get("max") or 100),
        inputmode=inputmode,
        autocomplete=autocomplete,
        type="password" if item.secret and item.kind not in _SHOWN else kind_type,
        errors=tuple(say(error.message, locale) for error in errors if error.field == item.name),
        choices=choices,
        templates=(f"fields/{item.kind}.html", "fields/text.html"),
        rules=item.rules,
    )


def _deep(value: Any, locale: str) -> Any:
    """Render every message inside a structure."""
    if isinstance(value, list | tuple):
        return [_deep(item, locale) for item in value]
    if isinstance(value, dict) and not is_message(value):
        return {key: _deep(item, locale) for key, item in value.items()}
    return localise(value, locale)


def _panel(show: Show, locale: str) -> Panel:
    return Panel(show.kind, _deep(show.data, locale), (f"show/{show.kind}.html", "show/facts.html"))


def _term_texts(page: Page, locale: str) -> dict[str, Mapping[str, Any]]:
    """Full texts of the terms by id, taken from the page's ``terms`` display."""
    found: dict[str, Mapping[str, Any]] = {}
    for show in page.show:
        if show.kind == "terms":
            for item in show.data.get("items", show.data.get("terms", ())):
                found[str(item.get("id"))] = {
                    "text": localise(item.get("text", ""), locale),
                    "required": item.get("required", True),
                }
    return found


def _first_known(locale: str, *ids: str) -> str:
    return next((phrase(message_id, locale) for message_id in ids if knows(message_id, locale)), "")


def present_wait(wait: Wait, locale: str) -> WaitPanel:
    """Render a live wait: its stations, its sentence, and until when."""
    track = _TRACKS.get(wait.kind, ())
    here = next((n for n, (_, states) in enumerate(track) if wait.state in states), None)
    stations = []
    for number, (label, _states) in enumerate(track):
        state = "next"
        if here is not None:
            good = number == here and wait.state in _GOOD
            state = "done" if number < here else ("good" if good else ("now" if number == here else "next"))
        stations.append(Station(phrase(f"web.wait.{wait.kind}.station.{label}", locale), state))
    until = parse_moment(wait.until)
    return WaitPanel(
        kind=wait.kind,
        state=wait.state,
        text=_first_known(
            locale, f"web.wait.{wait.kind}.{wait.state}", f"web.wait.{wait.kind}.other", "web.wait.other"
        ),
        until=wait.until,
        until_text=write_time(until, locale) if until else "",
        poll_ms=max(500, wait.poll_ms),
        over=wait.state in _FAILED,
        good=wait.state in _GOOD,
        stations=tuple(stations),
    )


def _stages(page: Page, locale: str) -> tuple[Stage, ...]:
    here = page.position.stage
    return tuple(
        Stage(
            label=_first_known(locale, f"stage.{stage_id}", f"stage.{stage_id}.title") or stage_id,
            state="done" if number < here or page.state == "done" else ("now" if number == here else "next"),
        )
        for number, stage_id in enumerate(page.position.stage_ids, start=1)
    )


def _tone(message_id: str) -> str:
    """Tell a warning, an answer (to be heard first), what to do after an error and a mere note apart."""
    if message_id.startswith("scam."):
        return "warn"
    last = message_id.rpartition(".")[2]
    if last.startswith("next"):
        return "next"
    return "told" if last in {"not_yet", "no_number"} else "info"


def told_of(page: Page) -> str:
    """Return what a page says of the outside, in short: another value means that there is news."""
    said = [[error.code, error.message.args] for error in page.errors]
    said += [[message.id, message.args] for message in page.messages if message.id.endswith(".no_number")]
    if not said:
        return ""
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _buttons(actions: Sequence[Action], locale: str) -> dict[str, Button]:
    return {action.name: Button(action.name, say(action.label, locale), action.primary) for action in actions}


def _summary(page: Page, controls: Sequence[Control], locale: str) -> tuple[tuple[str, str], ...]:
    named = {control.name: control for control in controls}
    said = [(named.get(error.field or ""), say(error.message, locale)) for error in page.errors]
    texts = Counter(text for _, text in said)
    alike = {text for text, times in texts.items() if times > 1}  # which of them, says its label
    return tuple(
        (control.anchor if control else "", f"{control.label}: {text}" if control and text in alike else text)
        for control, text in said
    )


def present(page: Page, locale: str) -> View:
    """Render a Page for the templates."""
    texts = _term_texts(page, locale)
    controls = tuple(_control(item, page.errors, texts, locale) for item in page.fields)
    buttons = _buttons(page.actions, locale)
    primary = buttons.get("submit") or next((button for button in buttons.values() if button.primary), None)
    named = {"submit", "back", "cancel", "extend", "leave"}
    expires = parse_moment(page.expires)
    return View(
        page=page,
        title=say(page.title, locale),
        why=say(page.why, locale) if page.why else "",
        stages=_stages(page, locale),
        stage=page.position.stage,
        controls=controls,
        panels=tuple(_panel(show, locale) for show in page.show if show.kind != "terms" or not controls),
        wait=present_wait(page.wait, locale) if page.wait else None,
        summary=_summary(page, controls, locale),
        notes=tuple((_tone(message.id), say(message, locale)) for message in page.messages),
        primary=primary,
        others=tuple(
            button
            for name, button in buttons.items()
            if name not in named and not name.startswith("side:") and button != primary
        ),
        sides=tuple(button for name, button in buttons.items() if name.startswith("side:")),
        back=buttons.get("back"),
        cancel=buttons.get("cancel"),
        extend=buttons.get("extend"),
        leave=buttons.get("leave"),
        expires_text=write_time(expires, locale) if expires else "",
        side_title=_first_known(locale, f"journey.{page.side}.title", f"side.{page.side}.title")
        if page.side
        else "",
    )


def certificate_rows(facts: Mapping[str, Any], locale: str) -> list[dict[str, Any]]:
    """Put facts of a certificate in plain words: rows of label, value, mono; unknown ones are left out."""
    rows = []
    for key in _CERTIFICATE_FACTS:
        value = facts.get(key)
        if value in (None, ""):
            continue
        moment = parse_moment(value) if isinstance(value, str) else None
        if key == "product":
            text = _first_known(locale, f"product.{value}.name") or value
        elif key == "serial":
            text = write_serial(str(value))
        elif moment is not None:
            text = write_moment(moment, locale)
        else:
            text = localise(value, locale)
        label = phrase(f"web.cert.{key}", locale)
        rows.append({"label": label, "value": text, "mono": key in {"serial", "policy", "sha256"}})
    return rows


def present_result(page: Page, locale: str) -> dict[str, Any]:
    """Put the issued certificate in plain words: holder's name, rows of facts, serial revoked."""
    result = dict(page.result or {})
    replaced = result.get("replaced") or result.get("revoked") or ""
    if isinstance(replaced, dict):
        replaced = replaced.get("serial", "")
    holder = str(result.get("holder") or result.get("name") or "")
    return {
        "name": holder,
        # The run knows the issuer only by its label in the signer, which says nothing to the holder.
        "rows": certificate_rows({**result, "holder": holder, "issuer": ""}, locale),
        "replaced": write_serial(str(replaced)),
    }


def write_serial(serial: str) -> str:
    """Write a serial number in groups of four hexadecimal digits; a decimal one is converted."""
    text = serial.strip().lower().removeprefix("0x")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
