"""Customers and devices of an old release who go on where they stood: by what they kept, and nothing else."""

from __future__ import annotations

import base64
import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tests.upgrade import today

if TYPE_CHECKING:
    from dojang.journeys.page import Page
    from dojang.ports.world import World

_TELLER = today.Acting(kind="operator", id="teller-7", channel="branch")


def telephone(device_id: str, kept: dict[str, Any]) -> today.Telephone:
    """Return a telephone with what it kept."""
    phone = today.Telephone(drawn=tuple(kept["drawn"]))
    phone.device_id, phone.secret = device_id, bytes.fromhex(kept["secret"])
    phone.offered = key_of(kept["offered"])
    phone.keys = {product: key_of(pem) for product, pem in kept["keys"].items()}
    phone.certificates = {name: base64.b64decode(text) for name, text in kept["certificates"].items()}
    return phone


def key_of(pem: str | None) -> Any:
    """Return a private key from its PEM text."""
    return None if pem is None else load_pem_private_key(pem.encode(), None)


@dataclass(frozen=True)
class _Started:
    """What the device that began a run has of it."""

    run: str
    token: str


class Resumed(today.AppWalk):
    """A run that was begun under an old release, in a browser or on a telephone."""

    def __init__(self, world: World, record: dict[str, Any], phones: dict[str, dict[str, Any]]) -> None:
        self.world = world
        self.record = record
        self.person = today.find_person(record["handle"])
        self.pin = record["pin"]
        known = {
            name: telephone(name, phones[name]) for name in (record["phone"], record.get("approver")) if name
        }
        self.phone = known.get(record["phone"]) or today.Telephone()
        self.approver = known.get(record.get("approver"))
        self.visitor = today.Acting(
            kind="customer", source=record["source"], channel=record["channel"], locale="ko"
        )
        self.started: Any = _Started(record["run"], record["token"])
        self.acting = dataclasses.replace(self.visitor, session=today.session_of(record["token"]))
        self.page: Page = today.open_page(self.run, acting=self.acting, world=world)

    def step(self) -> Page:
        """Answer the present step, whatever was done of it before."""
        step = self.page.step
        asked = {field.name for field in self.page.fields}
        if step == "ars" and self.page.wait is not None:
            self.take_call()
            return self.submit()
        if step == "phone_check" and "code" in asked:
            return self.submit(code=self.texted(self.number))
        if step == "one_won" and "code" in asked:
            return self.submit(code=self._won())
        if step == "phone_code":
            return self.submit(code=self.texted(self._new_number))
        if step == "bank_certificate" and self.approver is not None:
            self._approve()
            return self.submit()
        return super().step()

    def answers(self, step: str) -> dict[str, Any]:
        """Return what this person truthfully answers."""
        if step == "new_phone":
            old = {field.name: field.options[0].value for field in self.page.fields if field.options}
            return {"new_phone": self._new_number, **old}
        return super().answers(step)

    @property
    def _new_number(self) -> str:
        return f"0100000{8000 + self.person.place % 1000}"

    def _won(self) -> str:
        other = self.person.others[0]
        corebank: Any = self.world.corebank
        book = today.drawer(corebank, self.world, self.person.handle).others
        memo = next(account for account in book if account.number == other.number).deposits[0].memo
        return re.findall(r"\d{4}", memo)[0]

    def _approve(self) -> None:
        """Say yes on the telephone to the number this screen shows."""
        phone = self.approver
        assert phone is not None
        question = today.approvals_for(phone.device_id, world=self.world)[0]
        made = today.begin_answer(question.id, device_id=phone.device_id, world=self.world)
        number = str(self.shown("approval")["digits"])
        today.answer_approval(
            question.id, device_id=phone.device_id, number=number, challenge_id=made.id,
            **phone.proofs(made.challenge), acting=self.acting, world=self.world,
        )  # fmt: skip

    def finish(self) -> Page:
        """Go on to the end, whatever is in the way."""
        if self.record.get("handoff"):
            self._move()
        if self.page.state == "locked":
            today.unlock_factor(self.person.id, self.record["unlock"], acting=_TELLER, world=self.world)
            self.do("back")
        for _ in range(40):
            if self.page.state != "open":
                break
            before = self.page.revision
            self.step()
            if self.page.state == "open":
                assert self.page.revision > before, f"stuck at {self.page.step}: {self.codes}"
        if self.page.state == "delivering":
            signature = self.phone.store(self.shown("deliver"))
            self.do("stored", signature=signature, label="My phone")
        return self.page

    def _move(self) -> None:
        """Take the run over on another device, by the number it was offered with."""
        elsewhere = dataclasses.replace(self.visitor, source="203.0.113.9")
        started = today.accept_handoff(self.record["handoff"], acting=elsewhere, world=self.world)
        self.acting = dataclasses.replace(elsewhere, session=today.session_of(started.token))
        self.page = started.page
