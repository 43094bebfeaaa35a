"""What every signer behind `dojang.ports.signer` must do and refuse: authorities' keys, journal."""

from __future__ import annotations

import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from tests.contracts.signers import (
    IDN,
    Centre,
    crl,
    last,
    refused,
    response,
)
from tests.unit.signer.processes import (
    ALGORITHM,
    CUSTOMER_KEY,
    authority_body,
    name,
)

from dojang.pki.build import assemble_certificate, new_serial
from dojang.pki.certificate import read_certificate, read_tbs
from dojang.pki.crl import CrlEntry, build_tbs_crl
from dojang.pki.errors import MalformedError, ProfileError
from dojang.pki.signing import describe_key, verify_signature
from dojang.ports.signer_errors import (
    CrlNumberError,
    KeyConflictError,
    KeyPurposeError,
    KeyUnknownError,
    SerialUsedError,
    SignerHaltedError,
    WeakAlgorithmError,
)
from dojang.ports.signer_journal import broken_entries
from dojang.ports.signer_keys import ensure_transport_key, transport_key

if TYPE_CHECKING:
    from dojang.ports.signer import Signer
# --- authority keys ----------------------------------------------------------------------------------------


def test_the_same_key_asked_for_again_is_the_same_key(centre: Centre) -> None:
    """Repeating a creation returns the key and makes no second one; another kind of key is refused."""
    before = centre.signer.keys()
    again = centre.signer.create_authority_key(label="issuing", role="issuing", algorithm=ALGORITHM)
    assert again in before
    refused(
        centre.signer,
        KeyConflictError,
        lambda: centre.signer.create_authority_key(label="issuing", role="root", algorithm=ALGORITHM),
    )
    assert centre.signer.keys() == before


@pytest.mark.parametrize("algorithm", ["ec-p384", "rsa-2048"])
def test_other_algorithms_above_the_floor_are_made(centre: Centre, algorithm: str) -> None:
    """A key is of the algorithm asked for."""
    key = centre.signer.create_authority_key(label=f"other-{algorithm}", role="ocsp", algorithm=algorithm)
    assert describe_key(key.public_key).algorithm == key.algorithm == algorithm


@pytest.mark.parametrize("algorithm", ["rsa-1024", "ec-p192", "dsa", "none"])
def test_invariant_13_keys_below_the_floor_are_not_made(centre: Centre, algorithm: str) -> None:
    """Weak and unknown algorithms are refused."""
    before = centre.signer.keys()
    refused(
        centre.signer,
        WeakAlgorithmError,
        lambda: centre.signer.create_authority_key(label="weak", role="issuing", algorithm=algorithm),
    )
    assert centre.signer.keys() == before


def test_a_certificate_is_installed_once_and_only_for_its_own_key(centre: Centre) -> None:
    """The same certificate again changes nothing; a second one and another key's are refused."""
    signer, bodies = centre
    signer.install_certificate(label="issuing", certificate=bodies.issuing)
    refused(
        signer, KeyConflictError, lambda: signer.install_certificate(label="issuing", certificate=bodies.root)
    )
    signer.create_authority_key(label="bare", role="issuing", algorithm=ALGORITHM)
    refused(
        signer, KeyConflictError, lambda: signer.install_certificate(label="bare", certificate=bodies.issuing)
    )
    refused(
        signer,
        KeyUnknownError,
        lambda: signer.install_certificate(label="nobody", certificate=bodies.issuing),
    )
    held = signer.keys()
    assert [key.certificate for key in held if key.label == "bare"] == [None]


# --- virtual IDs -------------------------------------------------------------------------------------------

R = bytes.fromhex("79EA7568A2D3776604E18BCD3A1B1B85B7DA0872")
#: VID of IDN 1234561234567 and R, as in `tests/vectors/vid.toml`.
VID = bytes.fromhex("17692c8dd00ead33791de0a64a937c60799634c64ac56fa57570c0e05252ab35")
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def sealed(signer: Signer, plain: bytes) -> bytes:
    """Encrypt as a customer's device does, to the transport key."""
    key = load_der_public_key(ensure_transport_key(signer))
    assert isinstance(key, rsa.RSAPublicKey)
    return key.encrypt(plain, OAEP)


