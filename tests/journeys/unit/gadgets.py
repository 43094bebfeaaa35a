"""What people carry for the app's journeys: telephone, identity card, another bank's bankbook, keys."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dojang.pki.errors import MalformedError
from dojang.ports.corebank import AccountMatch, BankAccount, Match, OtherBank
from dojang.ports.credentials import AskedApproval, PatternChallenge, Proof
from dojang.ports.signer import KeyInfo
from dojang.ports.telephony import Call
from dojang.ports.writing import reply_number

if TYPE_CHECKING:
    from datetime import date, datetime

    from tests.journeys.unit.country import SmallCountry, Someone

DEVICE = "device-of-a-000000000001"
SEALED_R = base64.b64encode(b"r" * 256).decode()
PROOF_KEY = base64.b64encode(b"p" * 32).decode()


@cache
def key_pair(algorithm: str) -> Any:
    """Return a private key, one for all tests."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        if algorithm == "ec-p256"
        else rsa.generate_private_key(65537, int(algorithm.removeprefix("rsa-")))
    )


@cache
def request_of(algorithm: str) -> str:
    """Return a certification request of that key, base64."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    made = builder.sign(key_pair(algorithm), hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def account_of(who: Someone) -> BankAccount:
    """Return a person's account as the bank names it."""
    return BankAccount(f"a-{who.account[-4:]}", f"***{who.account[-4:]}")


class Registers:
    """The further questions to the core bank and the signer."""

    people: dict[str, Someone]
    asked: list[str]
    deposits: list[tuple[str, str]]
    moment: Any

    def check_line(self, *, name: str, birth: date, gender: str, carrier: str, phone: str) -> Match:
        """Ask the carriers."""
        self.asked.append("check_line")
        for p in self.people.values():
            if phone in p.numbers:
                right = (name, birth, gender, carrier) == (p.name, p.birth, p.gender, p.carrier)
                return Match(right, "" if right else "not_owned", p.id)
        return Match(False, "wrong")

    def check_id_card(self, *, card_type: str, card_number: str, issued: date) -> Match:
        """Ask the register."""
        self.asked.append("check_id_card")
        for p in self.people.values():
            if (card_type, card_number, issued) == ("resident", p.rrn, p.issued):
                return Match(False, "lost") if p.lost_id_card else Match(True, owner=p.id)
        return Match(False, "wrong")

    def accounts(self, customer_id: str) -> tuple[BankAccount, ...]:
        """List accounts."""
        who = self.people[customer_id]
        more = (BankAccount("a-more", "***0000"),) if who.second_account else ()
        return (account_of(who), *more)

    def find_account(self, customer_id: str, *, account: str) -> AccountMatch:
        """Look an account number up."""
        self.asked.append("find_account")
        for p in self.people.values():
            if p.account == account:
                if p.id == customer_id:
                    return AccountMatch(True, owner=p.id, account=account_of(p))
                return AccountMatch(False, "not_owned", p.id)
        return AccountMatch(False, "wrong")

    def check_account_password(self, customer_id: str, *, account_id: str, account_password: str) -> Match:
        """Check an account's password."""
        self.asked.append("check_account_password")
        who = self.people[customer_id]
        right = (account_id, account_password) == (account_of(who).id, who.account_password)
        return Match(right, "" if right else "wrong", who.id if right else None)

    def other_banks(self) -> tuple[OtherBank, ...]:
        """List other banks."""
        return (OtherBank("901", "나루은행", "Naru Bank"), OtherBank("902", "한결은행", "Hangyeol Bank"))

    def send_one_won(self, customer_id: str, *, bank: str, account: str, memo: str, key: str) -> Match:
        """Send one won."""
        assert key
        self.asked.append("send_one_won")
        owner = next(
            (p.id for p in self.people.values() if (bank, account) == ("901", p.other_account)), None
        )
        if owner != customer_id:
            return Match(False, "wrong" if owner is None else "not_owned", owner)
        self.deposits.append((account, memo))
        return Match(True, owner=owner)

    def keys(self) -> tuple[KeyInfo, ...]:
        """Name the transport key."""
        return (KeyInfo("transport", "transport", "rsa-3072", b"spki", None),)

    def compute_vid(self, *, idn: str, sealed_r: bytes) -> bytes:
        """Pretend to open R; anything of another length is none."""
        if len(sealed_r) != 256:
            raise MalformedError
        return hashlib.sha256(idn.encode() + sealed_r).digest()


