"""What every mail system behind `dojang.ports.mail` must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dojang.ports.mail import Mail
    from dojang.sandbox.world import SandboxWorldParts


def test_a_mail_reaches_its_address_once(mail: Mail, country: SandboxWorldParts) -> None:
    """The same key sends once; upper and lower case are the same mailbox; others get nothing."""
    mail.send(to="Kim@Example.test", subject="확인번호", text="123456", key="mail-1")
    mail.send(to="kim@example.test", subject="확인번호", text="123456", key="mail-1")
    assert [(letter.subject, letter.text) for letter in country.mail.letters("kim@example.test")] == [
        ("확인번호", "123456")
    ]
    assert country.mail.letters("hong@example.test") == ()


def test_the_newest_mail_lies_on_top(mail: Mail, country: SandboxWorldParts) -> None:
    """Mails are kept in order, each with the moment it came."""
    mail.send(to="kim@example.test", subject="1", text="one", key="mail-1")
    country.clock.advance(10)
    mail.send(to="kim@example.test", subject="2", text="two", key="mail-2")
    letters = country.mail.letters("kim@example.test")
    assert [letter.subject for letter in letters] == ["2", "1"]
    assert letters[0].at > letters[1].at
