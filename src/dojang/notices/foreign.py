"""Evidence of somebody else: both persons are told, at whatever door it was offered.

Once for an occasion and a kind of evidence: repeating a wrong entry is no way to flood anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dojang.notices.letters import Letters


@dataclass(frozen=True, slots=True)
class ForeignNotices:
    """The two notices of one door: to whom it was offered for, and to whom it belongs."""

    offered_for: str
    owner: str


ISSUING: Final = ForeignNotices("evidence_of_another", "evidence_used_elsewhere")
PROVING: Final = ForeignNotices("proof_of_another", "proof_used_elsewhere")
STOPPING: Final = ForeignNotices("stop_of_another", "stop_used_elsewhere")


def warn_both(
    letters: Letters,
    evidence: str,
    *,
    offered_for: str,
    owners: Iterable[str],
    door: ForeignNotices,
    key: str,
    **args: str,
) -> tuple[str, ...]:
    """Tell whom the evidence was offered for (if known) and everybody it belongs to; return all of them.

    `evidence` is the last part of a ``notice.factor.*``, `key` names the occasion, `args` go into the words.
    """
    others = tuple(owner for owner in dict.fromkeys(owners) if owner and owner != offered_for)
    told = f"{key}:{evidence}"
    for owner in others:
        letters.add(owner, door.owner, told, factor=evidence, **args)
    if offered_for:
        letters.add(offered_for, door.offered_for, told, factor=evidence, **args)
    return tuple(filter(None, (offered_for, *others)))
