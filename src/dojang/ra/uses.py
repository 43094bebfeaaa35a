"""Certificates used inside journeys: a step that one of them answered is a use like a log-in.

Written in the transaction of the step, so that there is no step without its use and no use without its step.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from dojang.ca.queries import certificate_by_id, find_by_serial
from dojang.journeys.outcomes import Locked, Passed, Rejected
from dojang.wallet.devices.queries import place_of_approval, place_of_key
from dojang.wallet.uses.actions import UnrecordedUse, record_use

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ca.queries import CertificateView
    from dojang.journeys.model import RunView
    from dojang.journeys.outcomes import Outcome
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

#: Why a step refused, by the code of its error: the word in the record of uses. All else used nothing.
_REFUSALS: Final = {
    "pattern_wrong": "pattern_wrong",
    "biometric_wrong": "biometric_wrong",
    "signature_wrong": "signature",
}
#: A certificate, the id of the question it answered, and the device it lives on, if that is known.
_Found = tuple["CertificateView", str, str]


def record_step(
    view: RunView, data: Mapping[str, Any], outcome: Outcome, *, acting: Acting, world: World
) -> None:
    """Write down that a step used a certificate of its customer, or tried to. Inside its transaction."""
    find, word = _FINDERS.get(view.step.kind.name), _word(outcome)
    found = find(view, data) if find is not None and word else None
    if found is None or found[0].customer_id != view.customer:
        return
    certificate, asked, agent = found
    there = replace(acting, origin=world.policy.addresses.public_url, agent=agent)
    record_use(UnrecordedUse(certificate, f"factor_{view.product}", asked), word, acting=there, world=world)


def _word(outcome: Outcome) -> str:
    if isinstance(outcome, Passed):
        return "accepted"
    if isinstance(outcome, Locked):
        return "locked"
    if isinstance(outcome, Rejected):
        return next((_REFUSALS[error.code] for error in outcome.errors if error.code in _REFUSALS), "")
    return ""


def _by_telephone(view: RunView, _data: Mapping[str, Any]) -> _Found | None:
    """Find the certificate on the telephone: of the key asked here, or of the one that approved."""
    scratch = view.scratch
    if "challenge_id" in scratch:
        asked, place = scratch["challenge_id"], place_of_key(scratch["key_id"])
    elif "approval" in scratch:
        asked = scratch["approval"]
        place = place_of_approval(asked)
    else:
        return None
    certificate = certificate_by_id(place[0]) if place else None
    if place is None or certificate is None:
        return None
    return certificate, str(uuid.UUID(asked)), place[1]


def _by_signature(view: RunView, data: Mapping[str, Any]) -> _Found | None:
    """Find the certificate whose key signed: by the serial that came with the signature."""
    certificate = find_by_serial(str(data.get("serial", "")))
    if certificate is None:
        return None
    question = hashlib.sha256(str(view.scratch.get("challenge", "")).encode()).digest()[:16]
    return certificate, str(uuid.UUID(bytes=question)), ""


_FINDERS: Final = {"bank_certificate": _by_telephone, "certificate_password": _by_signature}