def test_a_vid_is_computed_from_an_r_only_the_signer_reads(centre: Centre) -> None:
    """The published vector comes out, any number of times; the journal has a digest of the VID alone."""
    signer = centre.signer
    text = sealed(signer, R)
    before = last(signer)
    assert signer.compute_vid(idn="1234561234567", sealed_r=text) == VID
    assert signer.compute_vid(idn="1234561234567", sealed_r=text) == VID
    entries = signer.journal(after=before)
    assert [entry.verb for entry in entries] == ["compute_vid"] * 2
    assert [entry.body for entry in entries] == [{"vid_sha256": hashlib.sha256(VID).hexdigest()}] * 2


@pytest.mark.parametrize("size", [0, 19, 21, 32])
def test_an_r_of_another_size_is_refused(centre: Centre, size: int) -> None:
    """R has exactly 20 octets."""
    text = sealed(centre.signer, R.ljust(size, b"x")[:size])
    refused(centre.signer, MalformedError, lambda: centre.signer.compute_vid(idn=IDN, sealed_r=text))


def test_an_r_sealed_for_nobody_is_refused(centre: Centre) -> None:
    """Bytes that the transport key does not open are malformed, and nothing more is told."""
    ensure_transport_key(centre.signer)
    refused(centre.signer, MalformedError, lambda: centre.signer.compute_vid(idn=IDN, sealed_r=bytes(384)))


def test_the_transport_key_signs_nothing_and_is_made_once(centre: Centre) -> None:
    """It is an RSA key without a certificate, refused for lists, answers and certificates."""
    signer = centre.signer
    public = ensure_transport_key(signer)
    assert ensure_transport_key(signer) == public == transport_key(signer)
    assert describe_key(public).algorithm == "rsa-3072"
    held = signer.keys()
    label = next(key.label for key in held if key.role == "transport")
    tbs = centre.bodies.subscriber()
    for ask in (
        lambda: signer.sign_certificate(issuer=label, profile="financial", tbs=tbs),
        lambda: signer.sign_crl(issuer=label, tbs=tbs),
        lambda: signer.sign_ocsp(responder=label, tbs=tbs),
        lambda: signer.install_certificate(label=label, certificate=centre.bodies.issuing),
    ):
        refused(signer, KeyPurposeError, ask)
    refused(
        signer,
        WeakAlgorithmError,
        lambda: signer.create_authority_key(label="t2", role="transport", algorithm="ec-p256"),
    )


# --- certificates ------------------------------------------------------------------------------------------


