"""What every signer behind `dojang.ports.signer` must do and refuse: customers' keys, the switch."""

from __future__ import annotations

import hashlib
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key
from tests.contracts.signers import (
    IDN,
    PIN,
    WRONG,
    Centre,
    WalletKey,
    crl,
    last,
    make_key,
    refused,
    response,
    use,
)

from dojang.ports.signer_errors import (
    AuthorisationUsedError,
    KeyConflictError,
    KeyRetiredError,
    KeyUnknownError,
    PinLockedError,
    PinReusedError,
    PinWrongError,
    SealedMismatchError,
    SignerHaltedError,
)

if TYPE_CHECKING:
    from dojang.ports.signer import Signer, WalletKeyOffer

# --- customer keys -----------------------------------------------------------------------------------------


def test_a_customer_key_signs_with_its_pin(centre: Centre, wallet: WalletKey) -> None:
    """The signature verifies under the public key offered, and the journal says who signed what for what."""
    digest = hashlib.sha256(b"transfer").digest()
    before = last(centre.signer)
    signature = use(centre.signer, wallet, text="transfer", purpose="transfer:17")
    public = load_der_public_key(wallet.offer.public_key)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    (entry,) = centre.signer.journal(after=before)
    assert entry.verb == "sign_with_wallet"
    assert entry.body["key_id"] == wallet.key_id
    assert entry.body["purpose"] == "transfer:17"
    assert entry.body["digest_sha256"] == hashlib.sha256(digest).hexdigest()


def test_a_creation_repeated_gives_the_same_key(centre: Centre, wallet: WalletKey) -> None:
    """A lost answer is given again to the same customer, PIN and person, and to nobody else."""
    signer = centre.signer

    def again(customer_id: str = wallet.customer_id, pin: str = PIN, idn: str = IDN) -> WalletKeyOffer:
        return signer.create_wallet_key(
            key_id=wallet.key_id, customer_id=customer_id, pin=pin, idn=idn, previous=None
        )

    before = last(signer)
    assert again() == wallet.offer
    refused(signer, KeyConflictError, lambda: again(customer_id="somebody-else"))
    assert refused(signer, PinWrongError, lambda: again(pin=WRONG)).data == {"left": 4}
    assert refused(signer, PinWrongError, lambda: again(idn="9001011234568")).data == {"left": 3}
    assert again() == wallet.offer
    assert last(signer) == before
    use(signer, wallet)
    refused(signer, KeyConflictError, again)


def test_parallel_creations_of_one_key_make_one(centre: Centre) -> None:
    """Ten identical requests at once are one key and one journal entry."""
    before = last(centre.signer)
    key_id = f"k-{uuid.uuid4()}"
    with ThreadPoolExecutor(10) as threads:
        offers = list(
            threads.map(
                lambda _: centre.signer.create_wallet_key(
                    key_id=key_id, customer_id="c-1", pin=PIN, idn=IDN, previous=None
                ),
                range(10),
            )
        )
    assert len(set(offers)) == 1
    assert last(centre.signer) == before + 1


def test_two_keys_of_one_person_share_nothing(centre: Centre) -> None:
    """Key, VID and sealed part differ, although PIN and identification number are the same."""
    one, other = make_key(centre.signer).offer, make_key(centre.signer).offer
    assert one.public_key != other.public_key
    assert one.vid != other.vid
    assert one.sealed != other.sealed
    assert len(one.vid) == len(other.vid) == 32


def test_invariant_10_five_wrong_pins_lock_a_key_for_ever(centre: Centre, wallet: WalletKey) -> None:
    """The count is told each time, the fifth locks, and then the right PIN does not help."""
    for left in (4, 3, 2, 1):
        error = refused(centre.signer, PinWrongError, lambda: use(centre.signer, wallet, WRONG))
        assert error.data == {"left": left}
    before = last(centre.signer)
    with pytest.raises(PinLockedError):
        use(centre.signer, wallet, WRONG)
    assert [entry.verb for entry in centre.signer.journal(after=before)] == ["lock_wallet_key"]
    for pin in (PIN, WRONG):
        refused(centre.signer, PinLockedError, lambda pin=pin: use(centre.signer, wallet, pin))


