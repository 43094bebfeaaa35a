"""Small forms outside the journeys: the same controls and templates, described in one line each."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from dojang.edge.wording import phrase
from dojang.web.presenting import Choice, Control

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from dojang.edge.refusals import Refusal

_INPUTS: Mapping[str, tuple[str, str, str]] = {
    "user_id": ("text", "username", "text"),
    "rrn": ("numeric", "off", "text"),
    "digits": ("numeric", "off", "text"),
    "secret_digits": ("numeric", "off", "password"),
    "pin": ("numeric", "off", "password"),
    "name": ("text", "name", "text"),
    "birth": ("numeric", "bday", "text"),
    "phone": ("tel", "tel-national", "tel"),
}


def control(
    name: str,
    kind: str,
    label: str,
    locale: str,
    *,
    help_id: str = "",
    value: str = "",
    longest: int = 40,
    errors: Sequence[str] = (),
    choices: Sequence[tuple[str, str]] = (),
    **args: object,
) -> Control:
    """Describe one field.

    `label` (with its `args`) and `help_id` are message ids, `choices` pairs of value and message id.
    """
    inputmode, autocomplete, type_ = _INPUTS.get(kind, ("text", "off", "text"))
    ident = f"f-{name}"
    picks = tuple(
        Choice(
            id=f"{ident}-{number}", value=option, label=phrase(text, locale), hint="", checked=option == value
        )
        for number, (option, text) in enumerate(choices)
    )
    secret = type_ == "password" or kind == "rrn"
    return Control(
        name=name,
        kind=kind,
        id=ident,
        anchor=picks[0].id if picks else (f"{ident}_front" if kind == "rrn" else ident),
        label=phrase(label, locale, args),
        help=phrase(help_id, locale) if help_id else "",
        value="" if secret else value,
        secret=secret,
        required=True,
        length=longest if kind in {"pin", "secret_digits"} else None,
        longest=longest,
        inputmode=inputmode,
        autocomplete=autocomplete,
        type=type_,
        errors=tuple(errors),
        choices=picks,
        templates=(f"fields/{kind}.html", "fields/text.html"),
    )


def summary_of(controls: Sequence[Control], general: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Gather the errors of a form: (anchor, sentence); general ones lead nowhere."""
    own = [(item.anchor, text) for item in controls for text in item.errors]
    return [*(("", text) for text in general), *own]


def form_status(refusal: Refusal | None, *errors: Collection[str]) -> HTTPStatus:
    """Return the status of a form: its refusal's, else 422 when a field has errors, else 200."""
    if refusal is not None:
        return refusal.status
    return HTTPStatus.UNPROCESSABLE_ENTITY if any(errors) else HTTPStatus.OK
