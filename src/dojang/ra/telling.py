"""What a run tells people: of evidence that is somebody else's, of changed channels, of who is away."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from dojang.journeys.page import FieldError, Message
from dojang.notices import foreign
from dojang.notices.actions import remember_channels

if TYPE_CHECKING:
    from dojang.journeys.model import RunView
    from dojang.journeys.outcomes import Mismatch
    from dojang.notices.letters import Letters
    from dojang.pki.errors import DojangError
    from dojang.ports.world import World

log = logging.getLogger("dojang.ra")
#: Facts that change how a customer can be reached, and the notice that says so to the channels before.
CHANGES: Final = {"phone_changed": "phone_changed"}


def warn_both(letters: Letters, mismatch: Mismatch, view: RunView) -> tuple[str, ...]:
    """Tell the person of the run and every owner of the foreign evidence; return all (invariant 8)."""
    return foreign.warn_both(
        letters,
        mismatch.evidence,
        offered_for=view.customer or "",
        owners=mismatch.owners,
        door=foreign.ISSUING,
        key=view.id,
        product=view.product,
    )


def remember(letters: Letters, customer_id: str, *, world: World) -> None:
    """Keep the channels a customer had when the run began: they are told whatever happens to them later."""
    audience = letters.audiences.get(customer_id)
    if audience is not None and audience.channels:
        remember_channels(audience, world=world)


def say_away(error: DojangError) -> FieldError:
    """Say on the page that somebody outside could not be asked, and write it down: no door hears of it."""
    log.error("a step was not asked", extra={"code": error.code, "error": type(error).__name__})
    figures = {name: value for name, value in error.data.items() if isinstance(value, str | int)}
    return FieldError(error.code, Message(error.message_id, figures))
