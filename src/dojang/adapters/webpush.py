"""Web Push: messages to installed apps through the push services of browser makers.

Encryption is RFC 8291 (``aes128gcm``, RFC 8188), identification of the sender RFC 8292 (VAPID). The push
service carries ciphertext only. Implements `dojang.ports.push.Push`; whose devices a customer has is asked
of the caller, so this room knows no tables.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dojang.ports.errors import PushError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dojang.ports.clock import Clock

_POINT: Final = 65  #: octets of an uncompressed P-256 point
_RECORD: Final = 4096
_LARGEST: Final = (
    3000  #: octets of a message; services must take 4,096 with everything around (RFC 8030 §7.2)
)
_TOKEN_LIFE: Final = 12 * 3600
#: Push services of the browser makers. A subscription comes from a browser, so no other host is called.
SERVICES: Final = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
_GONE: Final = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Subscription:
    """One browser's subscription. `public` is its P-256 point (65 octets), `secret` 16 octets."""

    endpoint: str
    public: bytes
    secret: bytes

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Subscription:
        """Read what ``PushSubscription.toJSON()`` gives; `PushError` when it is nothing of the kind."""
        try:
            keys = data["keys"]
            made = cls(str(data["endpoint"]), _decode(keys["p256dh"]), _decode(keys["auth"]))
        except (KeyError, TypeError, ValueError) as error:
            raise PushError("no push subscription") from error
        if len(made.public) != _POINT or len(made.secret) != 16:  # noqa: PLR2004 - RFC 8291 §2
            raise PushError("no push subscription")
        return made


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


class WebPush:
    """Sends to every subscription of a customer.

    `subscriptions_of` returns what the customer's browsers gave; `forget` is told of those that are gone.
    `contact` is a ``mailto:`` or ``https:`` address for the push service's people. `services` are hosts
    that may be called, with everything below them; `context` is for tests.
    """

    def __init__(
        self,
        *,
        subscriptions_of: Callable[[str], Iterable[Mapping[str, Any]]],
        forget: Callable[[str], None],
        key: ec.EllipticCurvePrivateKey,
        contact: str,
        clock: Clock,
        services: tuple[str, ...] = SERVICES,
        timeout: float = 10.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._subscriptions_of = subscriptions_of
        self._forget = forget
        self._key = key
        self._contact = contact
        self._clock = clock
        self._services = services
        self._timeout = timeout
        self._context = context or ssl.create_default_context()

    def send(self, *, customer_id: str, title: str, text: str, key: str) -> int:
        """See the port. A repeated `key` replaces the message on the device (RFC 8030 §5.4, ``Topic``)."""
        said = {"title": title[:200], "text": text, "tag": key, "url": "/app/approvals/"}
        plain = json.dumps(said, ensure_ascii=False).encode()
        while len(plain) > _LARGEST:
            said["text"] = said["text"][: len(said["text"]) // 2] + "…"
            plain = json.dumps(said, ensure_ascii=False).encode()
        found = [Subscription.read(one) for one in self._subscriptions_of(customer_id)]
        return sum(self._post(one, plain, key) for one in found)

    def _post(self, subscription: Subscription, plain: bytes, key: str) -> bool:
        parts = urlsplit(subscription.endpoint)
        host = parts.hostname or ""
        if parts.scheme != "https" or not any(
            host == one or host.endswith(f".{one}") for one in self._services
        ):
            raise PushError("no push service we know")
        topic = hashes.Hash(hashes.SHA256())
        topic.update(key.encode())
        headers = {
            "Authorization": authorisation(
                subscription.endpoint, key=self._key, contact=self._contact, now=self._clock.now().timestamp()
            ),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": "600",
            "Urgency": "high",
            "Topic": _encode(topic.finalize())[:32].decode(),
        }
        connection = http.client.HTTPSConnection(
            host, parts.port, timeout=self._timeout, context=self._context
        )
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        try:
            connection.request("POST", path, body=encrypt(subscription, plain), headers=headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise PushError("the push service does not answer") from error
        finally:
            connection.close()
        if status in _GONE:
            self._forget(subscription.endpoint)
            return False
        if status not in {200, 201, 202, 204}:
            raise PushError(f"the push service answered {status}")
        return True


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