def test_the_right_pin_resets_the_count(centre: Centre, wallet: WalletKey) -> None:
    """Four wrong, one right, four wrong again: the key is still usable."""
    for _ in range(2):
        for left in (4, 3, 2, 1):
            error = refused(centre.signer, PinWrongError, lambda: use(centre.signer, wallet, WRONG))
            assert error.data == {"left": left}
        use(centre.signer, wallet)


def test_invariant_10_the_count_is_exact_under_parallel_guesses(centre: Centre, wallet: WalletKey) -> None:
    """Of twenty wrong PINs at once four are told so, each with another number left, the rest are locked."""

    def guess(number: int) -> int | None:
        try:
            use(centre.signer, wallet, f"99{number:04d}")
        except PinWrongError as error:
            return int(error.data["left"])
        except PinLockedError:
            return None
        raise AssertionError("a wrong PIN signed")

    with ThreadPoolExecutor(20) as threads:
        told = list(threads.map(guess, range(20)))
    assert sorted(left for left in told if left is not None) == [1, 2, 3, 4]
    assert told.count(None) == 16


def test_invariant_11_an_authorisation_works_once(centre: Centre, wallet: WalletKey) -> None:
    """The same digest for the same purpose is refused; for another purpose it is another authorisation."""
    use(centre.signer, wallet, text="one", purpose="login:1")
    for pin in (PIN, WRONG):
        refused(
            centre.signer,
            AuthorisationUsedError,
            lambda pin=pin: use(centre.signer, wallet, pin, text="one", purpose="login:1"),
        )
    use(centre.signer, wallet, text="one", purpose="login:2")
    use(centre.signer, wallet, text="two", purpose="login:1")


def test_invariant_11_one_authorisation_at_once_gives_one_signature(
    centre: Centre, wallet: WalletKey
) -> None:
    """Ten parallel uses of one authorisation with the right PIN end with one signature."""

    def ask(_: int) -> bool:
        try:
            use(centre.signer, wallet, text="once", purpose="transfer:1")
        except AuthorisationUsedError:
            return False
        return True

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(ask, range(10))) == 1


def test_another_sealed_part_is_refused_without_counting(centre: Centre, wallet: WalletKey) -> None:
    """A changed part and another key's part cost no attempt."""
    other = make_key(centre.signer)
    sealed = wallet.offer.sealed
    for part in (other.offer.sealed, sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), b"x"):
        stolen = wallet._replace(offer=type(wallet.offer)(wallet.offer.public_key, wallet.offer.vid, part))
        refused(centre.signer, SealedMismatchError, lambda stolen=stolen: use(centre.signer, stolen))
    assert refused(centre.signer, PinWrongError, lambda: use(centre.signer, wallet, WRONG)).data == {
        "left": 4
    }


def test_a_new_pin_must_differ_from_the_one_it_replaces(centre: Centre, wallet: WalletKey) -> None:
    """The old PIN is refused and no key is made; another PIN passes; another customer's key is no measure."""
    signer = centre.signer
    key_id = f"k-{uuid.uuid4()}"
    previous = (wallet.key_id, wallet.offer.sealed)

    def replace(customer_id: str, pin: str) -> WalletKeyOffer:
        return signer.create_wallet_key(
            key_id=key_id, customer_id=customer_id, pin=pin, idn=IDN, previous=previous
        )

    refused(signer, PinReusedError, lambda: replace(wallet.customer_id, PIN))
    refused(signer, KeyConflictError, lambda: replace("somebody-else", WRONG))
    offer = replace(wallet.customer_id, WRONG)
    use(signer, WalletKey(key_id, wallet.customer_id, offer), WRONG)
    use(signer, wallet)


