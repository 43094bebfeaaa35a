"""What the bank sends and asks for. How often each may be answered wrongly: `WrongEntryPolicy`."""

from __future__ import annotations

from dataclasses import dataclass

from dojang.ports.limits import DAY, RUN, Limit
from dojang.ports.policy.units import days, digits, of, seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ArsPolicy:
    """`[policy.ars]`: ARS calls."""

    ttl: int = seconds(180)  #: so long after it was asked for a call can be answered
    digits: int = digits(2)  #: of the approval number
    calls_per_run: Limit = Limit(3, RUN)
    calls_per_day: Limit = Limit(5, DAY)  #: to one customer


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsReplyPolicy:
    """`[policy.sms_reply]`: texts the customer answers."""

    ttl: int = seconds(180)  #: so long a reply is waited for
    digits: int = digits(2)  #: of the number on the screen


@dataclass(frozen=True, slots=True, kw_only=True)
class MailCodePolicy:
    """`[policy.mail_code]`: codes sent by mail."""

    ttl: int = seconds(600)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCodePolicy:
    """`[policy.phone_code]`: codes texted to a new telephone number."""

    ttl: int = seconds(180)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCheckPolicy:
    """`[policy.phone_check]`: a line in one's own name, then a texted code."""

    ttl: int = seconds(180)  #: life of the code
    texts_per_day: Limit = Limit(10, DAY)  #: codes texted to one number, whoever asks


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePolicy:
    """`[policy.phones]`: registered telephone numbers."""

    recent_days: int = days(7, least=0)  #: a number changed within these takes the higher path
    new_per_day: Limit = Limit(5, DAY)  #: new numbers a customer may name: each is looked up and sent a text


@dataclass(frozen=True, slots=True, kw_only=True)
class OneWonPolicy:
    """`[policy.one_won]`: a code in the sender's name of one won at another bank."""

    sender: str = "도장"  #: stands before the code in the place of the sender's name
    ttl: int = seconds(600)  #: life of the code
    digits: int = digits(4)
    per_day: Limit = Limit(5, DAY)  #: transfers asked for by one customer


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternPolicy:
    """`[policy.pattern]`: a stroke over nine dots."""

    min_points: int = of(4, "dots", most=9)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatePasswordPolicy:
    """`[policy.certificate_password]`: of a joint certificate; judged on its device."""

    min_length: int = of(10, "characters")
    classes: int = of(3, "kinds", most=3)  #: of letters, digits and other characters
