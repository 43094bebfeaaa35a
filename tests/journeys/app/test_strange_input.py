"""Strange values in every field of every step: told what is wrong, nothing counted, no failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.journeys.app.device import AppWalk
from tests.journeys.app.walker import Walk

from dojang.guard.models import Attempt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.journeys.page import Page
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

#: None of these is a right form of anything.
STRANGE: tuple[Any, ...] = (
    "a\0b", "\0", "\u202e", "\u200b", "\ud800", "\x1b[31m", "x" * 3_000, "²" * 6, "\udfff" * 13, "💥" * 300,
    None, True, 5, ["\0"], [None], {"a": "b"}, "",
)  # fmt: skip


def pages(walk: Walk) -> Iterator[Page]:
    """Walk truthfully to the last page; yield each page before it is answered."""
    for _ in range(40):
        if walk.page.state != "open" or walk.page.step == "confirm":
            return
        yield walk.page
        walk.step()


@pytest.mark.parametrize(
    ("kind", "journey"),
    [
        (Walk, "financial-web-issue"),
        (AppWalk, "financial-app-issue"),
        (AppWalk, "joint-app-issue"),
        (AppWalk, "bank-app-issue"),
    ],
)
def test_no_field_of_any_step_takes_or_counts_what_is_none(world: World, kind: Any, journey: str) -> None:
    """Each strange value leaves the run at its step, with a sentence, and every counter where it was."""
    walk, seen = kind(world, journey=journey), 0
    for page in pages(walk):
        if not page.fields:
            continue
        seen, before = seen + 1, Attempt.objects.count()
        for value in STRANGE:
            shown = walk.submit(**{field.name: value for field in page.fields})
            assert (shown.step, shown.state) == (page.step, "open"), (page.step, value)
            assert shown.errors, (page.step, value)
        assert Attempt.objects.count() == before, page.step
    assert walk.page.step == "confirm"
    assert seen >= 6
    assert walk.submit().state in {"done", "delivering"}
