"""What is typed to connect a browser, and how it stands."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SMS_REPLY, ARS_CALL, APPROVAL = "sms_reply", "ars_call", "approval"
#: How the telephone may answer, the quietest first: a reply disturbs nobody who has not asked for it.
WAYS: Final = (SMS_REPLY, ARS_CALL, APPROVAL)


@dataclass(frozen=True, slots=True)
class Line:
    """Whose telephone is to answer, in plain writing."""

    name: str
    birth: date
    phone: str

    def as_json(self) -> dict[str, str]:
        """Write it down."""
        return {**asdict(self), "birth": self.birth.isoformat()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote."""
        return cls(values["name"], date.fromisoformat(values["birth"]), values["phone"])


@dataclass(frozen=True, slots=True)
class ConnectingView:
    """How far a browser is. `state`: ``waiting received late void connected``.

    While the telephone has not answered it is the same for a customer and for nobody.
    """

    id: str
    way: str
    digits: str
    phone: str  #: masked
    state: str
    until: datetime
