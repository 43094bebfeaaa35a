"""The bank certificate as a factor: the pattern on the telephone where it lives.

In the app on that telephone the pattern is drawn in place, or finger or face stand in for it where their
owner has turned that on. Everywhere else the telephone is asked to approve: the customer picks there the
number shown here, so that nobody approves what somebody else began.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dojang.journeys.engine import lock_errors
from dojang.journeys.kinds.base import Base, error, foreign, is_past, wrong
from dojang.journeys.kinds.device import device_of
from dojang.journeys.kinds.pattern import SIDE, read_base64
from dojang.journeys.kinds.sent_code import sends
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Locked, Outcome, Passed, Pending, Rejected
from dojang.journeys.page import Field, FieldError, Message, Show, Wait
from dojang.pki.passkeys import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.model import Fact
    from dojang.ports.credentials import AskedApproval, BiometricCredential, Proof
    from dojang.ports.world import World

PATTERN, APPROVAL, NOTHING = "pattern", "approval", "nothing"
_GOING = frozenset({"waiting", "approved"})  #: states in which a question can still be answered, or was


class BankCertificate(Base):
    """Proof by the registered telephone."""

    name = "bank_certificate"
    proves = True
    factors = ("bank_certificate",)

    def is_current(self, run: RunView, fact: Fact) -> bool:
        """Keep what the telephone proved no longer than its certificate is in use.

        A release before did not write down which that was: then there must be one.
        """
        serial = fact.values.get("serial")
        return run.usable("pattern") is not None if serial is None else run.is_in_use(str(serial))

    def enter(self, run: RunView, world: World) -> Entered:
        """Take a challenge for this device, or ask the telephone elsewhere."""
        del world
        assert run.customer is not None
        device = device_of(run)
        if device and run.credentials.device_state(run.customer, device_id=device) == "registered":
            key = run.entry_key("pattern")
            made = run.credentials.begin_pattern(
                run.customer, device_id=device, purpose=run.entry_key(), key=key
            )
            if made is not None:
                scratch = {
                    "way": PATTERN,
                    "challenge_id": made.id,
                    "challenge": base64.b64encode(made.challenge).decode(),
                    "key_id": made.key_id,
                    "until": made.until.isoformat(),
                    "biometric": _stand_in(made.biometric),
                }
                return Entered(scratch=scratch)
        return Entered(scratch=_asked(self._ask_phone(run, 1, run.entry_key("approval")), 1))

    def _ask_phone(self, run: RunView, number: int, key: str) -> AskedApproval | None:
        assert run.customer is not None
        return run.credentials.ask_approval(
            run.customer,
            purpose=run.entry_key(),
            product=run.product,
            number=self._digits(run, number),
            locale=run.locale,
            key=key,
        )

    def page(self, run: RunView) -> PageParts:
        """Show the grid, or the number to pick on the telephone."""
        way = run.scratch.get("way")
        if way == PATTERN:
            return self._pattern_page(run)
        if way == NOTHING:
            note = Message("approval.unavailable")
            return PageParts(messages=(note,), submit=None, resend=Message("action.ask_again"))
        state = _state(run)
        shown = Show(
            "approval", {"digits": self._digits(run, run.scratch["asked"]), "url": "/app/approvals/"}
        )
        return PageParts(
            show=(shown,) if state in _GOING else (),
            wait=Wait("approval", state, str(run.scratch["until"])),
            messages=(Message("scam.bank_certificate"), *_told(run, state)),
            title=Message("step.bank_certificate.approval"),
            submit=Message("action.approved") if state in _GOING else None,
            resend=Message("action.ask_again"),
            errors=() if state in _GOING else (error(f"approval_{state}"),),
        )

    @staticmethod
    def _pattern_page(run: RunView) -> PageParts:
        data = {
            "mode": "prove",
            "min_points": run.policy.pattern.min_points,
            "size": SIDE,
            "device": device_of(run),
            "challenge": run.scratch["challenge"],
            "key_id": run.scratch["key_id"],
            "purpose": run.entry_key(),
            "until": run.scratch["until"],
        }
        stand_in = run.scratch.get("biometric")
        fields = [
            Field("mac", "hidden", Message("field.pattern"), {"required": stand_in is None}, secret=True),
            Field("signature", "hidden", Message("field.signature"), {"required": True}, secret=True),
        ]
        if stand_in is not None:
            data["biometric"] = stand_in
            rules = {"required": False}
            fields.append(Field("assertion", "hidden", Message("field.assertion"), rules, secret=True))
        return PageParts(
            fields=tuple(fields),
            show=(Show("pattern", data),),
            messages=(Message("scam.pattern"),),
            title=None if stand_in is None else Message("step.bank_certificate.biometric"),
            why=None if stand_in is None else Message("step.bank_certificate.biometric_why"),
            resend=Message("action.new_challenge"),
        )

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Read the two proofs; an approval needs nothing but the question."""
        if run.scratch.get("way") != PATTERN:
            return {}
        mac, signature = read_base64(data, "mac"), read_base64(data, "signature")
        assertion = read_base64(data, "assertion") if run.scratch.get("biometric") else None
        if signature is None or (mac is None and assertion is None):
            return (error("pattern_required"),)
        read = {"signature": signature.hex(), "mac": (mac or b"").hex()}
        return read if assertion is None else {**read, "assertion": assertion.hex()}

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count tries of the pattern; count questions to the telephone.

        Finger and face have a counter of their own, which the wallet moves. They meet this one too, so that
        a lock of the pattern is one of theirs: right or wrong, the try is given back (`judge`).
        """
        if data is None:
            return (sends(run, "approval_sends"),)
        if run.scratch.get("way") != PATTERN:
            return ()
        on_pass = "refund" if "assertion" in data else "reset"
        limit = run.policy.wrong_entries.pattern
        return (Count(factor="bank_certificate", limit=limit, on_pass=on_pass),)

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Check the proofs, ask the telephone again, or ask how the question stands."""
        del world
        if data is None:
            if run.scratch.get("way") == PATTERN:
                return {"again": True}
            number = int(run.scratch.get("asked", 0)) + 1
            return {"approval": self._ask_phone(run, number, run.key("approval")), "asked": number}
        if run.scratch.get("way") == PATTERN:
            proof = run.credentials.check_pattern(
                run.scratch["challenge_id"],
                mac=bytes.fromhex(data["mac"]),
                signature=bytes.fromhex(data["signature"]),
                assertion=bytes.fromhex(data.get("assertion", "")),
            )
            return {"proof": proof}
        if run.scratch.get("way") == NOTHING:
            return {"state": "unavailable"}
        return {"state": run.credentials.approval(run.scratch["approval"]).state}

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Pass on right proofs by this customer's telephone, or on an approval that is still good."""
        if answer.get("again"):
            return Rejected(errors=(error("challenge_renewed"),), enter_again=True, compared=False)
        if "proof" in answer:
            return self._proven(run, answer["proof"])
        if "asked" in answer:
            return Pending(scratch=_asked(answer["approval"], answer["asked"]))
        state = _in_time(run, answer["state"])
        scratch = {**run.scratch, "state": state}
        if state == "approved":
            values = {"way": APPROVAL, "approval": run.scratch["approval"], "serial": _serial(run)}
            return Passed(facts=(run.prove("bank_certificate", customer=run.customer, values=values),))
        if state == "waiting":
            return Pending(scratch=scratch, messages=(Message("approval.not_yet"),))
        return Rejected(errors=(error(f"approval_{state}"),), scratch=scratch)

    def _proven(self, run: RunView, proof: Proof) -> Outcome:
        if proof.ok and proof.owner == run.customer:
            values = {"way": PATTERN, "device_id": device_of(run), "serial": _serial(run)}
            return Passed(facts=(run.prove("bank_certificate", customer=run.customer, values=values),))
        if proof.reason == "late":
            return Rejected(errors=(error("challenge_renewed"),), enter_again=True, compared=False)
        if proof.reason in {"biometric_wrong", "biometric_off"}:
            # The pattern was not compared; with a fresh challenge it opens as before.
            return Rejected(errors=(error(proof.reason),), enter_again=True, compared=False)
        if proof.reason in {"locked", "blocked"}:
            return Locked(factor="bank_certificate", errors=lock_errors(run, "bank_certificate"))
        outcome = wrong(
            run,
            ("bank_certificate",),
            "pattern_wrong",
            limit=run.policy.wrong_entries.pattern,
            mismatch=foreign(run, "bank_certificate", proof.owner),
        )
        # A challenge is answered once: the next try begins with a fresh one.
        return replace(outcome, enter_again=True) if isinstance(outcome, Rejected) else outcome

    def look(self, run: RunView, world: World) -> Mapping[str, Any] | None:
        """Refresh the state of the question."""
        del world
        if run.scratch.get("way") != APPROVAL or run.scratch.get("state") != "waiting":
            return None
        state = _in_time(run, run.credentials.approval(run.scratch["approval"]).state)
        return None if state == "waiting" else {**run.scratch, "state": state}

    @staticmethod
    def _digits(run: RunView, number: int) -> str:
        """Derive the number to pick: another one for each question."""
        return run.code(f"approval:{number}", run.policy.approvals.digits)


