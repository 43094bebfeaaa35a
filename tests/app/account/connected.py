"""Connecting a browser as its customer does: the number on the screen goes back by text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dojang.account.connecting import actions as connecting
from dojang.account.connecting.values import SMS_REPLY, Line
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from dojang.ports.acting import Acting
    from dojang.ports.world import World
    from dojang.sandbox.cast import Person


def line_of(world: World, person: Person) -> Line:
    """Return what a person types."""
    return Line(person.name, person.birth, world.corebank.phones(person.id)[0].number)


def connect(world: World, handle: str, *, acting: Acting, browser: str = "") -> str:
    """Connect a browser with somebody; return its token."""
    line, sms = line_of(world, BY_HANDLE[handle]), world.sms
    token = connecting.begin_connecting(line, SMS_REPLY, acting=acting, world=world)
    digits = connecting.connecting_of(token, world=world).digits
    sms.reply(number=line.phone, text=digits)  # type: ignore[attr-defined]
    fresh = connecting.finish_connecting(token, browser, acting=acting, world=world)
    assert fresh
    return fresh


def connect_on_pages(visitor: Any, world: World, person: Person) -> None:
    """Connect a visitor's browser page by page. `visitor` has `post` and `html`."""
    line = line_of(world, person)
    typed = {"name": line.name, "birth": f"{line.birth:%Y%m%d}", "phone": line.phone, "way": SMS_REPLY}
    assert visitor.post("/login/connect/", **typed).status_code == 303
    digits = re.search(r'class="code__digits">(\d+)<', visitor.html("/login/connect/wait/"))
    assert digits
    world.sms.reply(number=line.phone, text=digits[1])  # type: ignore[attr-defined]
    done = visitor.post("/login/connect/wait/")
    assert (done.status_code, done.headers["Location"][:17]) == (303, "/login/?connected")