def test_a_certificate_is_signed_and_recalled(centre: Centre) -> None:
    """The signature verifies under the issuer's key, and the journal gives the same one back."""
    signer, bodies = centre
    serial = new_serial()
    tbs = bodies.subscriber(serial)
    assert signer.recall_certificate(issuer="issuing", serial=serial) is None
    before = last(signer)
    signature = signer.sign_certificate(issuer="issuing", profile="financial", tbs=tbs)
    issuer_key = read_certificate(bodies.issuing).facts.spki
    verify_signature(issuer_key, ALGORITHM, tbs, signature)
    recalled = signer.recall_certificate(issuer="issuing", serial=serial)
    assert recalled is not None
    assert recalled.signature == signature
    assert recalled.tbs_sha256 == hashlib.sha256(tbs).digest()
    assert (recalled.issuer, recalled.serial) == ("issuing", serial)
    assert abs(recalled.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert last(signer) == before + 1


def test_invariant_3_a_serial_is_signed_once(centre: Centre) -> None:
    """The same serial again is refused, the same body or another, and the journal keeps one entry."""
    signer, bodies = centre
    serial = new_serial()
    tbs = bodies.subscriber(serial)
    signature = signer.sign_certificate(issuer="issuing", profile="financial", tbs=tbs)
    other = bodies.subscriber(serial, subject=name("김철수()0004", "personalF", "DJB"))
    for again in (tbs, other):
        refused(
            signer,
            SerialUsedError,
            lambda again=again: signer.sign_certificate(issuer="issuing", profile="financial", tbs=again),
        )
    recalled = signer.recall_certificate(issuer="issuing", serial=serial)
    assert recalled is not None
    assert recalled.signature == signature


def test_many_certificates_are_signed_in_one_call_each_looked_at_by_itself(centre: Centre) -> None:
    """Of eight bodies the poisoned ones are refused as alone, the others signed and recorded, in order."""
    signer, bodies = centre
    used = bodies.subscriber(new_serial())
    signer.sign_certificate(issuer="issuing", profile="financial", tbs=used)
    fresh = [bodies.subscriber(new_serial()) for _ in range(4)]
    wanted = [
        ("financial", fresh[0]),
        ("financial", used),
        ("root", bodies.subscriber()),
        ("financial", fresh[1]),
        ("financial", fresh[1]),
        ("financial", bodies.subscriber(at=datetime.now(UTC) - timedelta(hours=1))),
        ("financial", b"nothing"),
        ("financial", fresh[2]),
    ]
    before = last(signer)
    answers = signer.sign_certificates(issuer="issuing", wanted=wanted)
    kinds = [type(answer) for answer in answers]
    assert kinds == [
        bytes, SerialUsedError, KeyPurposeError, bytes, SerialUsedError, ProfileError, ProfileError, bytes,
    ]  # fmt: skip
    issuer_key = read_certificate(bodies.issuing).facts.spki
    for place in (0, 3, 7):
        answer = answers[place]
        assert isinstance(answer, bytes)
        verify_signature(issuer_key, ALGORITHM, wanted[place][1], answer)
        recalled = signer.recall_certificate(issuer="issuing", serial=read_tbs(wanted[place][1]).serial)
        assert recalled is not None
        assert recalled.signature == answer
    entries = signer.journal(after=before)
    assert [entry.verb for entry in entries] == ["sign_certificate"] * 3
    refused(signer, KeyUnknownError, lambda: signer.sign_certificates(issuer="nobody", wanted=wanted[:1]))
    for several in ([], [("financial", b"x")] * 257):
        refused(
            signer,
            MalformedError,
            lambda several=several: signer.sign_certificates(issuer="issuing", wanted=several),
        )


def test_a_halt_stops_a_list_of_certificates(centre: Centre) -> None:
    """While signing is stopped nothing of a list is signed."""
    signer, bodies = centre
    wanted = [("financial", bodies.subscriber()) for _ in range(3)]
    signer.halt(reason="drill")
    try:
        refused(signer, SignerHaltedError, lambda: signer.sign_certificates(issuer="issuing", wanted=wanted))
    finally:
        signer.resume(reason="over")


def test_invariant_3_many_at_once_with_one_serial_get_one_signature(centre: Centre) -> None:
    """Forty parallel requests for one serial end with one signature and 39 refusals."""
    signer, bodies = centre
    tbs = bodies.subscriber(new_serial())
    before = last(signer)

    def ask(_: int) -> bool:
        try:
            signer.sign_certificate(issuer="issuing", profile="financial", tbs=tbs)
        except SerialUsedError:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(ask, range(40))) == 1
    assert last(signer) == before + 1


@pytest.mark.parametrize(
    ("issuer", "profile"),
    [
        ("root", "financial"),
        ("root", "ocsp"),
        ("issuing", "issuing"),
        ("issuing", "root"),
        ("ocsp", "financial"),
    ],
)
def test_a_key_signs_only_within_its_role(centre: Centre, issuer: str, profile: str) -> None:
    """A root does not sign customers, an issuing authority no authority, a responder no certificate."""
    tbs = centre.bodies.subscriber()
    refused(
        centre.signer,
        KeyPurposeError,
        lambda: centre.signer.sign_certificate(issuer=issuer, profile=profile, tbs=tbs),
    )


def test_a_root_does_not_certify_another_root(centre: Centre) -> None:
    """A body of the root profile with a foreign key is refused."""
    tbs = authority_body("root", None, CUSTOMER_KEY, days=300, common="Dojang root")
    refused(
        centre.signer,
        ProfileError,
        lambda: centre.signer.sign_certificate(issuer="root", profile="root", tbs=tbs),
    )


def test_invariant_12_nothing_is_back_dated(centre: Centre) -> None:
    """A body that begins in the past or in the future is refused."""
    for hours in (-1, 1):
        tbs = centre.bodies.subscriber(at=datetime.now(UTC) + timedelta(hours=hours))
        refused(
            centre.signer,
            ProfileError,
            lambda tbs=tbs: centre.signer.sign_certificate(issuer="issuing", profile="financial", tbs=tbs),
        )


