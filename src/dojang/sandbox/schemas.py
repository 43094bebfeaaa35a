"""Shapes of the sandbox's JSON. All moments are ISO 8601 in UTC, of the sandbox's own clock."""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003 - pydantic reads the annotations
from typing import Literal

from ninja import Field, Schema

from dojang.sandbox.clock import MOST_SECONDS

MediumState = Literal["usable", "lost", "expired"]


class SandboxProblemOut(Schema):
    """Problem details (RFC 9457). `code` is stable, `detail` is a sentence in the reader's language."""

    type: str = Field(description="Address of the code's line in the reference.")
    title: str = Field(description="Name of the HTTP status.")
    status: int = Field(description="The HTTP status again.")
    detail: str = Field(description="A sentence for people.")
    code: str = Field(description="Stable word for programs.")
    errors: list[dict[str, object]] | None = Field(None, description="What was malformed, and where.")


class PhoneOut(Schema):
    """A registered telephone number. `id` is what a journey's form carries."""

    id: str = Field(description="What a journey's form carries.")
    number: str = Field(description="Digits only.")
    registered_at: datetime = Field(description="Since when the bank knows it.")


class PersonOut(Schema):
    """A member of the cast."""

    person: str = Field(description="Short name used in addresses.", examples=["hong"])
    customer_id: str = Field(description="The bank's own customer number.")
    name: str = Field(description="Name as the bank has it.")
    name_en: str = Field(description="Name in English letters.")
    about: str = Field(description="What is special about this person, in the reader's language.")
    user_id: str = Field(description="Internet banking ID.")
    email: str | None = Field(description="Address the bank sends notices to.")
    numbers: list[str] = Field(description="Registered telephone numbers, newest first.")


class AccountOut(Schema):
    """A bank account and the four digits its owner knows."""

    number: str = Field(description="Digits only.")
    kind: Literal["withdrawal", "savings"] = Field(description="Only withdrawal accounts identify a person.")
    balance: int = Field(description="Korean won.")
    password: str = Field(description="Four digits.")


class CardOut(Schema):
    """A security card. `cells` maps the cell number as printed, `"1"` to `"35"`, to its four digits."""

    serial: str = Field(description="Eight digits; the last four are asked for.")
    state: MediumState = Field(description="A medium that is not usable is no factor.")
    cells: dict[str, str] = Field(description='Cell number, "1" to "35", to its four digits.')


class TokenOut(Schema):
    """A one-time-password token. A new `code` appears when `seconds_left` has run out."""

    serial: str = Field(description="Number on the token's back.")
    state: MediumState = Field(description="A medium that is not usable is no factor.")
    code: str = Field(description="Six digits, accepted once.")
    seconds_left: int = Field(description="Until the next code.")


class PaperOut(Schema):
    """An identity card."""

    type: Literal["resident", "driver", "foreigner"] = Field(description="Which card.")
    number: str = Field(description="Digits only; 13, or 12 on a driver's licence.")
    issued: date = Field(description="Day of issue as printed.")
    state: MediumState = Field(description="A lost card proves nothing.")


class DepositOut(Schema):
    """One line of another bank's bankbook."""

    memo: str = Field(description="What stands in the place of the sender's name.")
    amount: int = Field(description="Korean won.")
    at: datetime = Field(description="When it arrived.")


class OtherBankbookOut(Schema):
    """A bankbook of another bank."""

    bank: str = Field(description="Code of the bank, as a journey's form carries it.")
    name: str = Field(description="Name of the bank, in the reader's language.")
    number: str = Field(description="Account number, digits only.")
    deposits: list[DepositOut] = Field(description="Newest first.")


class LineOut(Schema):
    """A telephone line as its contract has it."""

    number: str = Field(description="Digits only.")
    carrier: Literal["garam", "narae", "daon", "thrifty"] = Field(description="Carrier of the line.")
    gender: Literal["male", "female"] = Field(description="Of the line's holder.")


