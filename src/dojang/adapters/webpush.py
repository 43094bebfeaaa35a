"""Web Push: messages to installed apps through the push services of browser makers.

Encryption is RFC 8291 (``aes128gcm``, RFC 8188), identification of the sender RFC 8292 (VAPID). The push
service carries ciphertext only. Subscriptions come from outside, so only services that the configuration
names are called, by https, at addresses that were looked at first.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import os
import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dojang.ports.errors import PushError, PushGoneError, PushRefusedError, SubscriptionRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.ports.clock import Clock

_POINT: Final = 65  #: octets of an uncompressed P-256 point
_RECORD: Final = 4096
#: Octets of a message; services must take 4,096 with everything around (RFC 8030 §7.2).
LARGEST: Final = 3000
_TOKEN_LIFE: Final = 12 * 3600
#: Push services of the browser makers. A subscription comes from a browser, so no other host is called.
SERVICES: Final = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
_TAKEN: Final = frozenset({200, 201, 202, 204})
_GONE: Final = frozenset({404, 410})
_LATER: Final = frozenset({408, 425, 429})
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_LONGEST_WAIT: Final = 3600
_HTTPS: Final = 443
_ADDRESS: Final = re.compile(r"https://[!-~]{1,2000}")
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


@dataclass(frozen=True, slots=True)
class Subscription:
    """One browser's subscription. `public` is its P-256 point (65 octets), `secret` 16 octets."""

    endpoint: str = field(repr=False)
    public: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Subscription:
        """Read what ``PushSubscription.toJSON()`` gives. Raises `SubscriptionRefusedError`."""
        try:
            keys = data["keys"]
            made = cls(str(data["endpoint"]), _decode(keys["p256dh"]), _decode(keys["auth"]))
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), made.public)
        except (KeyError, TypeError, ValueError):
            raise SubscriptionRefusedError("no push subscription") from None
        if len(made.public) != _POINT or len(made.secret) != 16:  # noqa: PLR2004 - RFC 8291 §2
            raise SubscriptionRefusedError("no push subscription")
        return made


def sender_key(secret: bytes) -> ec.EllipticCurvePrivateKey:
    """Make our own key pair (RFC 8292 §2) out of 32 random octets: the same octets, the same pair."""
    return ec.derive_private_key(int.from_bytes(secret, "big") % (_ORDER - 1) + 1, ec.SECP256R1())


