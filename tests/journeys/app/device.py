"""A telephone of a cast member: its keys, its pattern, its store, and the app journeys walked on it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.journeys.app.walker import Walk

from dojang.ports.acting import Acting
from dojang.ra.actions import session_of, start_run
from dojang.ra.actions.steps import dispatch_step
from dojang.sandbox.cast import BY_HANDLE, carrier_of, gender_of
from dojang.sandbox.drawer import Drawers
from dojang.wallet.devices.actions.approvals import (
    answer_approval,
    approvals_for,
    begin_answer,
    reject_approval,
)
from dojang.wallet.devices.actions.patterns import begin_challenge, verify_challenge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dojang.journeys.login import LogIn
    from dojang.journeys.page import Page
    from dojang.ports.credentials import PatternChallenge, Proof
    from dojang.ports.world import World
    from dojang.sandbox.cast import Person

R = bytes(range(20))
DRAWN = (1, 4, 7, 8)
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def b64(value: bytes) -> str:
    """Encode as the pages do."""
    return base64.b64encode(value).decode()


def fresh_key(algorithm: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    """Make a key nobody has used."""
    if algorithm == "ec-p256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Telephone:
    """What a device keeps for itself. `drawn` is the pattern its owner draws."""

    def __init__(self, *, drawn: tuple[int, ...] = DRAWN) -> None:
        self.device_id = secrets.token_urlsafe(24)
        self.secret = secrets.token_bytes(32)
        self.drawn = drawn
        self.offered: Any = None  # the key a run was offered
        self.keys: dict[str, Any] = {}  # what it has stored, by product
        self.certificates: dict[str, bytes] = {}

    def proof_key(self, drawn: tuple[int, ...] | None = None) -> bytes:
        """Derive the key that proves a pattern."""
        return hmac.digest(self.secret, bytes(drawn or self.drawn), "sha256")

    def csr(self, key: Any = None, algorithm: str = "ec-p256") -> str:
        """Make a certification request with a key, a fresh one unless told."""
        self.offered = key or fresh_key(algorithm)
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        return b64(request.sign(self.offered, hashes.SHA256()).public_bytes(serialization.Encoding.DER))

    def sign(self, content: bytes, key: Any = None) -> bytes:
        """Sign with a key, the bank certificate's unless told."""
        key = key or self.keys["bank"]
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        return bytes(key.sign(content, ec.ECDSA(hashes.SHA256())))

    def proofs(self, challenge: bytes, drawn: tuple[int, ...] | None = None) -> dict[str, bytes]:
        """Answer a challenge with pattern and key."""
        mac = hmac.digest(self.proof_key(drawn), challenge, "sha256")
        return {"mac": mac, "signature": self.sign(challenge)}

    def store(self, data: Mapping[str, Any]) -> str:
        """Store what a page delivers; return the signature that says so."""
        self.keys[data["product"]] = self.offered
        self.certificates[data["product"]] = base64.b64decode(data["certificate"])
        return self.stored_signature(data)

    def stored_signature(self, data: Mapping[str, Any]) -> str:
        """Sign a delivery's challenge with the offered key."""
        return b64(self.sign(b"dojang delivery\0" + base64.b64decode(data["challenge"]), self.offered))


