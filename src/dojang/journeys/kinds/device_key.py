"""A key made on the device: the certification request comes here, the private key never does.

For a certificate that carries a virtual id the device also makes its random number R (KCAC.TS.SIVID),
encrypted so that only the signer can open it; one that opens by a password has it set there, and never sent.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from dojang.journeys.kinds.base import Base, error, text_of
from dojang.journeys.kinds.device import device_of
from dojang.journeys.kinds.pattern import read_base64
from dojang.journeys.model import PageParts, RunView
from dojang.journeys.outcomes import Count, Entered, Outcome, Passed, Rejected
from dojang.journeys.page import Field, FieldError, Message, Show
from dojang.pki.errors import MalformedError, ProfileError, VerificationError
from dojang.pki.requests import read_request
from dojang.ports.signer_keys import transport_key
from dojang.ports.writing import plain_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.world import World

SEALED_LONGEST = 1_024


class KeyOnDevice(Base):
    """One key pair. The product's kind is what our own devices make; any its profile allows is taken."""

    name = "device_key"

    def enter(self, run: RunView, world: World) -> Entered:
        """Read the key under which the device encrypts R for the signer."""
        if not run.journey.product.identified:
            return Entered(scratch={"transport_key": ""})
        key = transport_key(world.signer)
        return Entered(scratch={"transport_key": base64.b64encode(key).decode()})

    def page(self, run: RunView) -> PageParts:
        """Let the page's element make the key; ask for the password there, if there is one."""
        data: dict[str, Any] = {
            "algorithm": run.journey.product.key_algorithm,
            "transport_key": run.scratch.get("transport_key", ""),
            "password": run.journey.product.portable,
            "device": device_of(run),
        }
        fields = [Field("csr", "hidden", Message("field.csr"), {"required": True}, secret=True)]
        notes: tuple[Message, ...] = ()
        if run.journey.product.identified:
            fields.append(
                Field("sealed_r", "hidden", Message("field.sealed_r"), {"required": True}, secret=True)
            )
        if run.journey.product.portable:
            data["password_rules"] = {
                "min_length": run.policy.certificate_password.min_length,
                "classes": run.policy.certificate_password.classes,
                "max_run": 2,
            }
            data["forbidden"] = _own_numbers(run)
            fields.append(Field("password_ok", "hidden", Message("field.password"), {"required": True}))
            rules = {"length": run.policy.certificate_password.min_length}
            notes = (Message("scam.certificate_key"), Message("certificate_key.rules", rules))
        return PageParts(fields=tuple(fields), show=(Show("device_key", data),), messages=notes)

    def validate(self, run: RunView, data: Mapping[str, Any]) -> dict[str, Any] | tuple[FieldError, ...]:
        """Check form. That the password keeps the rules is the device's word: it alone has seen it."""
        product = run.journey.product
        csr = read_base64(data, "csr")
        if csr is None:
            return (error("device_key_missing"),)
        if not self._is_request(csr, product.allowed_keys):
            return (error("device_key_unusable"),)
        if product.portable and text_of(data, "password_ok") != "1":
            return (error("password_rules", "password_ok"),)
        if not product.identified:
            return {"csr": csr.hex(), "sealed_r": ""}
        sealed = read_base64(data, "sealed_r", longest=2 * SEALED_LONGEST)
        if sealed is None or len(sealed) > SEALED_LONGEST:
            return (error("device_key_missing"),)
        return {"csr": csr.hex(), "sealed_r": sealed.hex()}

    @staticmethod
    def _is_request(csr: bytes, kinds: frozenset[str]) -> bool:
        """Tell a request from noise: what is none is a wrong form, and no key of the run's."""
        try:
            read_request(csr, kinds)
        except MalformedError:
            return False
        except (ProfileError, VerificationError):
            return True
        return True

    def counts(self, run: RunView, data: Mapping[str, Any] | None) -> tuple[Count, ...]:
        """Count keys made for one run."""
        del data
        return (
            Count(
                factor="device_keys",
                limit=run.policy.runs.keys,
                subject_kind="run",
                on_pass="keep",  # noqa: S106 - a word, not a password
                locks=False,
                code="device_keys_spent",
            ),
        )

    def ask(self, run: RunView, data: Mapping[str, Any] | None, world: World) -> Any:
        """Check the proof of possession; have the signer compute the virtual id."""
        assert data is not None
        assert run.customer is not None
        csr, product = bytes.fromhex(data["csr"]), run.journey.product
        try:
            request = read_request(csr, product.allowed_keys)
            vid = b""
            if product.identified:
                idn = plain_digits(world.corebank.idn(run.customer))
                sealed_r = bytes.fromhex(data["sealed_r"])
                vid = world.signer.compute_vid(idn=idn, sealed_r=sealed_r)
        except (MalformedError, ProfileError, VerificationError):
            return None
        return {
            "key_id": run.key(),
            "public_key": request.public_key.hex(),
            "algorithm": request.algorithm,
            "vid": vid.hex(),
            "csr_sha256": hashlib.sha256(csr).hexdigest(),
        }

    def judge(self, run: RunView, answer: Any) -> Outcome:
        """Keep the public key for issuing."""
        if answer is None:
            return Rejected(errors=(error("device_key_unusable"),))
        values = {**answer, "device_id": device_of(run)}
        return Passed(facts=(run.prove("device_key", customer=run.customer, values=values),))


def _own_numbers(run: RunView) -> list[str]:
    """Return what a password should not contain: birth date and telephone, which this person typed."""
    found = []
    for fact in (run.fact("identified"), run.fact("phone_check")):
        if fact is not None:
            birth = str(fact.values.get("birth", "")).replace("-", "")
            found += [birth, birth[2:], birth[4:], str(fact.values.get("phone", ""))[-4:]]
    return sorted({text for text in found if text})
