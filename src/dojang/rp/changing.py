"""Another secret for a certificate one has: the PIN of the financial, the pattern of the bank certificate.

(The password of a joint certificate is changed on its device; nobody here could.) The old secret is proven
first, counted like any use; the change, the use, the notices and the event are one transaction.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from dojang.ca import queries as ca
from dojang.journeys.kinds.secret import find_weakness
from dojang.ports.writing import is_digits
from dojang.ra.telling import Letters, gather
from dojang.rp import sessions
from dojang.rp.actions import PATTERN_REFUSALS, PatternAnswer, PatternQuestion, ask_pattern, told
from dojang.rp.errors import ChallengeUnknownError, LoginRefusedError, NewPinRefusedError, UseRefusedError
from dojang.rp.uses import Pending, Visit, record_refused, record_use
from dojang.rp.verifying import verify_certificate
from dojang.wallet import actions as wallet
from dojang.wallet.errors import (
    PatternUnchangedError,
    WalletHeldError,
    WalletLockedError,
    WalletPinWrongError,
)
from dojang.wallet.pattern_change import change_pattern as enrol_again
from dojang.wallet.queries import device_key, usable_key

if TYPE_CHECKING:
    from dojang.ca.queries import CertificateView
    from dojang.ports.acting import Acting
    from dojang.ports.world import World
    from dojang.rp.sessions import SessionView

CHANGE_PIN: Final = "change_pin"
CHANGE_PATTERN: Final = "change_pattern"
#: What the wallet refuses, as it is written into the record of uses.
_REFUSED: Final = {WalletPinWrongError: "pin_wrong", WalletLockedError: "locked", WalletHeldError: "held"}


def change_pin(
    session: SessionView, pin: str, new_pin: str, *, visit: Visit, acting: Acting, world: World
) -> str:
    """Change the PIN of the customer's financial certificate; return the session's new token.

    The rules come first, and nothing is tried for a PIN that breaks them (`NewPinRefusedError`, data
    ``rule``) or is the old one (`PinReusedError`). Then as `prove_again`. Sessions elsewhere end.
    """
    customer_id = session.customer_id
    key = usable_key(customer_id, "financial")
    view = ca.certificate_by_id(key.certificate_id) if key and key.certificate_id else None
    if key is None or view is None:
        raise LoginRefusedError
    _refuse_weak(customer_id, new_pin, world=world)
    use = Pending(view, CHANGE_PIN, str(uuid.uuid4()), visit)
    _refuse_unusable(use, acting=acting, world=world)
    letters, token = Letters(gather([customer_id], world=world)), ""

    def within() -> None:
        nonlocal token
        record_use(use, "accepted", acting=acting, world=world)
        token = sessions.renew_token(session.id, world=world)
        sessions.end_sessions_of(
            customer_id, reason="pin_changed", keep=session.id, forget=False, acting=acting, world=world
        )
        letters.add(customer_id, "pin_changed", use.challenge_id, **_named(view))
        letters.write(acting=acting, world=world)

    with told(key):
        try:
            wallet.change_pin(
                customer_id=customer_id, key_id=key.id, pin=pin, new_pin=new_pin, within=within,
                acting=acting, world=world,
            )  # fmt: skip
        except tuple(_REFUSED) as error:
            record_refused(use, _REFUSED[type(error)], acting=acting, world=world)
            raise
    return token


def _refuse_weak(customer_id: str, pin: str, *, world: World) -> None:
    births = [f"{world.corebank.customer(customer_id).birth:%Y%m%d}"]
    phones = [phone.number for phone in world.corebank.phones(customer_id)]
    if not is_digits(pin, world.policy.pin_length):
        raise NewPinRefusedError(rule="length")
    rule = find_weakness(pin, births=births, phones=phones)
    if rule is not None:
        raise NewPinRefusedError(rule=rule)


def _refuse_unusable(use: Pending, *, acting: Acting, world: World) -> None:
    try:
        verify_certificate(use.view, world=world)
    except UseRefusedError as error:
        record_refused(use, error.outcome, acting=acting, world=world)
        raise


def _named(view: CertificateView) -> dict[str, str]:
    return {"product": view.product, "serial": view.serial[-8:]}


# --- the pattern -----------------------------------------------------------------------------------------


def ask_old_pattern(device_id: str, *, visit: Visit, world: World) -> PatternQuestion | None:
    """Ask a registered device for the pattern it has; None when there is no usable one."""
    return ask_pattern(device_id, purpose=CHANGE_PATTERN, visit=visit, world=world)


def change_pattern(
    answer: PatternAnswer,
    proof_key: bytes,
    *,
    visit: Visit,
    acting: Acting,
    world: World,
) -> None:
    """Enrol another pattern for the bank certificate of a registered device, whose old pattern is proven.

    `proof_key` (32 bytes) is what the new pattern makes. `answer` has the old pattern's MAC and the device
    key's signature over challenge and proof key together (`wallet.pattern_change.signed_change`). Raises
    `PatternWrongError`, `PatternLockedError`, `ChallengeUnknownError`, `UseRefusedError`s, and
    `PatternUnchangedError` for the same pattern again.
    """
    key = device_key(answer.device_id, "bank")
    view = ca.certificate_by_id(key.certificate_id) if key and key.certificate_id else None
    if key is None or view is None:
        raise ChallengeUnknownError
    use = Pending(view, CHANGE_PATTERN, str(uuid.uuid4()), visit)
    _refuse_unusable(use, acting=acting, world=world)
    letters = Letters(gather([view.customer_id], world=world))

    def within() -> None:
        record_use(use, "accepted", acting=acting, world=world)
        letters.add(view.customer_id, "pattern_changed", use.challenge_id, **_named(view))
        letters.write(acting=acting, world=world)

    proof = enrol_again(
        answer.challenge_id,
        mac=answer.mac,
        proof_key=proof_key,
        consent=answer.signature,
        purpose=f"{CHANGE_PATTERN}|{visit.origin}"[:200],
        whose=key.id,
        within=within,
        acting=acting,
        world=world,
    )
    if proof.ok:
        return
    if proof.reason == "same":
        raise PatternUnchangedError(reason="same")
    outcome, error = PATTERN_REFUSALS.get(proof.reason, ("", ChallengeUnknownError))
    if outcome:
        record_refused(use, outcome, acting=acting, world=world)
    raise error
