"""Certificates used inside journeys: a step that a joint or bank certificate answered is a use like a log-in.

Written in the transaction of the step, so that there is no step without its use and no use without its step.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final

from dojang.account.uses import Pending, Visit, record_use
from dojang.ca.queries import certificate_by_id, find_by_serial
from dojang.journeys.model import Locked, Passed, Rejected
from dojang.products import opened_by
from dojang.wallet.devices.models import Approval, DeviceKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ca.queries import CertificateView
    from dojang.journeys.model import Outcome, RunView
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
    *, view: RunView, data: Mapping[str, Any], outcome: Outcome, acting: Acting, world: World, **_: Any
) -> None:
    """Write down that a step used a certificate of its customer, or tried to. Inside its transaction."""
    find, word = _FINDERS.get(view.step.kind.name), _word(outcome)
    found = find(view, data) if find is not None and word else None
    if found is None or found[0].customer_id != view.customer:
        return
    certificate, asked, agent = found
    visit = Visit(origin=world.policy.public_url, agent=agent)
    record_use(Pending(certificate, f"factor_{view.product}", asked, visit), word, acting=acting, world=world)


def _word(outcome: Outcome) -> str:
    if isinstance(outcome, Passed):
        return "accepted"
    if isinstance(outcome, Locked):
        return "locked"
    if isinstance(outcome, Rejected):
        return next((_REFUSALS[error.code] for error in outcome.errors if error.code in _REFUSALS), "")
    return ""


def _by_telephone(view: RunView, _data: Mapping[str, Any]) -> _Found | None:
    """Find the certificate with a pattern: of the key asked here, or of the telephone that approved."""
    scratch = view.scratch
    rows = DeviceKey.objects.select_related("device").exclude(certificate=None)
    if "challenge_id" in scratch:
        asked, key = scratch["challenge_id"], rows.filter(id=scratch["key_id"]).first()
    elif "approval" in scratch:
        asked = scratch["approval"]
        states = (DeviceKey.State.LIVE, DeviceKey.State.LOCKED)
        usable = rows.filter(product__in=opened_by("pattern"), state__in=states)
        key = usable.filter(device__in=Approval.objects.filter(id=asked).values("device")).first()
    else:
        return None
    certificate = certificate_by_id(key.certificate_id) if key and key.certificate_id else None
    if key is None or certificate is None:
        return None
    return certificate, str(uuid.UUID(asked)), key.device.label if key.device else ""


def _by_signature(view: RunView, data: Mapping[str, Any]) -> _Found | None:
    """Find the certificate with a password: by the serial that came with the signature."""
    certificate = find_by_serial(str(data.get("serial", "")))
    if certificate is None:
        return None
    question = hashlib.sha256(str(view.scratch.get("challenge", "")).encode()).digest()[:16]
    return certificate, str(uuid.UUID(bytes=question)), ""


_FINDERS: Final = {"bank_certificate": _by_telephone, "certificate_password": _by_signature}
