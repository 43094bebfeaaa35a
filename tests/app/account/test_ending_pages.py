"""Over HTTP: revoking with whatever certificate is at hand, another PIN and pattern, renewal in time."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import ocsp
from tests.app.account.test_me_pages import Visitor
from tests.counting import errors_of
from tests.journeys.app.device import AppWalk, Telephone
from tests.journeys.app.walker import PIN, Walk

from dojang.audit.models import Event
from dojang.ca.models import Certificate, OcspAnswer
from dojang.ca.queries import active_certificate
from dojang.notices.models import Notice
from dojang.wallet.devices.actions.pattern_change import signed_change
from dojang.wallet.devices.models import DeviceKey
from dojang.wallet.uses.models import Use

if TYPE_CHECKING:
    from django.http import HttpResponse

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "730591"
OTHER = (2, 5, 8, 7)


def b64(value: bytes) -> str:
    """Encode as the forms do."""
    return base64.b64encode(value).decode()


class Holder(Visitor):
    """A browser on the telephone of somebody whose keys live there."""

    def __init__(self, walk: Walk, phone: Telephone | None = None) -> None:
        super().__init__(walk)
        self.phone = phone or Telephone()
        self.client.cookies["dojang_device"] = self.phone.device_id

    def answered(self, path: str) -> dict[str, str]:
        """Open a page and answer what it asks of this device: a signature, or pattern and signature."""
        page = self.html(path)
        challenge = re.search(r'data-challenge="([^"]+)"', page)
        assert challenge, page[:500]
        octets = base64.b64decode(challenge[1])
        if "<password-proof" in page:
            return {"signed": b64(self.cms(octets))}
        asked = re.search(r'name="challenge_id" value="([^"]+)"', page)
        assert asked
        return {"challenge_id": asked[1], **{k: b64(v) for k, v in self.phone.proofs(octets).items()}}

    def cms(self, content: bytes) -> bytes:
        """Sign with the joint certificate, as CMS SignedData."""
        certificate = x509.load_der_x509_certificate(self.phone.certificates["joint"])
        builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
        builder = builder.add_signer(certificate, self.phone.keys["joint"], hashes.SHA256())
        return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])

    def send(self, path: str, **data: str) -> HttpResponse:
        """Send a form whose page was opened already, without opening it again (it would ask anew)."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.html("/help/lost-phone/"))
        assert token
        return self.client.post(path, {"csrfmiddlewaretoken": token[1], **data})

    def log_in(self, pin: str = PIN, **more: str) -> HttpResponse:
        """Log in by user id, also while logged in."""
        return self.send("/login/", user_id=self.walk.person.user_id, pin=pin, **more)

    def log_in_with(self, product: str) -> HttpResponse:
        """Log in with a certificate of this device."""
        path = f"/login/{product}/"
        answer = self.answered(path)
        return self.send(path, **answer)


@pytest.fixture
def owner(world: World) -> Holder:
    """Return somebody with all three certificates, two of them on one telephone."""
    phone = Telephone()
    for journey in ("joint-app-issue", "bank-app-issue"):
        assert AppWalk(world, journey=journey, phone=phone).finish().state == "done"
    walk = Walk(world)
    assert walk.finish().state == "done"
    return Holder(walk, phone)


def serial_of(owner: Holder, product: str) -> str:
    """Return the serial of the certificate in use."""
    view = active_certificate(owner.walk.person.id, product)
    assert view is not None
    return view.serial


def status_of(serial: str) -> str:
    """Return what OCSP answers for a certificate."""
    der = bytes(OcspAnswer.objects.get(serial=serial).by_sha256)
    return ocsp.load_der_ocsp_response(der).certificate_status.name.lower()


def states() -> dict[str, str]:
    """Return the state of the newest certificate of each product."""
    return dict(
        Certificate.objects.exclude(product="authority").order_by("id").values_list("product", "state")
    )


