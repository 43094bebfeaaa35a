"""Invariant 11: a wallet key needs its PIN and the signer; the attempt is counted before the PIN is tried."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.db import transaction
from tests.counting import errors_of
from tests.journeys.app.walker import PIN, Walk, in_parallel, with_parts

from dojang.account.actions import end_certificate
from dojang.audit.models import Event
from dojang.ca.models import Certificate
from dojang.ports.signer_errors import (
    AuthorisationUsedError,
    KeyRetiredError,
    SealedMismatchError,
    SignerHaltedError,
)
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.keys.actions import (
    accept_certificate,
    discard_prepared,
    prepare_key,
    prepared_key,
    sign_with_pin,
    tell_signer,
)
from dojang.wallet.keys.errors import (
    WalletKeyMismatchError,
    WalletKeyNotFoundError,
    WalletLockedError,
    WalletPinWrongError,
)
from dojang.wallet.keys.models import WalletKey
from dojang.wallet.keys.queries import keys_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.ports.acting import Acting
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

HONG, HAN = BY_HANDLE["hong"], BY_HANDLE["han"]


def holder(world: World) -> tuple[Acting, WalletKey]:
    """Give Hong a certificate; return who acts and the live key."""
    walk = Walk(world)
    walk.finish()
    return walk.acting, WalletKey.objects.get(customer_id=HONG.id, state="live")


def digest(text: str) -> bytes:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).digest()


def sign(
    world: World,
    acting: Acting,
    key: WalletKey,
    *,
    pin: str = PIN,
    text: str = "a transfer",
    customer_id: str = HONG.id,
) -> bytes:
    """Sign a text."""
    return sign_with_pin(
        customer_id=customer_id,
        key_id=key.id,
        pin=pin,
        digest=digest(text),
        purpose="test",
        acting=acting,
        world=world,
    )


def test_the_right_pin_signs_what_the_certificate_verifies(world: World) -> None:
    """A signature made in the wallet verifies under the certified public key."""
    acting, key = holder(world)
    signature = sign(world, acting, key)
    public = load_der_public_key(bytes(key.public_key))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(signature, digest("a transfer"), ec.ECDSA(Prehashed(hashes.SHA256())))
    assert errors_of(WalletKey.objects.get(id=key.id)) == 0
    assert Event.objects.filter(type="wallet_key:used").count() == 1


def test_five_wrong_pins_lock_the_key_for_good(world: World) -> None:
    """The right PIN after five wrong ones is refused; the signer is not asked a sixth time."""
    acting, key = holder(world)
    left = []
    for attempt in range(4):
        with pytest.raises(WalletPinWrongError) as refusal:
            sign(world, acting, key, pin=f"11122{attempt}")
        left.append(refusal.value.data["left"])
    assert left == [4, 3, 2, 1]
    for pin in ("111224", PIN, PIN):
        with pytest.raises(WalletLockedError):
            sign(world, acting, key, pin=pin)
    row = WalletKey.objects.get(id=key.id)
    assert (row.state, errors_of(row)) == ("locked", 5)
    assert Event.objects.filter(type="wallet_key:locked").count() == 1
    assert Event.objects.filter(type="wallet_key:used").count() == 0


def test_twenty_guesses_at_once_are_five(world: World) -> None:
    """Twenty parallel guesses move the counter to five and no further."""
    acting, key = holder(world)

    def guess(index: int) -> Any:
        try:
            sign(world, acting, key, pin=f"4{index:05d}")
        except (WalletPinWrongError, WalletLockedError) as error:
            return error.code
        return "signed"

    results = in_parallel(20, guess)
    assert results.count("signed") == 0
    assert results.count("wallet_pin_wrong") <= 5
    row = WalletKey.objects.get(id=key.id)
    assert (row.state, errors_of(row)) == ("locked", 5)


class _Between:
    """A signer before whose answer somebody else tries a wrong PIN, from beginning to end."""

    def __init__(self, signer: Any, guess: Callable[[], None]) -> None:
        self._signer, self._guess = signer, guess

    def __getattr__(self, name: str) -> Any:
        return getattr(self._signer, name)

    def sign_with_wallet(self, **asked: Any) -> bytes:
        """Let the other one go first."""
        self._guess()
        signature: bytes = self._signer.sign_with_wallet(**asked)
        return signature


def test_a_right_pin_forgives_the_past_alone(world: World) -> None:
    """A wrong PIN counted while the right one was on its way stays counted; those before it are forgiven."""
    acting, key = holder(world)

    def guess(pin: str) -> None:
        with pytest.raises(WalletPinWrongError):
            sign(world, acting, key, pin=pin)

    guess("111220")
    between: Any = _Between(world.signer, lambda: guess("111221"))
    assert sign(with_parts(world, signer=between), acting, key)
    assert errors_of(key) == 1
    assert sign(world, acting, key, text="another transfer")
    assert errors_of(key) == 0


def test_a_locked_key_is_replaced_by_a_reissue(world: World) -> None:
    """The way out of a locked key: a re-issue gives a key that signs."""
    acting, key = holder(world)
    for attempt in range(5):
        with pytest.raises((WalletPinWrongError, WalletLockedError)):
            sign(world, acting, key, pin=f"11122{attempt}")
    Walk(world, journey="financial-web-reissue", pin="840271").finish()
    new = WalletKey.objects.get(customer_id=HONG.id, state="live")
    assert sign(world, acting, new, pin="840271")
    assert [view.state for view in keys_of(HONG.id)] == ["live", "retired"]


def test_another_customers_key_looks_absent(world: World) -> None:
    """Somebody else's, a retired and an unknown key are answered alike, and nothing is counted."""
    acting, key = holder(world)
    with pytest.raises(WalletKeyNotFoundError):
        sign(world, acting, key, customer_id=HAN.id)
    with pytest.raises(WalletKeyNotFoundError):
        sign(world, acting, WalletKey(id="no-such-key"))
    assert errors_of(WalletKey.objects.get(id=key.id)) == 0
    assert key.certificate is not None
    end_certificate(HONG.id, key.certificate.serial, "keyCompromise", acting=acting, world=world)
    with pytest.raises(WalletKeyNotFoundError):
        sign(world, acting, key)