def test_a_pin_can_be_compared_only_so_often(centre: Centre, wallet: WalletKey) -> None:
    """After twenty comparisons none is made: replacing is no way to search for a PIN, and stays possible."""
    signer = centre.signer

    def replace(pin: str) -> None:
        signer.create_wallet_key(
            key_id=f"k-{uuid.uuid4()}",
            customer_id=wallet.customer_id,
            pin=pin,
            idn=IDN,
            previous=(wallet.key_id, wallet.offer.sealed),
        )

    for number in range(19):
        replace(f"80{number:04d}")
    refused(signer, PinReusedError, lambda: replace(PIN))
    before = last(signer)
    replace(PIN)  # the twenty-first: not compared
    (entry,) = signer.journal(after=before)
    assert (entry.body["replaces"], entry.body["compared"]) == (wallet.key_id, False)
    use(signer, wallet)


def test_a_retired_key_is_gone(centre: Centre, wallet: WalletKey) -> None:
    """It signs no more, retiring again is no harm, and a key nobody made is unknown."""
    signer = centre.signer
    before = last(signer)
    signer.retire_wallet_key(key_id=wallet.key_id)
    signer.retire_wallet_key(key_id=wallet.key_id)
    assert [entry.verb for entry in signer.journal(after=before)] == ["retire_wallet_key"]
    refused(signer, KeyRetiredError, lambda: use(signer, wallet))
    refused(signer, KeyUnknownError, lambda: signer.retire_wallet_key(key_id="nobody"))
    refused(signer, KeyUnknownError, lambda: use(signer, wallet._replace(key_id="nobody")))


# --- another PIN -------------------------------------------------------------------------------------------


def change(signer: Signer, key: WalletKey, pin: str = PIN, new_pin: str = WRONG) -> WalletKey:
    """Change the PIN of a key; return the key with its new sealed part."""
    sealed = signer.change_wallet_pin(key_id=key.key_id, sealed=key.offer.sealed, pin=pin, new_pin=new_pin)
    return key._replace(offer=replace(key.offer, sealed=sealed))


def test_a_changed_pin_opens_the_new_part_alone(centre: Centre, wallet: WalletKey) -> None:
    """One journal entry; the new part opens with the new PIN only, and once settled the old part is dead."""
    signer = centre.signer
    before = last(signer)
    changed = change(signer, wallet)
    (entry,) = signer.journal(after=before)
    part = hashlib.sha256(changed.offer.sealed).hexdigest()
    assert (entry.verb, entry.body) == ("change_wallet_pin", {"key_id": wallet.key_id, "part": part})
    use(signer, wallet)  # whoever lost the answer still has what they had
    signer.settle_wallet_pin(key_id=wallet.key_id, sealed=changed.offer.sealed)
    signer.settle_wallet_pin(key_id=wallet.key_id, sealed=changed.offer.sealed)
    refused(signer, SealedMismatchError, lambda: use(signer, wallet))
    assert refused(signer, PinWrongError, lambda: use(signer, changed)).data == {"left": 4}
    signature = use(signer, changed, WRONG, text="after")
    public = load_der_public_key(wallet.offer.public_key)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    digest = hashlib.sha256(b"after").digest()
    public.verify(signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))


def test_using_the_new_part_settles_it(centre: Centre, wallet: WalletKey) -> None:
    """After one signature with the new PIN the old part opens nothing, though nobody said so."""
    changed = change(centre.signer, wallet)
    use(centre.signer, changed, WRONG)
    refused(centre.signer, SealedMismatchError, lambda: use(centre.signer, wallet))


def test_of_two_changes_either_may_be_the_one_that_is_kept(centre: Centre, wallet: WalletKey) -> None:
    """Two changes begun from one part: the caller keeps one of them, whichever; it works and goes on."""
    signer = centre.signer
    one, _lost = change(signer, wallet, new_pin="730591"), change(signer, wallet, new_pin="491837")
    use(signer, one, "730591")
    again = change(signer, one, "730591", "260483")
    signer.settle_wallet_pin(key_id=wallet.key_id, sealed=again.offer.sealed)
    use(signer, again, "260483")
    refused(signer, SealedMismatchError, lambda: use(signer, one, "730591"))