@dataclass
class Wallet:
    """The customer's own credentials. A right pattern is the MAC ``mac:<customer>`` and any signature."""

    country: Any
    registered: dict[str, str] = field(default_factory=dict)  #: device → customer
    blocked: set[str] = field(default_factory=set)
    challenges: dict[str, str] = field(default_factory=dict)  #: open challenge → customer
    approvals: dict[str, str] = field(default_factory=dict)  #: question → state
    numbers: dict[str, str] = field(default_factory=dict)
    signers: dict[str, str] = field(default_factory=dict)  #: serial → customer
    refuses: str = ""  #: a reason every pattern is refused with
    silent: bool = False  #: no telephone can be asked

    def device_state(self, customer_id: str | None, *, device_id: str) -> str:
        """Tell about a device."""
        if device_id in self.blocked:
            return "blocked"
        owner = self.registered.get(device_id)
        return "registered" if owner is not None and owner == customer_id else "unknown"

    def begin_pattern(
        self, customer_id: str, *, device_id: str, purpose: str, key: str
    ) -> PatternChallenge | None:
        """Make a challenge."""
        assert purpose
        self.challenges[key] = customer_id
        until = self.country.moment + timedelta(seconds=60)
        return PatternChallenge(key, hashlib.sha256(key.encode()).digest(), f"key-{device_id}", until)

    def check_pattern(
        self, challenge_id: str, *, signature: bytes, mac: bytes = b"", assertion: bytes = b""
    ) -> Proof:
        """Check proofs, once a challenge."""
        assert signature or assertion
        self.country.asked.append("check_pattern")
        if self.refuses:
            return Proof(False, self.refuses)
        customer = self.challenges.pop(challenge_id, None)
        owner = mac.decode().removeprefix("mac:")
        if customer is None or owner not in self.country.people:
            return Proof(False, "wrong")
        return Proof(owner == customer, "" if owner == customer else "wrong", owner)

    def ask_approval(
        self, customer_id: str, *, purpose: str, product: str, number: str, locale: str, key: str
    ) -> AskedApproval | None:
        """Ask the telephone."""
        assert all((customer_id, purpose, product))
        assert locale in {"ko", "en"}
        if self.silent:
            return None
        self.approvals[key] = "waiting"
        self.numbers[key] = number
        return self.approval(key)

    def approval(self, approval_id: str) -> AskedApproval:
        """Tell how a question stands."""
        until = self.country.moment + timedelta(seconds=180)
        return AskedApproval(approval_id, self.approvals[approval_id], until)

    def check_signature(self, customer_id: str, *, serial: str, content: bytes, signature: bytes) -> Proof:
        """Check a signature: ``sig`` by the certificate named."""
        assert content.startswith(b"dojang certificate check\0")
        self.country.asked.append("check_signature")
        owner = self.signers.get(serial)
        right = owner == customer_id and signature == b"sig"
        return Proof(right, "" if right else "wrong", owner)


def text(value: bytes) -> str:
    """Return bytes as a form carries them."""
    return base64.b64encode(value).decode()


def app_answers(walker: Any, step: str, who: Someone) -> dict[str, Any] | None:
    """Return the right answer to a step of the app's journeys; ``None`` for other steps."""
    page, country = walker.page, walker.country
    asked = {f.name for f in page.fields}
    if step == "phone_check" and "code" in asked:
        return {"code": next(w for w in country.texts[-1][1].split() if w.isdigit() and len(w) == 6)}
    if step == "one_won" and "code" in asked:
        return {"code": country.deposits[-1][1][-4:]}
    if step == "bank_certificate" and "mac" not in asked:
        return {}
    answers: dict[str, dict[str, Any]] = {
        "device": {"device_id": who.device, "app_version": "1.0.0"},
        "request": {"way": "mobile"},
        "reissue_request": {"reason": "lost"},
        "phone_check": {
            "name": who.name,
            "birth": f"{who.birth:%Y%m%d}",
            "gender": who.gender,
            "carrier": who.carrier,
            "phone": (*who.numbers, "")[0],
        },
        "identity_way": {"way": who.way},
        "id_card": {"card_type": "resident", "card_number": who.rrn, "issued": f"{who.issued:%Y%m%d}"},
        "account_number": {"account": who.account},
        "account_password": {
            "account_id": account_of(who).id,
            "account_password": who.account_password,
        },
        "one_won": {"bank": "901", "account": who.other_account},
        "certificate_password": {"signature": text(b"sig")},
        "bank_certificate": {"mac": text(f"mac:{who.id}".encode()), "signature": text(b"sig")},
        "details": {
            "email": "new@example.com",
            "address": "서울 도장구 인주로 1",
            "phone": (*who.numbers, "")[0],
        },
        "certificate_key": {"csr": request_of("rsa-2048"), "sealed_r": SEALED_R, "password_ok": "1"},
        "pattern": {"proof_key": PROOF_KEY, "points": "5"},
        "device_key": {"csr": request_of("ec-p256")},
    }
    return answers.get(step)


@dataclass
class Telephone:
    """The telephone network."""

    country: SmallCountry

    def place_call(self, *, number: str, expect: str, announcement: str, locale: str, key: str) -> Call:
        """Ring, once per key."""
        assert locale in {"ko", "en"}
        self.country.asked.append("place_call")
        call = {"state": "ringing", "number": number, "expect": expect, "said": announcement}
        self.country.calls.setdefault(key, call)
        return Call(key, self.country.calls[key]["state"])

    def call(self, call_id: str) -> Call:
        """Tell how a call stands."""
        return Call(call_id, self.country.calls[call_id]["state"])

    def hang_up(self, call_id: str) -> None:
        """End a call."""
        self.country.hung_up.append(call_id)


@dataclass
class TextCentre:
    """The message centre."""

    country: SmallCountry

    def send(self, *, number: str, text: str, key: str) -> None:
        """Send a text."""
        assert key
        self.country.texts.append((number, text))

    def inbound(self, *, since: datetime, sender: str | None = None, text: str | None = None) -> Any:
        """Return replies whose sender or text matches, newest first."""
        wanted = text or ""
        found = [
            m
            for m in self.country.replies
            if m.at >= since and (m.sender == sender or reply_number(m.text, len(wanted)) == wanted)
        ]
        return tuple(reversed(found))


@dataclass
class MailSystem:
    """The mail system."""

    country: SmallCountry

    def send(self, *, to: str, subject: str, text: str, key: str) -> None:
        """Send a mail."""
        assert key
        assert subject
        self.country.mails.append((to, text))