def test_a_stolen_row_is_of_no_use(world: World) -> None:
    """The sealed part put into another key's row does not sign, not even with the right PIN."""
    acting, key = holder(world)
    other = Walk(world, "han", pin="840271")
    other.finish()
    WalletKey.objects.filter(customer_id=HAN.id).update(sealed=bytes(key.sealed))
    stolen = WalletKey.objects.get(customer_id=HAN.id)
    with pytest.raises(SealedMismatchError):
        sign(world, acting, stolen, customer_id=HAN.id)
    assert errors_of(WalletKey.objects.get(id=stolen.id)) == 0


def test_what_the_signer_never_tried_costs_no_attempt(world: World) -> None:
    """While signing is stopped, and for what was signed before, ten tries with the right PIN lock nothing."""
    acting, key = holder(world)
    sign(world, acting, key)
    for _ in range(6):
        with pytest.raises(AuthorisationUsedError):
            sign(world, acting, key)
    world.signer.halt(reason="a drill")
    for attempt in range(6):
        with pytest.raises(SignerHaltedError):
            sign(world, acting, key, text=f"transfer {attempt}")
    assert errors_of(WalletKey.objects.get(id=key.id)) == 0
    world.signer.resume(reason="the drill is over")
    assert sign(world, acting, key, text="a last one")


def test_a_key_the_signer_has_retired_costs_no_attempt(world: World) -> None:
    """A key retired in the signer alone is refused, again and again, and is never called locked."""
    acting, key = holder(world)
    world.signer.retire_wallet_key(key_id=key.id)
    for _ in range(6):
        with pytest.raises(KeyRetiredError):
            sign(world, acting, key)
    row = WalletKey.objects.get(id=key.id)
    assert (row.state, errors_of(row)) == ("live", 0)


def prepare(world: World, acting: Acting, key_id: str, *, pin: str = "840271") -> None:
    """Prepare a key for Han."""
    prepare_key(
        key_id=key_id,
        customer_id=HAN.id,
        product="financial",
        run_id="run-of-han",
        pin=pin,
        acting=acting,
        world=world,
    )


def test_preparing_twice_is_one_key(world: World) -> None:
    """The same key id gives the same key; another id gives up the one before."""
    acting = Walk(world, "han").acting
    prepare(world, acting, "preparing_twice-1")
    first = prepared_key(key_id="preparing_twice-1", customer_id=HAN.id)
    prepare(world, acting, "preparing_twice-1")
    assert prepared_key(key_id="preparing_twice-1", customer_id=HAN.id) == first
    prepare(world, acting, "preparing_twice-2", pin="591362")
    assert dict(WalletKey.objects.values_list("id", "state")) == {
        "preparing_twice-1": "retired",
        "preparing_twice-2": "prepared",
    }


def test_what_was_prepared_and_not_used_is_given_up(world: World) -> None:
    """Discarding retires the run's prepared keys, and the signer is told once."""
    acting = Walk(world, "han").acting
    prepare(world, acting, "what_was_prepar-1")
    with transaction.atomic():
        assert discard_prepared("run-of-han", acting=acting, world=world) == 1
    assert tell_signer(world=world) == 1
    assert tell_signer(world=world) == 0
    with pytest.raises(WalletKeyNotFoundError):
        prepared_key(key_id="what_was_prepar-1", customer_id=HAN.id)


def test_a_certificate_goes_only_to_its_own_holders_key(world: World) -> None:
    """Hong's certificate cannot be put under Han's key; nothing changes."""
    acting, key = holder(world)
    prepare(world, acting, "a_certificate_g-1")
    certificate = Certificate.objects.get(customer_id=HONG.id)
    with pytest.raises(WalletKeyMismatchError), transaction.atomic():
        accept_certificate("a_certificate_g-1", certificate, acting=acting, world=world)
    assert WalletKey.objects.get(id="a_certificate_g-1").state == "prepared"
    assert WalletKey.objects.get(id=key.id).state == "live"