@pytest.mark.parametrize("session", ["joint", "bank"])
def test_any_certificate_is_revoked_with_the_one_at_hand(owner: Holder, session: str) -> None:
    """Logged in with a key of the telephone, all three end, each with a proof made for that one alone."""
    assert owner.log_in_with(session).status_code == 303
    whole = {"reason": "keyCompromise", "sure": "yes", "by": session}
    order = [name for name in ("financial", "joint", "bank") if name != session]
    for product in [*order, session]:
        serial = serial_of(owner, product)
        place = f"/me/certificates/{serial}/revoke/"
        page = owner.html(place)
        assert "되돌릴 수 없어요" in page
        assert "새로 발급받아야 해요" in page
        for spoilt in ({"reason": ""}, {"sure": ""}, {"signed": "", "mac": "", "signature": ""}):
            answer = owner.send(place, **{**whole, **owner.answered(place), **spoilt})
            assert answer.status_code == 422, spoilt
        assert status_of(serial) == "good"
        proof = owner.answered(place)
        before = Notice.objects.filter(message_id="certificate_revoked").count()
        # Whoever ends the certificate they are logged in with is shown out.
        there = "/login/?ended=revoked" if product == session else f"/me/certificates/{serial}/?said=revoked"
        for _press in range(1 if product == session else 2):
            answer = owner.send(place, **whole, **proof)
            assert answer.headers["Location"] == there
        assert status_of(serial) == "revoked"
        assert Certificate.objects.get(serial=serial).state == "revoked"
        assert Notice.objects.filter(message_id="certificate_revoked").count() == before + 4
        assert "인증서를 폐기했어요" in owner.html(answer.headers["Location"])
    assert Use.objects.filter(purpose="revoke", outcome="accepted").count() == 3
    assert Event.objects.filter(type="certificate:revoked").count() == 3


def test_a_proof_is_good_for_the_certificate_it_was_asked_for(owner: Holder) -> None:
    """A proof made to end one certificate, or to log in, ends no other; nothing changes."""
    owner.log_in_with("joint")
    whole = {"reason": "keyCompromise", "sure": "yes", "by": "joint"}
    one, other = (f"/me/certificates/{serial_of(owner, p)}/revoke/" for p in ("financial", "bank"))
    assert owner.send(other, **whole, **owner.answered(one)).status_code == 422
    assert owner.send(one, **whole, **owner.answered("/login/joint/")).status_code == 422
    assert set(states().values()) == {"active"}
    assert Notice.objects.filter(message_id="certificate_revoked").count() == 0


def test_somebody_elses_certificate_proves_nothing_here(owner: Holder, world: World) -> None:
    """Another customer's joint certificate on the same telephone does not end mine."""
    phone = Telephone()
    walk = AppWalk(world, "han", journey="joint-app-issue", phone=phone)
    assert walk.finish().state == "done"
    owner.log_in_with("joint")
    place = f"/me/certificates/{serial_of(owner, 'financial')}/revoke/"
    page = owner.html(place)
    challenge = re.search(r'data-challenge="([^"]+)"', page)
    assert challenge
    signed = Holder(walk, phone).cms(base64.b64decode(challenge[1]))
    answer = owner.send(place, reason="keyCompromise", sure="yes", by="joint", signed=b64(signed))
    assert answer.status_code == 422
    assert set(states().values()) == {"active"}
    assert Use.objects.get(purpose="revoke").outcome == "signature"


def test_another_way_to_prove_it_is_offered(owner: Holder) -> None:
    """Logged in with the PIN, the page asks for it, and offers the other certificates in use."""
    owner.log_in()
    place = f"/me/certificates/{serial_of(owner, 'joint')}/revoke/"
    page = owner.html(place)
    assert 'name="pin"' in page
    for product, mark in (("joint", "<password-proof"), ("bank", "<pattern-lock")):
        assert f'href="?by={product}"' in page
        assert mark in owner.html(f"{place}?by={product}")
    answer = owner.post(place, reason="keyCompromise", sure="yes", by="financial", pin=PIN)
    assert answer.status_code == 303
    assert states() == {"financial": "active", "joint": "revoked", "bank": "active"}