class DrawerOut(PersonOut):
    """Everything a person has at hand: identity, accounts, security card, token."""

    kind: Literal["person", "foreigner", "sole_proprietor"]
    rrn: str = Field(description="Invented: its last digit is wrong on purpose.")
    birth: date = Field(description="Date of birth.")
    address: str | None = Field(description="Postal address.")
    branch_code: str = Field(description="Branch that keeps the accounts.")
    locked: bool = Field(description="The bank has locked this person's internet banking.")
    phones: list[PhoneOut] = Field(description="Registered telephones, newest first.")
    accounts: list[AccountOut] = Field(description="The bankbook.")
    card: CardOut | None = Field(description="The security card, if one is held.")
    token: TokenOut | None = Field(description="The one-time-password token, if one is held.")
    papers: list[PaperOut] = Field(description="Identity cards.")
    other_bankbooks: list[OtherBankbookOut] = Field(description="Bankbooks of other banks.")
    lines: list[LineOut] = Field(description="Telephone lines with their carriers.")


class CallOut(Schema):
    """A call as the handset sees it. `announcement` is what the bank's voice says."""

    id: str = Field(description="Id of the call.")
    state: str = Field(
        description="dialing, ringing, answered, approved, wrong_code, rejected, no_answer or ended."
    )
    announcement: str = Field(description="What the bank's voice says once the call is answered.")
    locale: str = Field(description="Language of the voice.")
    digits_keyed: int = Field(description="How many digits were keyed so far.")
    placed_at: datetime = Field(description="When the bank dialled.")
    answered_at: datetime | None = Field(description="When the handset was taken up.")
    ended_at: datetime | None = Field(description="When the call was over.")


class TextMessageOut(Schema):
    """One text message of the conversation between handset and bank."""

    sender: Literal["bank", "handset"] = Field(description="Who wrote it.")
    text: str = Field(description="What it says.")
    at: datetime = Field(description="When it was sent.")


class PushOut(Schema):
    """One message of the bank's app."""

    title: str = Field(description="First line.")
    text: str = Field(description="What it says.")
    at: datetime = Field(description="When it came.")


class HandsetOut(Schema):
    """A telephone: calls newest first, messages oldest first, push messages newest first."""

    number: str = Field(description="Digits only.")
    person: str | None = Field(description="Whose it is; null for a number nobody has registered.")
    calls: list[CallOut] = Field(description="Newest first.")
    messages: list[TextMessageOut] = Field(description="Text messages, oldest first.")
    push: list[PushOut] = Field(description="Messages of the bank's app, newest first.")


class KeysIn(Schema):
    """Digits pressed on the keypad, one or several at once."""

    digits: str = Field(description="One to eight digits.", pattern=r"^[0-9]{1,8}$", examples=["47"])


class ReplyIn(Schema):
    """A text message to the bank's short code."""

    text: str = Field(
        description="What to send.",
        min_length=1,
        max_length=160,
        pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$",
        examples=["38"],
    )


class ReplyOut(Schema):
    """The message as the message centre took it."""

    id: str = Field(description="Id of the message.")
    text: str = Field(description="What it says.")
    at: datetime = Field(description="When it arrived.")


class LetterOut(Schema):
    """One mail."""

    subject: str = Field(description="Subject line.")
    text: str = Field(description="What it says.")
    at: datetime = Field(description="When it came.")


class MailboxOut(Schema):
    """A mailbox, newest mail first."""

    address: str = Field(description="In lower case.")
    letters: list[LetterOut] = Field(description="Newest first.")


class ClockOut(Schema):
    """The country's clock and how far it is ahead of the machine."""

    now: datetime = Field(description="Present moment in the country.")
    offset_seconds: int = Field(description="How far it is ahead of the machine.")


class ClockIn(Schema):
    """How far to move on. The clock never goes back."""

    advance_seconds: int = Field(
        description="Whole seconds to move on.", ge=1, le=MOST_SECONDS, examples=[86_400]
    )


class MediumIn(Schema):
    """What befalls a medium."""

    state: MediumState = Field(description="The state from now on.")
