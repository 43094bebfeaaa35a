"""The password of a certificate the customer has: proven by a signature, since the device alone opens it."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, error, foreign, text_of, wrong
from dojang.journeys.kinds.pattern import read_base64
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Outcome, Passed, Rejected
from dojang.journeys.page import Field, FieldError, Message, Show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.model import Fact
    from dojang.ports.world import World

_LABEL = b"dojang certificate check\0"
CHALLENGE_BYTES = 32


def signed_bytes(challenge: bytes) -> bytes:
    """Return what the device signs: the label keeps this signature from meaning anything elsewhere."""
    return _LABEL + challenge


class CertificatePassword(Base):
    """Sign a challenge with the certificate on this device that has a password."""

    name = "certificate_password"
    proves = True
    factors = ("certificate_password",)

    def is_current(self, run: RunView, fact: Fact) -> bool:
        """Keep what a certificate signed no longer than it is in use."""
        return run.is_in_use(str(fact.values["serial"]))

    def enter(self, run: RunView, world: World) -> Entered:
        """Draw a challenge."""
        del world
        held = run.usable("password", here=True)
        challenge = base64.b64encode(secrets.token_bytes(CHALLENGE_BYTES)).decode()
        return Entered(scratch={"serial": held.serial if held else "", "challenge": challenge})

    def page(self, run: RunView) -> PageParts:
        """Show which certificate; its password is typed into the page's element and stays there."""
        data = {
            "serial": run.scratch.get("serial", ""),
            "challenge": run.scratch.get("challenge", ""),
            "purpose": run.entry_key(),
        }
        fields = (
            Field("serial", "hidden", Message("field.serial"), {"required": True}, value=data["serial"]),
            Field("signature", "hidden", Message("field.signature"), {"required": True}, secret=True),
        )
        return PageParts(
            fields=fields,
            show=(Show("certificate_sign", data),),
            messages=(Message("scam.certificate_key"), Message("certificate_password.how")),
        )

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form."""
        signature = read_base64(data, "signature")
        serial = text_of(data, "serial") or str(run.scratch.get("serial", ""))
        if signature is None:
            return (error("signature_missing"),)
        return {"serial": serial, "signature": signature.hex()}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count for the customer until a right answer or an unlock."""
        del data
        limit = run.policy.wrong_entries.certificate_password
        return (Count(factor="certificate_password", limit=limit),)

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Check the signature with the customer's own certificate."""
        del world
        assert data is not None
        assert run.customer is not None
        proof = run.credentials.check_signature(
            run.customer,
            serial=data["serial"],
            content=signed_bytes(base64.b64decode(run.scratch["challenge"])),
            signature=bytes.fromhex(data["signature"]),
        )
        return {"proof": proof, "serial": data["serial"]}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass on a signature by this customer's certificate; each try has its own challenge."""
        proof = answer["proof"]
        if proof.ok and proof.owner == run.customer:
            values = {"serial": answer["serial"]}
            return Passed(facts=(run.prove("certificate_password", customer=run.customer, values=values),))
        outcome = wrong(
            run,
            ("certificate_password",),
            "signature_wrong",
            limit=run.policy.wrong_entries.certificate_password,
            mismatch=foreign(run, "certificate", proof.owner),
        )
        return replace(outcome, enter_again=True) if isinstance(outcome, Rejected) else outcome