@pytest.mark.parametrize("language", ["ko", "en"])
def test_another_pin_is_chosen_on_the_web_and_in_the_app(owner: Holder, language: str) -> None:
    """Empty, different and weak boxes are named at their field; then the PIN is another one, told once."""
    owner.client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    owner.log_in()
    places = (f"/me/certificates/{serial_of(owner, 'financial')}/pin/", "/app/financial/pin/")
    whole, old = {"new_pin": NEW, "again": NEW}, PIN
    for place, back in zip(
        places, (f"/me/certificates/{serial_of(owner, 'financial')}/", "/app/certificates/"), strict=True
    ):
        page = owner.html(place)
        assert not re.search(r"\b(?:me|web|app|error)\.[a-z_]+", re.sub(r"<[^>]*>", "", page))
        for spoilt, anchor in (
            ({"pin": ""}, "#f-pin"), ({"again": "111111"}, "#f-again"),
            ({"new_pin": old, "again": old}, "#f-new_pin"),
            ({"new_pin": "123123", "again": "123123"}, "#f-new_pin"),
        ):  # fmt: skip
            answer = owner.post(place, **{"pin": old, **whole, **spoilt})
            assert answer.status_code == 422, spoilt
            html = answer.content.decode()
            assert f'href="{anchor}"' in html, spoilt
            assert old not in html
        answer = owner.post(place, pin=old, **whole)
        assert answer.headers["Location"] == f"{back}?said=pin"
        assert 'role="status"' in owner.html(answer.headers["Location"])
        old, whole = NEW, {"new_pin": "481905", "again": "481905"}
    assert Event.objects.filter(type="wallet_key:pin_changed").count() == 2
    assert owner.log_in("481905").status_code == 303


def test_another_pattern_is_drawn_in_the_app(owner: Holder) -> None:
    """On the telephone that has the certificate, and nowhere else; wrong ones are told."""
    place = "/app/bank/pattern/"
    assert "<change-pattern" not in Holder(owner.walk).html(place)
    for old, status in ((OTHER, 422), (None, 303)):
        page = owner.html(place)
        challenge = re.search(r'data-challenge="([^"]+)"', page)
        asked = re.search(r'name="challenge_id" value="([^"]+)"', page)
        assert challenge
        assert asked
        octets, fresh = base64.b64decode(challenge[1]), owner.phone.proof_key(OTHER)
        answer = owner.send(
            place, challenge_id=asked[1], mac=b64(owner.phone.proofs(octets, old)["mac"]),
            signature=b64(owner.phone.sign(signed_change(octets, fresh))), proof_key=b64(fresh),
        )  # fmt: skip
        assert answer.status_code == status
    assert "패턴을 바꿨어요" in owner.html(answer.headers["Location"])
    assert errors_of(DeviceKey.objects.get(product="bank")) == 0
    owner.phone.drawn = OTHER
    assert owner.log_in_with("bank").status_code == 303


def test_in_its_window_each_certificate_can_be_renewed_and_afterwards_issued(
    owner: Holder, world: World
) -> None:
    """Days left and a button from 30 and 90 days on; before that none; past the end the way is a new one."""
    clock: Any = world.clock
    for product, window in (("joint", 30), ("financial", 90), ("bank", 90)):  # in the order they end
        view = active_certificate(owner.walk.person.id, product)
        assert view is not None
        page = f"/me/certificates/{view.serial}/"
        clock.advance(((view.not_after - clock.now()).days - window - 2) * 86_400)
        owner.log_in_with("bank")
        assert "갱신하기" not in owner.html(page)
        clock.advance(4 * 86_400)
        owner.log_in_with("bank")
        begin = f"/certs/{product}/reissue/" if product == "financial" else f"/certs/{product}/?reissue"
        for place in (page, "/me/"):
            html = owner.html(place)
            assert re.search(r"\d+일 남았어요", html), (product, place)
            assert f'href="{begin}"' in html
        assert owner.get(begin).status_code == 200
        if product != "financial":
            assert f"/app/{product}/reissue/" in owner.html(begin)
        if window == 30:
            clock.advance(40 * 86_400)
            owner.log_in_with("bank")
            html = owner.html(page)
            assert 'href="/certs/joint/?issue"' in html
            assert "갱신하기" not in html
