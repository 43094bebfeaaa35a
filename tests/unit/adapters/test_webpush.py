"""Web Push against the standard's own example and a push service that really listens."""

from __future__ import annotations

import base64
import datetime as dt
import http.server
import ipaddress
import json
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from dojang.adapters.webpush import Subscription, WebPush, encrypt
from dojang.ports.errors import PushError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CURVE = ec.SECP256R1()
NOW = dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.UTC)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class FixedClock:
    """A clock that stands."""

    def now(self) -> dt.datetime:
        """Return the one moment."""
        return NOW


def test_the_example_of_the_standard_comes_out_octet_by_octet() -> None:
    """RFC 8291, section 5: the same keys and salt give the same message."""
    theirs = Subscription(
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        _bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        _bytes("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    private = int.from_bytes(_bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    made = encrypt(
        theirs,
        b"When I grow up, I want to be a watermelon",
        salt=_bytes("DGv6ra1nlYgDCS1FRnbzlw"),
        key=ec.derive_private_key(private, CURVE),
    )
    assert _text(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w"
        "EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


class Service:
    """A push service on loopback: keeps what arrives, answers as told."""

    def __init__(self, folder: Path) -> None:
        self.status = 201
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.got.append((self.path, dict(self.headers.items()), body))
                self.send_response(service.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(folder))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.trust = ssl.create_default_context(cafile=str(folder / "service.pem"))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        """Address of one subscription."""
        return f"https://127.0.0.1:{self.server.server_address[1]}/send/abc?x=1"


def _certificate(folder: Path) -> str:
    key = ec.generate_private_key(CURVE)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "push")])
    today = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "service.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return str(file)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Run a push service for one test."""
    made = Service(tmp_path)
    yield made
    made.server.shutdown()
    made.server.server_close()


def _push(service: Service, gone: list[str], **more: Any) -> tuple[WebPush, ec.EllipticCurvePrivateKey]:
    browser, sender = ec.generate_private_key(CURVE), ec.generate_private_key(CURVE)
    point = browser.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    given = {"endpoint": service.endpoint, "keys": {"p256dh": _text(point), "auth": _text(b"a" * 16)}}
    settings = {"services": ("127.0.0.1",), "context": service.trust, "clock": FixedClock(), **more}
    push = WebPush(
        subscriptions_of=lambda customer: [given] if customer == "hong" else [],
        forget=gone.append,
        key=sender,
        contact="mailto:push@bank.example",
        **settings,
    )
    return push, sender


def test_a_message_arrives_encrypted_and_signed_by_the_sender(service: Service) -> None:
    """The service sees no word of it, but can check who sent it; the same key has the same topic."""
    push, sender = _push(service, [])
    for _ in range(2):
        assert push.send(customer_id="hong", title="승인 요청", text="금융인증서", key="k1") == 1
    assert push.send(customer_id="nobody", title="x", text="y", key="k2") == 0
    assert len(service.got) == 2
    path, headers, body = service.got[0]
    assert path == "/send/abc?x=1"
    assert (headers["Content-Encoding"], headers["TTL"]) == ("aes128gcm", "600")
    assert headers["Topic"] == service.got[1][1]["Topic"]
    assert "승인".encode() not in body
    token = headers["Authorization"].removeprefix("vapid t=").split(", k=")[0]
    head, claims, signature = token.split(".")
    raw = _bytes(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    sender.public_key().verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    said = json.loads(_bytes(claims))
    assert said["aud"] == service.endpoint.split("/send")[0]
    assert said["exp"] == int(NOW.timestamp()) + 12 * 3600


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_gone_is_forgotten(service: Service, status: int) -> None:
    """The service says so once; it does not count as a device."""
    service.status, gone = status, []
    push, _ = _push(service, gone)
    assert push.send(customer_id="hong", title="x", text="y", key="k") == 0
    assert gone == [service.endpoint]


def test_trouble_is_told_as_the_port_says(service: Service) -> None:
    """A refusal, a silent service and a host that is no push service are errors; nothing else is called."""
    service.status = 500
    push, _ = _push(service, [])
    with pytest.raises(PushError):
        push.send(customer_id="hong", title="x", text="y", key="k")
    assert len(service.got) == 1
    elsewhere, _ = _push(service, [], services=("push.example",))
    with pytest.raises(PushError):
        elsewhere.send(customer_id="hong", title="x", text="y", key="k")
    assert len(service.got) == 1
    service.server.shutdown()
    service.server.server_close()
    with pytest.raises(PushError):
        push.send(customer_id="hong", title="x", text="y", key="k")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"endpoint": "https://x", "keys": {}},
        {"endpoint": "https://x", "keys": {"p256dh": "AA", "auth": "AA"}},
        {"endpoint": "https://x", "keys": {"p256dh": 7, "auth": None}},
    ],
)
def test_what_is_no_subscription_is_refused(data: dict[str, Any]) -> None:
    """A browser may send anything; only a whole subscription is read."""
    with pytest.raises(PushError):
        Subscription.read(data)
