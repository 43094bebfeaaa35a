"""From a posted form to the data of a step: only the fields the page asked for, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import QueryDict

    from dojang.journeys.page import Field

MANY = frozenset({"terms"})


def read_field(post: QueryDict, field: Field) -> Any:
    """Return the posted value of one field: text, a list for lists of consents, true/false for one consent.

    An RRN arrives in two boxes (``<name>_front``, ``<name>_back``) and is joined here. Nothing is cut: the
    step refuses what is too long, and the server too long a body.
    """
    if field.kind in MANY:
        return post.getlist(field.name)
    if field.kind == "consent":
        return field.name in post
    if field.kind == "rrn" and field.name not in post:
        return "".join(post.get(f"{field.name}_{half}", "") for half in ("front", "back"))
    return post.get(field.name, "")


def read_form(post: QueryDict, fields: Iterable[Field]) -> dict[str, Any]:
    """Return the data of a step from a posted form. Fields not asked for are ignored."""
    return {field.name: read_field(post, field) for field in fields}
