"""Web Push against the standard's own example and a push service that really listens."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.push_services import CURVE, LoopbackService, PushedBrowser, base64url, octets, push_service

from dojang.adapters.webpush import LARGEST, Subscription, WebPush, encrypt, sender_key
from dojang.ports.errors import PushError, PushGoneError, PushRefusedError, SubscriptionRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.UTC)
SAID = json.dumps({"title": "승인 요청", "text": "금융인증서"}, ensure_ascii=False).encode()


class FixedClock:
    """A clock that stands."""

    def now(self) -> dt.datetime:
        """Return the one moment."""
        return NOW


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LoopbackService]:
    """Run a push service for one test."""
    with push_service(tmp_path) as made:
        yield made


def caller(service: LoopbackService, **more: Any) -> WebPush:
    """Return our side, allowed to call this service and no other."""
    settings = {"services": (service.host,), "context": service.trust, "clock": FixedClock(), **more}
    return WebPush(key=sender_key(b"k" * 32), contact="mailto:push@bank.example", **settings)


def post(push: WebPush, subscription: dict[str, Any], message: bytes = SAID, **more: Any) -> None:
    """Send one message."""
    push.post(subscription, message, **{"topic": "t", "life": 600, "urgent": True, **more})


def test_the_example_of_the_standard_comes_out_octet_by_octet() -> None:
    """RFC 8291, section 5: the same keys and salt give the same message."""
    theirs = Subscription(
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        octets("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        octets("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    private = int.from_bytes(octets("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    made = encrypt(
        theirs,
        b"When I grow up, I want to be a watermelon",
        salt=octets("DGv6ra1nlYgDCS1FRnbzlw"),
        key=ec.derive_private_key(private, CURVE),
    )
    assert base64url(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w"
        "EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_a_message_arrives_encrypted_and_signed_by_the_sender(service: LoopbackService) -> None:
    """The service sees no word of it, but can check who sent it; http-ece opens it; one topic for one key."""
    push, browser = caller(service), PushedBrowser(service)
    post(push, browser.subscription)
    post(push, browser.subscription, urgent=False, life=9)
    first, second = service.got
    assert first.path == browser.path
    assert (first.headers["Content-Encoding"], first.headers["TTL"]) == ("aes128gcm", "600")
    assert (first.headers["Urgency"], second.headers["Urgency"]) == ("high", "normal")
    assert second.headers["TTL"] == "9"
    assert first.headers["Topic"] == second.headers["Topic"]
    assert len(first.headers["Topic"]) == 32
    assert "승인".encode() not in first.body
    assert browser.open(first.body) == {"title": "승인 요청", "text": "금융인증서"}
    said = first.token(audience=f"https://{service.host}")
    assert said["key"] == push.public_key
    assert (said["sub"], said["exp"]) == ("mailto:push@bank.example", int(NOW.timestamp()) + 12 * 3600)


def test_the_key_pair_is_the_same_for_the_same_octets() -> None:
    """What browsers subscribed with survives a restart; any 32 octets make a pair."""
    numbers = [
        sender_key(seed).private_numbers().private_value for seed in (b"k" * 32, b"k" * 32, b"\xff" * 32)
    ]
    assert numbers[0] == numbers[1] != numbers[2]


@pytest.mark.parametrize(
    ("status", "kind", "wait"),
    [
        (404, PushGoneError, None), (410, PushGoneError, None), (400, PushRefusedError, None),
        (403, PushRefusedError, None), (301, PushRefusedError, None), (429, PushError, 120),
        (500, PushError, 120), (503, PushError, 120),
    ],
)  # fmt: skip
def test_what_the_service_says_is_told_apart(
    service: LoopbackService, status: int, kind: type[PushError], wait: int | None
) -> None:
    """Gone, never, or later; a redirection is not followed; no error quotes the address."""
    service.status, service.headers = status, {"Retry-After": "120", "Location": f"https://{service.host}/x"}
    browser = PushedBrowser(service)
    with pytest.raises(PushError) as refused:
        post(caller(service), browser.subscription)
    assert type(refused.value) is kind
    assert refused.value.data.get("retry_after") == wait
    assert len(service.got) == 1
    assert browser.path not in f"{refused.value!r} {refused.value.__cause__!r}"


def test_a_silent_service_and_an_absent_one_are_asked_again_later(service: LoopbackService) -> None:
    """After the time-out, or at once; the error quotes nothing."""
    service.silent = True
    browser = PushedBrowser(service)
    with pytest.raises(PushError) as silent:
        post(caller(service, timeout=0.2), browser.subscription)
    service.close()
    with pytest.raises(PushError) as absent:
        post(caller(service), browser.subscription)
    for error in (silent.value, absent.value):
        assert (type(error), error.__cause__) == (PushError, None)
        assert browser.path not in repr(error)


def test_a_service_somebody_else_could_be_is_not_talked_to(service: LoopbackService) -> None:
    """Without our trust in its certificate nothing is sent."""
    with pytest.raises(PushError):
        post(caller(service, context=None), PushedBrowser(service).subscription)
    assert service.got == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x", "https://fcm.googleapis.com:8443/x", "https://127.0.0.1/x",
        "https://fcm.googleapis.com@127.0.0.1/x", "https://u@fcm.googleapis.com/x", "https://[::1]/x",
        "https://evilfcm.googleapis.com.example/x", "https://notfcm-googleapis.com/x", "file:///etc/passwd",
        "https://fcm.googleapis.com:99999/x", "https://fcm.googleapis.com/a b", "https://fcm.googleapis.com/\r\nx",
        "https://169.254.169.254/latest", "https://localhost/x", "https:///x", "",
    ],
)  # fmt: skip
def test_only_push_services_are_called(service: LoopbackService, endpoint: str) -> None:
    """Anything but https to a configured host, below it, at its port, is refused before any connection."""
    push = caller(service, services=("fcm.googleapis.com",))
    subscription = {**PushedBrowser(service).subscription, "endpoint": endpoint}
    with pytest.raises(SubscriptionRefusedError):
        push.check(subscription)
    with pytest.raises(SubscriptionRefusedError):
        post(push, subscription)


def test_a_name_that_leads_inside_is_not_followed(service: LoopbackService) -> None:
    """A configured name without a port must have public addresses; with a port it is taken as it is."""
    named = {**PushedBrowser(service).subscription, "endpoint": "https://localhost/x"}
    push = caller(service, services=("localhost",))
    push.check(named)
    with pytest.raises(PushError, match="public address"):
        post(push, named)
    assert service.got == []
    caller(service).check(PushedBrowser(service).subscription)


def test_a_message_too_long_is_refused(service: LoopbackService) -> None:
    """A service need not take more than 4,096 octets: nothing is sent."""
    with pytest.raises(PushRefusedError):
        post(caller(service), PushedBrowser(service).subscription, b"x" * (LARGEST + 1))
    assert service.got == []


_POINT = base64url(b"\x04" + b"\x01" * 64)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"endpoint": "https://x", "keys": {}},
        {"endpoint": "https://x", "keys": {"p256dh": "AA", "auth": "AA"}},
        {"endpoint": "https://x", "keys": {"p256dh": 7, "auth": None}},
        {"endpoint": "https://x", "keys": {"p256dh": _POINT, "auth": base64url(b"a" * 16)}},
        {"endpoint": "https://x", "keys": "text"},
    ],
)
def test_what_is_no_subscription_is_refused(data: dict[str, Any]) -> None:
    """A browser may send anything; only a whole subscription, with a point of the curve, is read."""
    with pytest.raises(SubscriptionRefusedError):
        Subscription.read(data)
