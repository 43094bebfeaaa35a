"""The certificate's PIN: its rules, and the key it gates. The PIN goes to the signer and nowhere else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, digits_of, error
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Outcome, Passed, Rejected
from dojang.journeys.page import Field, FieldError, Message
from dojang.ports.signer_errors import PinReusedError
from dojang.ports.writing import is_digits, plain_digits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dojang.ports.signer import WalletKeyOffer
    from dojang.ports.world import World

PIN_DIGITS = 6  #: of every PIN there is: another number would shut out whoever has one
_PART = 4  #: digits of a telephone number's parts


class Secret(Base):
    """Choose a PIN. The signer makes the key at once, so that the PIN never has to be kept for later."""

    name = "secret"

    def page(self, run: RunView) -> PageParts:
        """Ask for the PIN twice."""
        del run
        rules = {"required": True, "pattern": f"[0-9]{{{PIN_DIGITS}}}", "length": PIN_DIGITS}
        fields = (
            Field("pin", "pin", Message("field.pin"), rules=rules, secret=True),
            Field("pin_again", "pin", Message("field.pin_again"), rules=rules, secret=True),
        )
        return PageParts(fields=fields, messages=(Message("scam.pin"), Message("pin.rules")))

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check the rules; the PIN that was used before is for the signer to recognise."""
        pin, again = digits_of(data, "pin"), digits_of(data, "pin_again")
        if not is_digits(pin, PIN_DIGITS):
            return (error("digits_needed", "pin", count=PIN_DIGITS),)
        weakness = find_weakness(pin, births=_births(run), phones=_phones(run))
        if weakness is not None:
            return (error(f"pin_{weakness}", "pin"),)
        return {"pin": pin} if pin == again else (error("pin_differs", "pin_again"),)

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count keys made for one run: making them is dear."""
        del data
        return (
            Count(
                factor="pins",
                limit=run.policy.runs.keys,
                subject_kind="run",
                on_pass="keep",  # noqa: S106 - a word, not a password
                locks=False,
                code="pins_spent",
            ),
        )

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Have the signer make the key under this PIN."""
        assert data is not None
        assert run.customer is not None
        key_id = run.key()
        try:
            offer = world.signer.create_wallet_key(
                key_id=key_id,
                customer_id=run.customer,
                pin=data["pin"],
                idn=plain_digits(world.corebank.idn(run.customer)),
                previous=run.previous_key,
            )
        except PinReusedError:
            return None
        return key_id, offer

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep the public part and the sealed part for issuing."""
        if answer is None:
            return Rejected(errors=(error("pin_reused", "pin"),))
        key_id, offer = answer
        values = {"key_id": key_id, **_encoded(offer)}
        return Passed(facts=(run.prove("pin", customer=run.customer, values=values),))


def _encoded(offer: WalletKeyOffer) -> dict[str, str]:
    parts = {"public_key": offer.public_key, "vid": offer.vid, "sealed": offer.sealed}
    return {name: value.hex() for name, value in parts.items()}


def find_weakness(pin: str, *, births: Iterable[str] = (), phones: Iterable[str] = ()) -> str | None:
    """Name the first rule a PIN breaks: ``repeated sequential birth phone``; ``None`` when it is good.

    `births` are ``YYYYMMDD``, `phones` digits only. Sequences count in both directions.
    """
    steps = [int(b) - int(a) for a, b in pairwise(pin)]
    pairs = list(pairwise(steps))
    if any(a == b == 0 for a, b in pairs):
        return "repeated"
    if any(a == b and abs(a) == 1 for a, b in pairs):
        return "sequential"
    if any(pin in form for birth in births for form in _birth_forms(birth)):
        return "birth"
    if any(_is_phone_part(pin, phone) for phone in phones):
        return "phone"
    return None


def _birth_forms(birth: str) -> tuple[str, ...]:
    """Return the ways people write a birth date in a row of digits."""
    year, month, day = birth[:4], birth[4:6], birth[6:]
    return (birth, month + day + year, day + month + year, month + day + year[2:], day + month + year[2:])


def _is_phone_part(pin: str, phone: str) -> bool:
    return pin in phone or phone[-_PART:] in pin or phone[-2 * _PART : -_PART] in pin


def _births(run: RunView) -> list[str]:
    facts = (run.fact("identified"), run.fact("person"))
    return [str(f.values["birth"]).replace("-", "") for f in facts if f is not None]


def _phones(run: RunView) -> list[str]:
    facts = (run.fact("contact"), run.fact("person"))
    return [str(f.values["phone"]) for f in facts if f is not None]
