"""Search in the guides: plain, on the server, in both languages at once, without an index to keep.

All guides together are a few hundred short texts, so each search walks them. Latin words are found by their
beginnings. In Korean, where people space as they like, spaces do not count (출금 계좌 finds 출금계좌), and as
words change their endings, one that is found nowhere as a whole is compared by its pairs of letters.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.edge.wording import LOCALES
from dojang.web.guides import Guide, all_guides

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.ports.policy import Policy

LONGEST_QUERY = 80
MOST = 20
_ALIKE = 0.6  # of a word's pairs of letters; 잃어버렸어요 and 잃어버리면 share enough
_SHORTEST_ALIKE = 3


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found. `kind`: ``guide step need question``; `anchor` names a place in the guide."""

    kind: str
    title: str
    text: str
    journey: str
    guide_title: str
    anchor: str


def fold(text: str) -> str:
    """Fold a text for comparing: one form of each letter, no case, single spaces for everything else."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(letter if letter.isalnum() else " " for letter in folded).split())


def _pairs(word: str) -> set[str]:
    return {word[at : at + 2] for at in range(len(word) - 1)}


def _holds(text: str, word: str) -> bool:
    """Tell whether a folded text has a word: from its beginning in Latin, anywhere in Korean."""
    return f" {word}" in f" {text}" if word.isascii() else word in text.replace(" ", "")


def _weight(word: str, title: str, text: str) -> float:
    """Say how well one word fits: 3 in the title, 1 in the text, less when only alike, 0 not at all."""
    if _holds(title, word):
        return 3.0
    if _holds(text, word):
        return 1.0
    if len(word) < _SHORTEST_ALIKE or word.isascii():
        return 0.0
    pairs = _pairs(word)
    share = len(pairs & _pairs(f"{title} {text}")) / len(pairs)
    return share / 2 if share >= _ALIKE else 0.0


def _hits_of(guide: Guide) -> Iterator[Hit]:
    place = (guide.journey, guide.title)
    about = f"{guide.product_name} {guide.purpose_name} {guide.lead}"
    yield Hit("guide", guide.title, about, *place, "")
    for step in guide.steps:
        yield Hit("step", step.title, step.why, *place, f"step-{step.id}")
    for need in guide.needs:
        yield Hit("need", need.title, need.text, *place, "needs")
    for asked in guide.questions:
        yield Hit("question", asked.question, asked.answer, *place, f"faq-{asked.id}")


def _corpus(locale: str, policy: Policy) -> Iterator[tuple[Hit, str, str]]:
    """Give each thing once, in the reader's language, with title and text of both languages folded."""
    read = {
        each: [hit for guide in all_guides(each, policy=policy) for hit in _hits_of(guide)]
        for each in LOCALES
    }
    seen: set[tuple[str, str, str]] = set()
    for at, hit in enumerate(read[locale]):
        # The same question or step of several journeys is one answer: the first one's.
        if (same := (hit.kind, hit.title, hit.text)) in seen:
            continue
        seen.add(same)
        title = " ".join(fold(hits[at].title) for hits in read.values())
        text = " ".join(fold(hits[at].text) for hits in read.values())
        yield hit, title, text


def search_guides(query: str, locale: str, *, policy: Policy) -> list[Hit]:
    """Return what fits every word of a query, best first, at most `MOST`; nothing for an empty query."""
    words = fold(query[:LONGEST_QUERY]).split()
    if not words:
        return []
    found = []
    for at, (hit, title, text) in enumerate(_corpus(locale, policy)):
        weights = [_weight(word, title, text) for word in words]
        if all(weights):
            found.append((-sum(weights), at, hit))
    return [hit for _, _, hit in sorted(found, key=lambda item: item[:2])[:MOST]]
