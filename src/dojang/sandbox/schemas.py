"""Shapes of the sandbox's JSON. All moments are ISO 8601 in UTC, of the sandbox's own clock."""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 - pydantic reads the annotations
from typing import Literal

from ninja import Field, Schema

from dojang.sandbox.clock import MOST_SECONDS

MediumState = Literal["usable", "lost", "expired"]


class ProblemOut(Schema):
    """Problem details (RFC 9457). `code` is stable, `detail` is a sentence in the reader's language."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[dict[str, object]] | None = Field(None, description="What was malformed, and where.")


class PhoneOut(Schema):
    """A registered telephone number. `id` is what a journey's form carries."""

    id: str
    number: str
    registered_at: datetime


class PersonOut(Schema):
    """A member of the cast."""

    person: str = Field(description="Short name used in addresses.", examples=["hong"])
    customer_id: str
    name: str
    name_en: str
    about: str = Field(description="What is special about this person, in the reader's language.")
    user_id: str
    email: str | None
    numbers: list[str] = Field(description="Registered telephone numbers, newest first.")


class AccountOut(Schema):
    """A bank account and the four digits its owner knows."""

    number: str
    kind: Literal["withdrawal", "savings"]
    balance: int = Field(description="Korean won.")
    password: str


class CardOut(Schema):
    """A security card. `cells` maps the cell number as printed, `"1"` to `"35"`, to its four digits."""

    serial: str
    state: MediumState
    cells: dict[str, str]


class TokenOut(Schema):
    """A one-time-password token. A new `code` appears when `seconds_left` has run out."""

    serial: str
    state: MediumState
    code: str
    seconds_left: int


class DrawerOut(PersonOut):
    """Everything a person has at hand: identity, accounts, security card, token."""

    kind: Literal["person", "foreigner", "sole_proprietor"]
    rrn: str = Field(description="Invented: its last digit is wrong on purpose.")
    birth: date
    address: str | None
    branch_code: str
    locked: bool = Field(description="The bank has locked this person's internet banking.")
    phones: list[PhoneOut]
    accounts: list[AccountOut]
    card: CardOut | None
    token: TokenOut | None


class CallOut(Schema):
    """A call as the handset sees it. `announcement` is what the bank's voice says."""

    id: str
    state: str = Field(
        description="dialing, ringing, answered, approved, wrong_code, rejected, no_answer or ended."
    )
    announcement: str
    locale: str
    digits_keyed: int
    placed_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None


class MessageOut(Schema):
    """One text message of the conversation between handset and bank."""

    sender: Literal["bank", "handset"]
    text: str
    at: datetime


class PushOut(Schema):
    """One message of the bank's app."""

    title: str
    text: str
    at: datetime


class HandsetOut(Schema):
    """A telephone: calls newest first, messages oldest first, push messages newest first."""

    number: str
    person: str | None = Field(description="Whose it is; null for a number nobody has registered.")
    calls: list[CallOut]
    messages: list[MessageOut]
    push: list[PushOut]


class KeysIn(Schema):
    """Digits pressed on the keypad, one or several at once."""

    digits: str = Field(pattern=r"^[0-9]{1,8}$", examples=["47"])


class ReplyIn(Schema):
    """A text message to the bank's short code."""

    text: str = Field(min_length=1, max_length=160, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$", examples=["38"])


class ReplyOut(Schema):
    """The message as the message centre took it."""

    id: str
    text: str
    at: datetime


class LetterOut(Schema):
    """One mail."""

    subject: str
    text: str
    at: datetime


class MailboxOut(Schema):
    """A mailbox, newest mail first."""

    address: str
    letters: list[LetterOut]


class ClockOut(Schema):
    """The country's clock and how far it is ahead of the machine."""

    now: datetime
    offset_seconds: int


class ClockIn(Schema):
    """How far to move on. The clock never goes back."""

    advance_seconds: int = Field(ge=1, le=MOST_SECONDS, examples=[86_400])


class MediumIn(Schema):
    """What befalls a medium."""

    state: MediumState