def _told(run: RunView, state: str) -> tuple[Message, ...]:
    """Say how the question stands; after a refusal, what to do if the person did not ask it."""
    if state == "rejected":
        return (Message("approval.next_not_you", {"phone": run.policy.bank.phone}),)
    return (Message(f"approval.{state}"),) if state in _GOING else ()


def _serial(run: RunView) -> str:
    """Name the certificate that was just proven: of those that open by a pattern one is in use."""
    held = run.usable("pattern")
    return "" if held is None else held.serial


def _stand_in(offer: BiometricCredential | None) -> dict[str, str] | None:
    """Write what stands in for the pattern as the page shows it, in the words of WebAuthn."""
    if offer is None:
        return None
    return {"credential_id": text_of(offer.credential_id), "rp_id": offer.rp_id}


def _asked(approval: AskedApproval | None, number: int) -> dict[str, Any]:
    if approval is None:
        return {"way": NOTHING, "asked": number}
    return {
        "way": APPROVAL,
        "approval": approval.id,
        "asked": number,
        "state": approval.state,
        "until": approval.until.isoformat(),
    }


def _state(run: RunView) -> str:
    return _in_time(run, str(run.scratch["state"]))


def _in_time(run: RunView, state: str) -> str:
    """Return the question's state; what nobody answered in time has expired."""
    return "expired" if state == "waiting" and is_past(run, run.scratch["until"]) else state