class AppWalk(Walk):
    """A run of the app, on a telephone."""

    def __init__(
        self,
        world: World,
        handle: str = "hong",
        *,
        journey: str = "bank-app-issue",
        phone: Telephone | None = None,
        source: str = "198.51.100.8",
        locale: str = "ko",
        login: LogIn | None = None,
    ) -> None:
        self.world = world
        self.person: Person = BY_HANDLE[handle]
        self.pin = "259173"
        self.phone = phone or Telephone()
        self.visitor = Acting(kind="customer", source=source, channel="app", locale=locale)
        self.started = start_run(journey, locale=locale, login=login, acting=self.visitor, world=world)
        self.page: Page = self.started.page
        self.acting = dataclasses.replace(self.visitor, session=session_of(self.started.token))

    def answers(self, step: str) -> dict[str, Any]:
        """Return what this person and this telephone truthfully answer."""
        person, number = self.person, self.number
        known = {
            "device": {"device_id": self.phone.device_id, "app_version": "1.0.0"},
            "request": {"way": "mobile"},
            "reissue_request": {"reason": "lost"},
            "identity_way": {"way": "phone_check"},
            "account_number": {"account": person.accounts[0].number},
            "account_password": {"account_password": person.accounts[0].password},
            "details": {"email": person.email, "address": person.address or "", "phone": number},
        }
        if step in known:
            return known[step]
        if step == "id_card":
            paper = person.papers[0]
            return {"card_type": paper.type, "card_number": paper.number, "issued": f"{paper.issued:%Y%m%d}"}
        if step == "pattern":
            return {"proof_key": b64(self.phone.proof_key()), "points": str(len(self.phone.drawn))}
        if step == "device_key":
            return {"csr": self.phone.csr()}
        if step == "certificate_key":
            return {
                "csr": self.phone.csr(algorithm="rsa-2048"),
                "sealed_r": b64(self.sealed(R)),
                "password_ok": "1",
            }
        return super().answers(step)

    def sealed(self, r: bytes) -> bytes:
        """Encrypt R to the key the page names."""
        shown = self.shown("device_key")
        key = serialization.load_der_public_key(base64.b64decode(shown["transport_key"]))
        assert isinstance(key, rsa.RSAPublicKey)
        return key.encrypt(r, _OAEP)

    def shown(self, kind: str) -> dict[str, Any]:
        """Return what the page shows of one kind."""
        return next(show.data for show in self.page.show if show.kind == kind)

    def step(self) -> Page:
        """Answer the present step truthfully, whatever it is."""
        step = self.page.step
        if step == "phone_check":
            return self.phone_check()
        if step == "one_won":
            return self.one_won()
        if step == "certificate_password":
            shown = self.shown("certificate_sign")
            content = b"dojang certificate check\0" + base64.b64decode(shown["challenge"])
            signature = b64(self.phone.sign(content, self.phone.keys["joint"]))
            return self.submit(serial=shown["serial"], signature=signature)
        if step == "bank_certificate":
            challenge = base64.b64decode(self.shown("pattern")["challenge"])
            return self.submit(**{k: b64(v) for k, v in self.phone.proofs(challenge).items()})
        return super().step()

    def phone_check(self) -> Page:
        """Name the line, then type the code that was texted."""
        person, number = self.person, self.number
        self.submit(
            name=person.name, birth=f"{person.birth:%Y%m%d}", gender=gender_of(person.rrn),
            carrier=carrier_of(number), phone=number,
        )  # fmt: skip
        return self.submit(code=self.texted(number))

    def texted(self, number: str) -> str:
        """Read the newest six digits off the telephone, once the job has sent them."""
        run_dispatches(self.world)
        sms: Any = self.world.sms
        return re.findall(r"\d{6}", sms.texts(number)[-1].text)[0]

    def one_won(self) -> Page:
        """Name the account, then read the code off its bankbook."""
        other = self.person.others[0]
        self.submit(bank=other.bank, account=other.number)
        corebank: Any = self.world.corebank
        book = Drawers(corebank.store, self.world.clock).open(self.person.handle).others[0]
        return self.submit(code=re.findall(r"\d{4}", book.deposits[0].memo)[0])

    def deliver(self) -> Page:
        """Walk until the certificate is on its way."""
        self.walk_to("confirm")
        page = self.submit()
        assert page.state == "delivering", (page.state, self.codes)
        return page

    def finish(self) -> Page:
        """Walk truthfully to the end, storing what is delivered; return the last page."""
        self.deliver()
        return self.do("stored", signature=self.phone.store(self.shown("deliver")), label="My phone")


def run_dispatches(world: World) -> int:
    """Do what steps have left for a job; return how many there were."""
    jobs = list(ProcrastinateJob.objects.filter(task_name="ra.dispatch", status="todo").order_by("id"))
    for job in jobs:
        dispatch_step(**job.args, acting=Acting(kind="system", id="dispatch", channel="job"), world=world)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [job.id])
    return len(jobs)


def challenge(world: World, walk: AppWalk, purpose: str = "a transfer") -> PatternChallenge | None:
    """Ask for a challenge on the walk's telephone."""
    return begin_challenge(
        walk.person.id,
        device_id=walk.phone.device_id,
        purpose=purpose,
        key=secrets.token_hex(8),
        world=world,
    )


def prove(world: World, walk: AppWalk, drawn: tuple[int, ...] | None = None) -> Proof:
    """Draw a pattern on the walk's telephone, for a challenge of its own."""
    made = challenge(world, walk)
    assert made is not None
    proofs = walk.phone.proofs(made.challenge, drawn)
    return verify_challenge(made.id, **proofs, acting=walk.acting, world=world)


def approve(world: World, walk: AppWalk, number: str, drawn: tuple[int, ...] | None = None) -> str:
    """Approve the newest question on the telephone; return the state it ends in."""
    question = approvals_for(walk.phone.device_id, world=world)[0]
    made = begin_answer(question.id, device_id=walk.phone.device_id, world=world)
    done = answer_approval(
        question.id,
        device_id=walk.phone.device_id,
        number=number,
        challenge_id=made.id,
        **walk.phone.proofs(made.challenge, drawn),
        acting=walk.acting,
        world=world,
    )
    return done.state


def reject(world: World, walk: AppWalk) -> str:
    """Refuse the newest question on the telephone."""
    question = approvals_for(walk.phone.device_id, world=world)[0]
    device_id = walk.phone.device_id
    return reject_approval(question.id, device_id=device_id, acting=walk.acting, world=world).state


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, as pages and rows show it."""
    return hashlib.sha256(der).hexdigest()