def test_invariant_4_a_body_off_its_profile_is_refused(centre: Centre) -> None:
    """Cut off, extended, emptied or with another key usage: nothing of it is signed."""
    signer, bodies = centre
    tbs = bodies.subscriber()
    for broken in (
        b"",
        tbs[:-1],
        tbs + b"\x00",
        bytes(len(tbs)),
        tbs.replace(b"\x03\x02\x06\xc0", b"\x03\x02\x01\x06"),
    ):
        error = ProfileError if broken else MalformedError
        refused(
            signer,
            error,
            lambda broken=broken: signer.sign_certificate(issuer="issuing", profile="financial", tbs=broken),
        )
    refused(signer, ProfileError, lambda: signer.sign_certificate(issuer="issuing", profile="joker", tbs=tbs))
    refused(
        signer, KeyUnknownError, lambda: signer.sign_certificate(issuer="x", profile="financial", tbs=tbs)
    )


# --- status ------------------------------------------------------------------------------------------------


def test_invariant_6_crl_numbers_only_rise(centre: Centre) -> None:
    """A number is not signed twice nor below the last one, for each shard by itself."""
    signer, bodies = centre
    url = f"http://ca.example/{uuid.uuid4()}.crl"
    body = crl(bodies, 7, url, new_serial())
    signature = signer.sign_crl(issuer="issuing", tbs=body)
    verify_signature(read_certificate(bodies.issuing).facts.spki, ALGORITHM, body, signature)
    assert signer.sign_crl(issuer="issuing", tbs=body) == signature
    for number in (7, 6, 0):
        other = crl(bodies, number, url)
        error = refused(
            signer, CrlNumberError, lambda other=other: signer.sign_crl(issuer="issuing", tbs=other)
        )
        assert error.data == {"last": "7"}
    signer.sign_crl(issuer="issuing", tbs=crl(bodies, 8, url))
    signer.sign_crl(issuer="issuing", tbs=crl(bodies, 1, url + "x"))


def test_a_large_list_is_signed(centre: Centre) -> None:
    """A list far above the size of an ordinary frame passes."""
    now = datetime.now(UTC).replace(microsecond=0)
    body = build_tbs_crl(
        issuer_certificate=centre.bodies.issuing,
        algorithm=ALGORITHM,
        number=1,
        this_update=now,
        next_update=now + timedelta(days=1),
        entries=(CrlEntry((1 << 126) + n, now, "superseded") for n in range(100_000)),
        idp_url=f"http://ca.example/{uuid.uuid4()}.crl",
    )
    assert len(body) > 4 << 20
    signature = centre.signer.sign_crl(issuer="issuing", tbs=body)
    verify_signature(read_certificate(centre.bodies.issuing).facts.spki, ALGORITHM, body, signature)


def test_status_answers_are_signed_and_summed(centre: Centre) -> None:
    """Parallel answers are all signed; the journal grows by no more than an entry a minute for them."""
    signer, bodies = centre
    before = last(signer)
    todo = [response(bodies) for _ in range(60)]
    with ThreadPoolExecutor(8) as threads:
        signatures = list(threads.map(lambda tbs: signer.sign_ocsp(responder="ocsp", tbs=tbs), todo))
    for tbs, signature in zip(todo, signatures, strict=True):
        verify_signature(bodies.responder_key, ALGORITHM, tbs, signature)
    entries = [entry for entry in signer.journal(after=before) if entry.verb.endswith("_ocsp")]
    assert {entry.verb for entry in entries} <= {"count_ocsp"}
    assert len(entries) <= 2


def test_many_status_answers_are_signed_in_one_call(centre: Centre) -> None:
    """Signatures come in the order asked and each is counted; one body that is refused refuses them all."""
    signer, bodies = centre
    before = last(signer)
    todo = [response(bodies) for _ in range(512)]
    signatures = signer.sign_ocsp_many(responder="ocsp", tbs=todo)
    for tbs, signature in zip(todo, signatures, strict=True):
        verify_signature(bodies.responder_key, ALGORITHM, tbs, signature)
    [entry] = [entry for entry in signer.journal(after=before) if entry.verb == "sign_ocsp"]
    assert entry.body["tbs_sha256"] == [hashlib.sha256(tbs).hexdigest() for tbs in todo]
    wrong = [*todo[:3], bodies.subscriber()]
    refused(signer, ProfileError, lambda: signer.sign_ocsp_many(responder="ocsp", tbs=wrong))
    refused(signer, KeyPurposeError, lambda: signer.sign_ocsp_many(responder="issuing", tbs=todo[:2]))
    for count in (0, 513):
        several = [todo[0]] * count
        refused(
            signer,
            MalformedError,
            lambda several=several: signer.sign_ocsp_many(responder="ocsp", tbs=several),
        )