def encrypt(
    subscription: Subscription,
    plain: bytes,
    *,
    salt: bytes | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Encrypt a message for one browser (RFC 8291 §3.4). `salt` and `key` are for known answers only."""
    salt, key = salt or os.urandom(16), key or ec.generate_private_key(ec.SECP256R1())
    own = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), subscription.public)
    shared = key.exchange(ec.ECDH(), theirs)
    about = b"WebPush: info\0" + subscription.public + own
    secret = _hkdf(subscription.secret, shared, about, 32)
    content_key = _hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
    head = salt + _RECORD.to_bytes(4, "big") + bytes([len(own)]) + own
    return head + AESGCM(content_key).encrypt(nonce, plain + b"\x02", None)


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """Extract and expand, one block (RFC 5869)."""
    return _mac(_mac(salt, secret), info + b"\x01")[:length]


def _mac(key: bytes, data: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(data)
    return made.finalize()


def authorisation(endpoint: str, *, key: ec.EllipticCurvePrivateKey, contact: str, now: float) -> str:
    """Return the ``Authorization`` header that tells the push service who sends (RFC 8292 §3)."""
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int(now) + _TOKEN_LIFE,
        "sub": contact,
    }
    signed = b".".join(
        _encode(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256"}, claims)
    )
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    token = signed + b"." + _encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return f"vapid t={token.decode()}, k={_encode(public).decode()}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a subscription leads. `exact`: the configuration names this very host and port."""

    host: str
    port: int
    path: str
    exact: bool


class _Connection(http.client.HTTPSConnection):
    """A connection to an address that was looked at first: what is checked is what is called."""

    def __init__(self, target: Target, *, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port, timeout=timeout, context=context)
        self._target = target
        self._tls = context

    def connect(self) -> None:
        """Resolve, check, connect; the name stays the one the certificate must have."""
        target = self._target
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        address = str(found[0][4][0])
        if not target.exact and not all(_is_public(str(one[4][0])) for one in found):
            raise PushError("the push service has no public address")
        plain = socket.create_connection((address, target.port), self.timeout)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise


def _is_public(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_global


class WebPush:
    """Implements `dojang.ports.push.PushService`.

    `key` is our own (`sender_key`); `contact` a ``mailto:`` or ``https:`` address for the service's people.
    `services` are hosts that may be called, with everything below them, on port 443 and at public addresses;
    an entry with a port (``push.bank.example:8443``) is that host and port exactly, wherever it lies.
    """

    def __init__(
        self,
        *,
        key: ec.EllipticCurvePrivateKey,
        contact: str,
        clock: Clock,
        services: tuple[str, ...] = SERVICES,
        timeout: float = 10.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._key = key
        self._contact = contact
        self._clock = clock
        self._services = services
        self._timeout = timeout
        self._context = context or ssl.create_default_context()

    @property
    def public_key(self) -> bytes:
        """See the port."""
        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def check(self, subscription: Mapping[str, Any]) -> None:
        """See the port."""
        self._target(Subscription.read(subscription))

    def _target(self, subscription: Subscription) -> Target:
        if _ADDRESS.fullmatch(subscription.endpoint) is None:
            raise SubscriptionRefusedError("no address of a push service")
        try:
            parts = urlsplit(subscription.endpoint)
            host, port = (parts.hostname or "").rstrip("."), parts.port or _HTTPS
        except ValueError:
            raise SubscriptionRefusedError("no address of a push service") from None
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        if f"{host}:{port}" in self._services:
            return Target(host, port, path, exact=True)
        known = any(host == one or host.endswith(f".{one}") for one in self._services)
        if not known or port != _HTTPS or "@" in parts.netloc:
            raise SubscriptionRefusedError("no push service we know")
        return Target(host, port, path, exact=False)

    def post(
        self, subscription: Mapping[str, Any], message: bytes, *, topic: str, life: int, urgent: bool
    ) -> None:
        """See the port. A message longer than `LARGEST` octets is refused."""
        found = Subscription.read(subscription)
        target = self._target(found)
        if len(message) > LARGEST:
            raise PushRefusedError("the message is too long")
        digest = hashes.Hash(hashes.SHA256())
        digest.update(topic.encode())
        headers = {
            "Authorization": authorisation(
                found.endpoint, key=self._key, contact=self._contact, now=self._clock.now().timestamp()
            ),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(life),
            "Urgency": "high" if urgent else "normal",
            "Topic": _encode(digest.finalize())[:32].decode(),
        }
        _judge(*self._ask(target, encrypt(found, message), headers))

    def _ask(self, target: Target, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Send one request; return the status and when to come back. No redirection is followed."""
        connection = _Connection(target, timeout=self._timeout, context=self._context)
        try:
            connection.request("POST", target.path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.getheader("Retry-After") or ""
        except (OSError, http.client.HTTPException):
            # Without its cause, which may quote the address: whoever knows that can write to the browser.
            raise PushError("the push service does not answer") from None
        finally:
            connection.close()


def _judge(status: int, retry_after: str) -> None:
    if status in _TAKEN:
        return
    if status in _GONE:
        raise PushGoneError(f"the push service answered {status}")
    if status in _LATER or status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = min(int(retry_after), _LONGEST_WAIT) if _SECONDS.fullmatch(retry_after) else 0
        raise PushError(f"the push service answered {status}", retry_after=wait)
    raise PushRefusedError(f"the push service answered {status}")


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
