"""A push service on loopback, and browsers that subscribe to it: keys, addresses, messages opened.

The browser's side opens messages with http-ece, an implementation that shares nothing with ours.
"""

from __future__ import annotations

import base64
import datetime as dt
import http.server
import ipaddress
import json
import secrets
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from tests.judges.environment import ask_judge

from dojang.adapters.clocks import SystemClock
from dojang.adapters.webpush import WebPush, sender_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.ports.world import World

HERE = Path(__file__).parent / "judges"
CURVE = ec.SECP256R1()


def octets(text: str) -> bytes:
    """Read base64url without its end."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def base64url(data: bytes) -> str:
    """Write base64url without its end."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    def token(self, *, audience: str) -> dict[str, Any]:
        """Check the VAPID token (RFC 8292): signed by the key it names, for this service."""
        token, named = self.headers["Authorization"].removeprefix("vapid t=").split(", k=")
        head, claims, signature = token.split(".")
        assert json.loads(octets(head)) == {"typ": "JWT", "alg": "ES256"}
        raw = octets(signature)
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        sender = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, octets(named))
        sender.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        said: dict[str, Any] = json.loads(octets(claims))
        assert said["aud"] == audience
        return {**said, "key": octets(named)}


@dataclass
class LoopbackService:
    """Keeps what arrives in `got`; answers `status` with `headers`, or nothing while `silent`."""

    folder: Path
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    got: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        service, self.release = self, threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.got.append(Received(self.path, dict(self.headers.items()), body))
                if service.silent:
                    service.release.wait(20)
                    return
                self.send_response(service.status)
                for name, value in service.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority = self.folder / "push-service.pem"
        _write_certificate(self.authority)
        context.load_cert_chain(self.authority)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def host(self) -> str:
        """Host and port, as the configuration names it."""
        return f"127.0.0.1:{self.server.server_address[1]}"

    @property
    def trust(self) -> ssl.SSLContext:
        """What a caller must believe."""
        return ssl.create_default_context(cafile=str(self.authority))

    def close(self) -> None:
        """Stop listening."""
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def push_service(folder: Path) -> Iterator[LoopbackService]:
    """Run a push service."""
    made = LoopbackService(folder)
    try:
        yield made
    finally:
        made.close()


def reaching(world: World, service: LoopbackService) -> World:
    """Return the world with a way to that service and no other, quick to give up."""
    way = WebPush(
        key=sender_key(b"k" * 32),
        contact="mailto:push@bank.example",
        clock=SystemClock(),
        services=(service.host,),
        timeout=0.5,
        context=service.trust,
    )
    return replace(world, push_service=way)


def _write_certificate(file: Path) -> None:
    key = ec.generate_private_key(CURVE)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "push")])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + made.public_bytes(Encoding.PEM))


class PushedBrowser:
    """A browser that subscribed: its key pair, its secret, its address at a service."""

    def __init__(self, service: LoopbackService) -> None:
        self.key = ec.generate_private_key(CURVE)
        self.auth = secrets.token_bytes(16)
        self.path = f"/send/{secrets.token_urlsafe(24)}?v=2"
        self.endpoint = f"https://{service.host}{self.path}"
        self._service = service

    @property
    def subscription(self) -> dict[str, Any]:
        """What ``PushSubscription.toJSON()`` gives."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": base64url(point), "auth": base64url(self.auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    @property
    def got(self) -> list[Received]:
        """Return what arrived for this browser."""
        return [one for one in self._service.got if one.path == self.path]

    def messages(self) -> list[dict[str, Any]]:
        """Return what this browser would show."""
        return [self.open(one.body) for one in self.got]

    def open(self, body: bytes) -> dict[str, Any]:
        """Open a message with http-ece."""
        question = {
            "private": self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "auth": self.auth.hex(),
            "body": body.hex(),
        }
        answer = ask_judge(HERE / "requirements-http-ece.txt", HERE / "http_ece_inside.py", question)
        said: dict[str, Any] = json.loads(answer["plain"])
        return said