def test_status_is_signed_for_a_bounded_time(centre: Centre) -> None:
    """What is dated ahead or would be believed for too long is refused; so is a number from the future."""
    signer, bodies = centre
    for wrong in ({"ahead": 3650}, {"life": 11}, {"ahead": -1}):
        refused(
            signer,
            ProfileError,
            lambda wrong=wrong: signer.sign_ocsp(responder="ocsp", tbs=response(bodies, **wrong)),
        )
        refused(
            signer,
            ProfileError,
            lambda wrong=wrong: signer.sign_ocsp_many(responder="ocsp", tbs=[response(bodies, **wrong)]),
        )
    url = f"http://ca.example/{uuid.uuid4()}.crl"
    ahead = int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1000)
    for number, life in ((ahead, 1), (1 << 100, 1), (1, 36)):
        refused(
            signer,
            ProfileError,
            lambda number=number, life=life: signer.sign_crl(
                issuer="issuing", tbs=crl(bodies, number, url, life=life)
            ),
        )
    signer.sign_crl(issuer="issuing", tbs=crl(bodies, 1, url, life=35))


def test_status_keys_sign_nothing_else(centre: Centre) -> None:
    """A certificate, a list and rubbish are refused by the responder, an answer by the issuing authority."""
    signer, bodies = centre
    for tbs in (bodies.subscriber(), crl(bodies, 1, None), b"\x30\x00", b"x"):
        refused(signer, ProfileError, lambda tbs=tbs: signer.sign_ocsp(responder="ocsp", tbs=tbs))
    refused(signer, KeyPurposeError, lambda: signer.sign_ocsp(responder="issuing", tbs=response(bodies)))
    refused(signer, KeyPurposeError, lambda: signer.sign_crl(issuer="ocsp", tbs=crl(bodies, 1, None)))
    refused(signer, ProfileError, lambda: signer.sign_crl(issuer="issuing", tbs=bodies.subscriber()))
    refused(signer, ProfileError, lambda: signer.sign_crl(issuer="root", tbs=crl(bodies, 1, None)))


def test_invariant_14_the_journal_is_one_chain_and_keeps_the_audit_heads(centre: Centre) -> None:
    """Every entry follows from the one before, pages join up, and an anchor is kept as it was given."""
    signer = centre.signer
    heads = {"0": f"17:{'ab' * 32}", "15": f"0:{'00' * 32}"}
    signer.anchor(heads=heads)
    entries = signer.journal(limit=1_000_000)
    assert broken_entries(entries) == ()
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert entries[-1].verb == "anchor"
    assert entries[-1].body == {"heads": heads}
    pages = [entry for start in range(0, len(entries), 7) for entry in signer.journal(after=start, limit=7)]
    assert tuple(pages) == entries
    assert signer.journal(after=len(entries)) == ()


@pytest.mark.parametrize(
    "heads",
    [
        {"0": "17"},
        {"0": f"-1:{'ab' * 32}"},
        {"0": f"017:{'ab' * 32}"},
        {"0": f"17:{'AB' * 32}"},
        {"0": f"17:{'ab' * 31}"},
        {"0": f"{1 << 63}:{'ab' * 32}"},
        {"x": f"17:{'ab' * 32}"},
        {"70000": f"17:{'ab' * 32}"},
        {"1": f"17:{'ab' * 32}", "2": ""},
    ],
    ids=["no-hash", "negative", "zeros", "capitals", "short", "many", "no-chain", "far-chain", "one-of-two"],
)
def test_what_is_no_anchor_is_not_kept(heads: dict[str, str], centre: Centre) -> None:
    """An anchor nobody could compare with is refused as a whole, and the journal is as before."""
    before = centre.signer.journal(limit=1_000_000)
    refused(centre.signer, MalformedError, lambda: centre.signer.anchor(heads=heads))
    assert centre.signer.journal(limit=1_000_000) == before


def test_the_ceremony_leaves_certificates_that_verify(centre: Centre) -> None:
    """Assembled certificates of the ceremony verify under each other's keys."""
    root, issuing = read_certificate(centre.bodies.root), read_certificate(centre.bodies.issuing)
    for certificate in (root, issuing):
        verify_signature(root.facts.spki, ALGORITHM, certificate.tbs, certificate.signature)
        assert assemble_certificate(certificate.tbs, certificate.signature, ALGORITHM) == certificate.der
