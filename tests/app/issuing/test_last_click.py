"""The last click is read in at most twelve files: those `docs/architecture.md` lists, in that order."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from tests.journeys.app.walker import Walk

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
WAY = re.findall(r"^\d+\. `(src/[^`]+)` `(\w+)`", DOCUMENT, re.MULTILINE)
BESIDE = set(
    re.findall(r"`(src/[^`]+)`", DOCUMENT.partition("What they write through")[2].partition("\n\n")[0])
)
#: What runs in the signer's process; its function is looked for in the text.
ELSEWHERE = {"src/dojang/signer/authority.py"}


def of_ours(frame: FrameType | None) -> str:
    """Return the file of the innermost function of ours, from the repository's root."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(str(ROOT / "src")):
            return str(Path(name).relative_to(ROOT))
        frame = frame.f_back
    return ""


def watched(click: Callable[[], Any]) -> tuple[list[tuple[str, str]], set[str]]:
    """Click; return the functions of ours that were called, in order, and the files that wrote rows."""
    called: list[tuple[str, str]] = []
    writers: set[str] = set()

    def profile(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(ROOT / "src")):
            called.append((of_ours(frame), frame.f_code.co_name))

    def note(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if "audit_append" in sql or re.match(r"\s*(?:WITH\b.*\b)?(?:INSERT|UPDATE|DELETE)\b", sql, re.DOTALL):
            writers.add(of_ours(sys._getframe()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        sys.setprofile(profile)
        try:
            click()
        finally:
            sys.setprofile(None)
    return called, writers


def test_the_last_click_follows_the_listed_files(world: World) -> None:
    """Each listed function is called when the last button is pressed, in the order of the list."""
    assert 10 <= len(WAY) <= 12
    for file, function in WAY:
        assert re.search(rf"^\s*def {function}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE), file
    walk = Walk(world).walk_to("confirm")
    browser = Client()
    browser.cookies["dojang_run"] = f"{walk.run}.{walk.started.token}"
    form = {"step": "confirm", "revision": walk.page.revision, "action": "submit"}
    answers: list[Any] = []
    called, writers = watched(lambda: answers.append(browser.post(f"/runs/{walk.run}/", form)))
    assert answers[0].status_code == 303
    assert walk.refresh().state == "done"
    here = [step for step in WAY if step[0] not in ELSEWHERE]
    assert [step for step in dict.fromkeys(called) if step in here] == here
    assert writers - {file for file, _ in WAY} - BESIDE == set()
    assert BESIDE - writers == set()
