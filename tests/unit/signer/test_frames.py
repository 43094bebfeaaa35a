"""Whatever comes through the socket: a typed refusal, and the process lives on."""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.signer.processes import SignerProcess, hold_ceremony, signer_process

from dojang.adapters.signer_client import SocketSigner
from dojang.pki.errors import MalformedError
from dojang.ports import signer_wire as wire
from dojang.ports.signer_errors import SignerBusyError, SignerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_packer: Any = msgpack
_SETTINGS = settings(
    max_examples=1500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)

VERBS = {
    "keys": (),
    "create_authority_key": ("label", "role", "algorithm"),
    "compute_vid": ("idn", "sealed_r"),
    "install_certificate": ("label", "certificate"),
    "sign_certificate": ("issuer", "profile", "tbs"),
    "sign_certificates": ("issuer", "wanted"),
    "recall_certificate": ("issuer", "serial"),
    "sign_crl": ("issuer", "tbs"),
    "sign_ocsp": ("responder", "tbs"),
    "sign_ocsp_many": ("responder", "tbs"),
    "create_wallet_key": ("key_id", "customer_id", "pin", "idn", "previous"),
    "sign_with_wallet": ("key_id", "sealed", "pin", "digest", "purpose"),
    "change_wallet_pin": ("key_id", "sealed", "pin", "new_pin"),
    "settle_wallet_pin": ("key_id", "sealed"),
    "retire_wallet_key": ("key_id",),
    "anchor": ("heads",),
    "journal": ("after", "limit"),
    "status": (),
    "halt": ("reason",),
    "resume": ("reason",),
}
#: What a hostile but well-formed request may be answered with.
TYPED = {
    "malformed",
    "profile_broken",
    "key_unknown",
    "key_purpose",
    "key_conflict",
    "pin_reused",
    "weak_algorithm",
    "sealed_mismatch",
    "signer_halted",
}

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.binary(max_size=200)
    | st.sampled_from(["issuing", "root", "ocsp", "financial", "ec-p256", "k", "c", "135790"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Return a map that looks like a request, with arguments of any kind."""
    verb = draw(st.sampled_from(sorted(VERBS)))
    args: Any = {argument: draw(values) for argument in VERBS[verb]}
    if draw(st.integers(0, 9)) == 0:
        args = draw(values)
    return {"verb": verb, "args": args} | draw(st.dictionaries(st.text(max_size=5), values, max_size=1))


@pytest.fixture(scope="module")
def signer() -> Iterator[SignerProcess]:
    """Return a signer with keys in it, shared by the tests of this file."""
    with signer_process() as process:
        hold_ceremony(process.client)
        yield process


@pytest.fixture(autouse=True)
def _unharmed(signer: SignerProcess) -> Iterator[None]:
    """Whatever a test sent, the same process goes on and found no fault in itself."""
    yield
    assert signer.process is not None
    assert signer.process.poll() is None
    held = signer.client.keys()
    assert {"root", "issuing", "ocsp"} <= {key.label for key in held}
    assert "fault" not in signer.logged


def connect(signer: SignerProcess) -> socket.socket:
    """Return a bare connection."""
    link = socket.socket(socket.AF_UNIX)
    link.connect(os.fspath(wire.socket_path(signer.home)))  # waits while the queue is full
    link.settimeout(10.0)
    return link


def exchange(signer: SignerProcess, sent: bytes) -> list[dict[str, Any]]:
    """Send octets, say that nothing more comes, and return the answers until the signer closes."""
    answers = []
    with connect(signer) as link:
        try:
            link.sendall(sent)
            link.shutdown(socket.SHUT_WR)
            while (body := wire.read_frame(link, within=10.0)) is not None:
                answers.append(wire.unpack(body))
        except (BrokenPipeError, ConnectionResetError):
            pass  # the signer hung up before taking it all, as it may
    return answers


@given(raw=st.binary(max_size=300))
@_SETTINGS
def test_any_octets_are_refused_or_cut_off(signer: SignerProcess, raw: bytes) -> None:
    """A stream that is not frames gets refusals of one kind, or nothing."""
    assert {answer["code"] for answer in exchange(signer, raw)} <= {"malformed"}


@given(body=st.binary(max_size=300))
@_SETTINGS
def test_any_frame_is_answered(signer: SignerProcess, body: bytes) -> None:
    """A frame of any content gets exactly one refusal."""
    answers = exchange(signer, struct.pack(">I", len(body)) + body)
    assert [answer["code"] for answer in answers] == ["malformed"]


@given(request=requests())
@_SETTINGS
def test_any_arguments_are_answered(signer: SignerProcess, request: dict[str, Any]) -> None:
    """A request with arguments of any kind gets its value or a typed refusal, never a fault."""
    body = _packer.packb(request)
    (answer,) = exchange(signer, struct.pack(">I", len(body)) + body)
    assert "ok" in answer or answer["code"] in TYPED, answer


def test_a_frame_announced_too_large_is_refused_at_once(signer: SignerProcess) -> None:
    """The signer does not wait for, nor make room for, what it will not take."""
    for size in (wire.FRAME_LIMIT + 1, wire.CRL_FRAME_LIMIT, wire.CRL_FRAME_LIMIT + 1, 0xFFFFFFFF):
        answers = exchange(signer, struct.pack(">I", size) + b"\x82\xa4verb\xa4keys" + bytes(30))
        assert [answer["code"] for answer in answers] == ["malformed"]


def test_only_the_verb_for_lists_may_be_large(signer: SignerProcess) -> None:
    """A large frame for another verb is refused by client and signer alike; a large list is read."""
    with pytest.raises(MalformedError):
        signer.client.sign_ocsp(responder="ocsp", tbs=bytes(wire.FRAME_LIMIT))
    body = _packer.packb({"args": {"issuer": "issuing", "tbs": bytes(2 << 20)}, "verb": "sign_crl"})
    # The refusal may be lost with the connection, which is closed on the rest of the frame.
    assert {a["code"] for a in exchange(signer, struct.pack(">I", len(body)) + body)} <= {"malformed"}
    body = _packer.packb({"verb": "sign_crl", "args": {"issuer": "issuing", "tbs": bytes(2 << 20)}})
    assert [a["code"] for a in exchange(signer, struct.pack(">I", len(body)) + body)] == ["profile_broken"]


def test_deep_nesting_is_refused(signer: SignerProcess) -> None:
    """Ten thousand nested lists are one refusal."""
    for body in (b"\x91" * 10_000 + b"\x90", b"\x81\xa1a" * 10_000 + b"\x90"):
        assert [a["code"] for a in exchange(signer, struct.pack(">I", len(body)) + body)] == ["malformed"]


def test_a_frame_that_does_not_arrive_does_not_hold_others_up(signer: SignerProcess) -> None:
    """Fifty half frames are waited for while others are answered."""
    links = [connect(signer) for _ in range(50)]
    try:
        for link in links:
            link.sendall(b"\x00\x00\x01\x00half")
        assert len(signer.client.keys()) >= 3
    finally:
        for link in links:
            link.close()


def test_too_many_connections_are_told_so() -> None:
    """Beyond its bound the signer refuses in a typed way, and serves again afterwards."""
    with signer_process() as process:
        assert process.client.keys() == ()
        process.client.close()
        links = [connect(process) for _ in range(150)]
        extra = SocketSigner(wire.socket_path(process.home), timeout=5.0)
        try:
            with pytest.raises((SignerBusyError, SignerUnavailableError)):
                extra.keys()
        finally:
            extra.close()
            for link in links:
                link.close()
        deadline = time.monotonic() + 10
        while True:
            try:
                assert process.client.keys() == ()
                break
            except (SignerBusyError, SignerUnavailableError):
                assert time.monotonic() < deadline
