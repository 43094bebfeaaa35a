"""A cast member who walks a journey through `dojang.ra.actions`, taking calls and answering texts."""

from __future__ import annotations

import dataclasses
import re
import threading
from typing import TYPE_CHECKING, Any

from django.db import connections

from dojang.ports.acting import Acting
from dojang.ra.actions import act, open_page, session_of, start_run
from dojang.sandbox.cast import BY_HANDLE
from dojang.sandbox.otp import code_at, step_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dojang.journeys.page import Page
    from dojang.ports.world import World
    from dojang.sandbox.cast import Person

PIN = "259173"
TERMS = "terms"


def with_policy(world: World, **figures: Mapping[str, Any]) -> World:
    """Return the World with other figures of the bank, by concern: ``ars={"ttl": 5}``."""
    return dataclasses.replace(world, policy=world.policy.changed(figures))


def with_parts(world: World, **parts: Any) -> World:
    """Return the World with other adapters."""
    return dataclasses.replace(world, **parts)


class Walk:
    """One run of one person. Every step method leaves the present page in `page`."""

    def __init__(
        self,
        world: World,
        handle: str = "hong",
        *,
        journey: str = "financial-web-issue",
        source: str = "198.51.100.7",
        pin: str = PIN,
        locale: str = "ko",
    ) -> None:
        self.world = world
        self.person: Person = BY_HANDLE[handle]
        self.pin = pin
        self.visitor = Acting(kind="customer", source=source, channel="web", locale=locale)
        self.started = start_run(journey, locale=locale, acting=self.visitor, world=world)
        self.page: Page = self.started.page
        self.acting = dataclasses.replace(self.visitor, session=session_of(self.started.token))

    @property
    def run(self) -> str:
        """Id of the run."""
        return self.started.run

    @property
    def codes(self) -> list[str]:
        """Codes of the errors on the present page."""
        return [error.code for error in self.page.errors]

    def submit(self, **data: Any) -> Page:
        """Answer the present page."""
        return self.do("submit", **data)

    def do(self, action: str, **data: Any) -> Page:
        """Do something with the present page."""
        self.page = act(
            self.run,
            self.page.step,
            self.page.revision,
            action,
            data,
            acting=self.acting,
            world=self.world,
        )
        return self.page

    def refresh(self) -> Page:
        """Open the page again."""
        self.page = open_page(self.run, acting=self.acting, world=self.world)
        return self.page

    # --- what the person answers at each step

    def answers(self, step: str) -> dict[str, Any]:
        """Return what this person truthfully answers at a step that needs no telephone."""
        person = self.person
        if step == "terms":
            return {"agree": [option.value for option in self.page.fields[0].options]}
        if step == "security_card":
            return self.card_answer(person)
        return {
            "identify": {"user_id": person.user_id, "rrn": person.rrn},
            "reissue": {"reason": "lost"},
            "account": {
                "account": person.accounts[0].number,
                "account_password": person.accounts[0].password,
            },
            "find_id": {
                "name": person.name,
                "birth": f"{person.birth:%Y%m%d}",
                "account": person.accounts[0].number,
                "account_password": person.accounts[0].password,
            },
            "factor": {"factor": "security_card" if person.card else "otp"},
            "otp": {"code": self.otp()},
            "contact": {"email": person.email, "phone": self.number},
            "person": {"name": person.name, "phone": self.number, "birth": f"{person.birth:%Y%m%d}"},
            "pin": {"pin": self.pin, "pin_again": self.pin},
            "confirm": {},
        }[step]

    @property
    def number(self) -> str:
        """The person's newest registered telephone number."""
        return self.world.corebank.phones(self.person.id)[0].number

    def otp(self) -> str:
        """Return what the person's token shows now."""
        token = self.person.token
        return code_at(token.secret, step_of(self.world.clock.now())) if token else "000000"

    def card_answer(self, person: Person) -> dict[str, str]:
        """Read the cells the page asks for off somebody's card."""
        cells = next(show for show in self.page.show if show.kind == "card_cells").data
        assert person.card is not None
        first = person.card.cells[int(cells["first"]) - 1]
        second = person.card.cells[int(cells["second"]) - 1]
        return {"serial_tail": person.card.serial[-4:], "code_first": first[:2], "code_second": second[2:]}

    @property
    def code(self) -> str:
        """The number on the screen."""
        return str(next(show for show in self.page.show if show.kind == "code").data["digits"])

    def take_call(self, number: str | None = None) -> None:
        """Answer the ringing telephone and key the number on the screen."""
        telephony: Any = self.world.telephony
        clock: Any = self.world.clock
        clock.advance(2)
        call = telephony.calls(number or self.number)[0]
        telephony.answer(call.number, call.id)
        telephony.press(call.number, call.id, self.code)

    def ars(self) -> Page:
        """Choose a number, take the call, say that it is done."""
        self.submit(phone=self.world.corebank.phones(self.person.id)[0].id)
        self.take_call()
        return self.submit()

    def reply(self, text: str, number: str | None = None) -> None:
        """Text something to the bank."""
        sms: Any = self.world.sms
        sms.reply(number=number or self.number, text=text)

    def mailed_code(self) -> str:
        """Read the newest six digits out of the mail box."""
        mail: Any = self.world.mail
        text = mail.letters(self.person.email)[0].text
        return re.findall(r"\d{6}", text)[0]

    def step(self) -> Page:
        """Answer the present step truthfully, whatever it is."""
        step = self.page.step
        if step == "ars":
            return self.ars()
        if step == "mail_code":
            return self.submit(code=self.mailed_code())
        if step == "sms_reply":
            self.reply(self.code)
            return self.submit()
        return self.submit(**self.answers(step))

    def walk_to(self, step: str) -> Walk:
        """Walk truthfully until a step is the present one."""
        for _ in range(30):
            if self.page.step == step or self.page.state != "open":
                break
            before = self.page.revision
            self.step()
            assert self.page.revision > before, f"stuck at {self.page.step}: {self.codes}"
        assert self.page.step == step, f"{self.page.step} is {self.page.state}: {self.codes}"
        return self

    def finish(self) -> Page:
        """Walk truthfully to the end and return the last page."""
        self.walk_to("confirm")
        return self.submit()


def in_parallel(count: int, job: Callable[[int], Any]) -> list[Any]:
    """Run a job in `count` threads that start together; results (or exceptions) in order."""
    gate = threading.Barrier(count)
    results: list[Any] = [None] * count

    def work(index: int) -> None:
        try:
            gate.wait(30)
            results[index] = job(index)
        except Exception as error:  # noqa: BLE001 - handed back to the test
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results
