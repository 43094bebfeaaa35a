"""A reader with the bank's printed guide in hand finds its words on our pages: buttons, fields, numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.journeys.unit.country import SmallCountry, Walker, make_a

from dojang.journeys.page import Message
from dojang.ports.policy import Policy
from dojang.products import JOURNEYS
from dojang.products.messages import render

if TYPE_CHECKING:
    from dojang.journeys.page import Page

#: Journey → step → words the printed guide names there.
PRINTED = {
    "financial-web-issue": {
        "identify": ("ID", "주민등록번호", "ID를 모르시는 경우", "확인"),
        "ars": ("인증받기", "고객정보수정", "승인번호", "전화승인완료"),
        "account": ("출금계좌", "계좌비밀번호"),
        "factor": ("인증방식", "보안카드", "OTP"),
        "security_card": ("보안카드", "일련번호 끝 4자리", "비밀번호", "확인"),
        "contact": ("이메일", "휴대폰번호", "확인"),
        "person": ("이름", "휴대폰번호", "생년월일", "확인"),
        "sms_reply": ("숫자", "답장"),
        "pin": ("금융인증서 비밀번호",),
        "confirm": ("확인",),
    },
    "financial-app-issue": {
        "identity_way": ("인증방식", "연락처 본인인증", "ARS 본인인증", "확인"),
        "account_password": ("출금계좌 비밀번호",),
        "account_number": ("출금계좌번호",),
        "details": ("이메일", "주소"),
        "pin": ("금융인증서 비밀번호",),
        "confirm": ("확인",),
    },
}


def words(page: Page) -> str:
    """Everything a page says in Korean."""
    said = [page.title, page.why, *page.messages, *(action.label for action in page.actions)]
    for field in page.fields:
        said += [field.label, *(option.label for option in field.options)]
    for show in page.show:
        said += [value for value in show.data.values() if isinstance(value, Message)]
    return "\n".join(render(message.id, "ko", **message.args) for message in said if message is not None)


@pytest.mark.parametrize("journey", sorted(PRINTED))
def test_the_printed_words_are_on_the_page(journey: str) -> None:
    """At each step, every word the guide prints in quotation marks can be read."""
    person = make_a()
    person.media = ("security_card", "otp")
    policy = Policy(products={"financial": {"app_account_order": "printed"}})
    walker = Walker(JOURNEYS[journey], SmallCountry(person), policy=policy)
    seen: dict[str, str] = {}
    while walker.page.state == "open":
        step = walker.page.step
        before = len(walker.pages)
        seen[step] = words(walker.page)
        walker.do(person)
        seen[step] += "\n".join(words(page) for page in walker.pages[before:] if page.step == step)
    missing = {
        (step, word)
        for step, printed in PRINTED[journey].items()
        for word in printed
        if word not in seen.get(step, "")
    }
    assert missing == set()
