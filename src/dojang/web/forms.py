"""From a posted form to the data of a step: only the fields the page asked for, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import QueryDict

    from dojang.journeys.page import Field

LONGEST = 200
LONGEST_HIDDEN = 8192  #: requests and signatures made by the device, as base64
MOST = 40
MANY = frozenset({"terms"})


def read_field(post: QueryDict, field: Field) -> Any:
    """Return the posted value of one field: text, a list for lists of consents, true/false for one consent.

    An RRN arrives in two boxes (``<name>_front``, ``<name>_back``) and is joined here.
    """
    if field.kind in MANY:
        return [value[:LONGEST] for value in post.getlist(field.name)[:MOST]]
    if field.kind == "consent":
        return field.name in post
    if field.kind == "rrn" and field.name not in post:
        parts = (post.get(f"{field.name}_{half}", "").strip()[:LONGEST] for half in ("front", "back"))
        return "".join(parts)
    longest = LONGEST_HIDDEN if field.kind == "hidden" else LONGEST
    value = post.get(field.name, "")[:longest]
    return value if field.secret else value.strip()


def read_form(post: QueryDict, fields: Iterable[Field]) -> dict[str, Any]:
    """Return the data of a step from a posted form. Fields not asked for are ignored."""
    return {field.name: read_field(post, field) for field in fields}
