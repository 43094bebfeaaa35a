"""What every message centre behind `dojang.ports.sms` must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dojang.ports.sms import Sms
    from dojang.sandbox.world import SandboxWorldParts

HONG, HAN = "01000000101", "01000000201"


def test_a_message_reaches_its_handset_once(sms: Sms, country: SandboxWorldParts) -> None:
    """The same key sends once, and nobody else's handset gets it."""
    for _ in range(3):
        sms.send(number=HONG, text="[도장은행] 번호를 답장해 주세요.", key="text-1")
    assert [text.text for text in country.sms.texts(HONG)] == ["[도장은행] 번호를 답장해 주세요."]
    assert country.sms.texts(HAN) == ()


def test_replies_are_found_by_sender_or_text(sms: Sms, country: SandboxWorldParts) -> None:
    """Either criterion is enough, newest first; neither asks for everything."""
    since = country.clock.now()
    country.sms.reply(number=HONG, text=" 38 ")
    country.sms.reply(number=HAN, text="38")
    country.sms.reply(number=HONG, text="39")
    assert [reply.text for reply in sms.inbound(since=since, sender=HONG)] == ["39", "38"]
    assert [reply.sender for reply in sms.inbound(since=since, text="38")] == [HAN, HONG]
    assert len(sms.inbound(since=since, sender=HONG, text="38")) == 3
    assert len(sms.inbound(since=since)) == 3
    assert sms.inbound(since=since, sender="01000000301", text="77") == ()


def test_replies_of_before_do_not_count(sms: Sms, country: SandboxWorldParts) -> None:
    """Only messages received since the moment asked for are returned, each with an id of its own."""
    old = country.sms.reply(number=HONG, text="38")
    country.clock.advance(60)
    since = country.clock.now()
    new = country.sms.reply(number=HONG, text="38")
    assert sms.inbound(since=since, sender=HONG) == (new,)
    assert old.id != new.id
    assert old.at < since <= new.at