def test_invariant_10_a_change_is_no_way_around_the_count(centre: Centre, wallet: WalletKey) -> None:
    """Wrong old PINs share the count of signing and lock; the same PIN again is refused without a try."""
    signer = centre.signer
    refused(signer, PinReusedError, lambda: change(signer, wallet, PIN, PIN))
    for left in (4, 3):
        error = refused(signer, PinWrongError, lambda: change(signer, wallet, "730591", "491837"))
        assert error.data == {"left": left}
        refused(signer, PinReusedError, lambda: change(signer, wallet, "730591", "730591"))
    for left in (2, 1):
        assert refused(signer, PinWrongError, lambda: use(signer, wallet, WRONG)).data == {"left": left}
    with pytest.raises(PinLockedError):
        change(signer, wallet, "730591", "491837")
    refused(signer, PinLockedError, lambda: change(signer, wallet))


def test_a_halted_signer_changes_no_pin(centre: Centre, wallet: WalletKey) -> None:
    """While signing is stopped, what opens a key stays as it is; so it does for a key that is gone."""
    signer = centre.signer
    signer.halt(reason="a test")
    try:
        refused(signer, SignerHaltedError, lambda: change(signer, wallet))
    finally:
        signer.resume(reason="a test")
    changed = change(signer, wallet)
    signer.retire_wallet_key(key_id=wallet.key_id)
    refused(signer, KeyRetiredError, lambda: change(signer, changed, WRONG, PIN))
    refused(
        signer,
        KeyRetiredError,
        lambda: signer.settle_wallet_pin(key_id=wallet.key_id, sealed=changed.offer.sealed),
    )


# --- the switch and the journal ---------------------------------------------------------------------------


def test_invariant_18_a_halt_stops_signing_and_status_goes_on(centre: Centre, wallet: WalletKey) -> None:
    """From the moment `halt` returns no certificate and no customer signature gets out, until `resume`."""
    signer, bodies = centre
    signer.halt(reason="점검: the test says so")
    try:
        tbs = bodies.subscriber()
        refused(
            signer,
            SignerHaltedError,
            lambda: signer.sign_certificate(issuer="issuing", profile="financial", tbs=tbs),
        )
        refused(signer, SignerHaltedError, lambda: use(signer, wallet))
        refused(signer, SignerHaltedError, lambda: make_key(signer))
        signer.sign_ocsp(responder="ocsp", tbs=response(bodies))
        signer.sign_crl(issuer="issuing", tbs=crl(bodies, 1, f"http://ca.example/{uuid.uuid4()}.crl"))
    finally:
        signer.resume(reason="the test is over")
    signer.sign_certificate(issuer="issuing", profile="financial", tbs=tbs)
    use(signer, wallet)


def test_invariant_18_a_halt_takes_effect_under_load_within_a_second(centre: Centre) -> None:
    """While eight clients sign without pause, nothing is signed after the entry of the halt."""
    signer, bodies = centre
    begun = last(signer)

    def work(_: int) -> int:
        count = 0
        while True:
            try:
                signer.sign_certificate(issuer="issuing", profile="financial", tbs=bodies.subscriber())
            except SignerHaltedError:
                return count
            count += 1

    with ThreadPoolExecutor(8) as threads:
        counts = [threads.submit(work, number) for number in range(8)]
        while last(signer) < begun + 50:
            assert not any(count.done() for count in counts)
        asked = time.monotonic()
        signer.halt(reason="now")
        took = time.monotonic() - asked
        signed = sum(count.result() for count in counts)
    signer.resume(reason="the test is over")
    assert took < 1.0
    verbs = [entry.verb for entry in signer.journal(after=begun, limit=1_000_000)]
    assert verbs == ["sign_certificate"] * signed + ["halt", "resume"]
