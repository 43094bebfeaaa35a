"""Terms: each item is agreed to by itself; the server looks at the items, never at an "all" switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, error
from dojang.journeys.model import ONWARD, PageParts, RunView
from dojang.journeys.outcomes import Outcome, Passed
from dojang.journeys.page import Field, FieldError, Message, Option, Show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.model import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One text to agree to. `sha256` maps a language to the hex digest of the text's bytes (UTF-8)."""

    id: str
    version: str
    required: bool
    sha256: Mapping[str, str]

    @property
    def title(self) -> Message:
        """Title of the text."""
        return Message(f"terms.{self.id}.title")

    @property
    def text(self) -> Message:
        """Full text, to be opened on the page."""
        return Message(f"terms.{self.id}.text")


@dataclass(frozen=True)
class Terms(Base):
    """Consent to a list of terms. Kept: which text, version, digest and language, and when."""

    items: tuple[Term, ...]
    name = "terms"

    def page(self, run: RunView) -> PageParts:
        """List every item with its full text."""
        options = tuple(
            Option(t.id, t.title, Message("terms.required" if t.required else "terms.optional"))
            for t in self.items
        )
        required = [t.id for t in self.items if t.required]
        agree = Field(
            "agree",
            "terms",
            Message("field.agree"),
            rules={"required": True, "multiple": True, "must_include": required},
            options=options,
        )
        shown = [
            {
                "id": t.id,
                "version": t.version,
                "required": t.required,
                "sha256": t.sha256.get(run.locale, ""),
                "title": t.title,
                "text": t.text,
            }
            for t in self.items
        ]
        submit = ONWARD if run.channel == "app" else Message("action.agree")
        return PageParts(fields=(agree,), show=(Show("terms", {"items": shown}),), submit=submit)

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Accept only when each required item is named; names we did not offer are ignored."""
        del run
        given = data.get("agree")
        chosen = {given} if isinstance(given, str) else set()
        if isinstance(given, (list, tuple)):
            chosen = {item for item in given if isinstance(item, str)}
        if any(t.required and t.id not in chosen for t in self.items):
            return (error("terms_required", "agree"),)
        return {"agree": [t.id for t in self.items if t.id in chosen]}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep versions and digests of what was agreed to."""
        agreed = {
            t.id: {"version": t.version, "sha256": t.sha256.get(run.locale, ""), "locale": run.locale}
            for t in self.items
            if t.id in answer["agree"]
        }
        fact = run.prove("terms", customer=None, values={"agreed": agreed})
        return Passed(facts=(fact,))

    def is_current(self, run: RunView, fact: Fact) -> bool:
        """Consent to a text that has changed since is no consent to the new one."""
        del run
        agreed = fact.values["agreed"]
        return all(
            not t.required or agreed.get(t.id, {}).get("version") == t.version for t in self.items
        ) and all(agreed[t.id]["version"] == t.version for t in self.items if t.id in agreed)
