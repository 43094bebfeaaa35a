"""The core bank as Dojang sees it: who the customers are and what they hold.

Every answer that could tell a stranger whether somebody is a customer is uniform: look-ups
return ``None`` for all kinds of "no". Wrong-entry counting is the registration authority's
task (`dojang.ra`), done *before* any of these calls.

The values here bring themselves into the one writing of their kind (`dojang.ports.writing`), however the
bank's systems pad, separate or compose what they keep: no adapter has to, and none can forget it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dojang.ports.writing import plain_mail, plain_name, plain_phone, plain_text

if TYPE_CHECKING:
    from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """What Dojang may know of a customer. `id` is the bank's own opaque number, never the RRN."""

    id: str
    name: str
    name_en: str
    birth: date
    kind: str  #: ``person`` | ``foreigner`` | ``sole_proprietor``
    ebanking: bool
    locked: bool
    email: str | None
    address: str | None
    branch_code: str
    user_id_masked: str

    def __post_init__(self) -> None:
        """Bring names and addresses into their plain writing."""
        object.__setattr__(self, "name", plain_name(self.name))
        object.__setattr__(self, "name_en", plain_name(self.name_en))
        object.__setattr__(self, "email", plain_mail(self.email) if self.email else self.email)
        object.__setattr__(self, "address", plain_text(self.address) if self.address else self.address)


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone number registered for a customer. `id` is what pages and forms carry."""

    id: str
    number: str  #: digits only, ``01012345678``
    masked: str  #: ``010-****-5678``
    registered_at: datetime

    def __post_init__(self) -> None:
        """Bring the number into its plain writing."""
        object.__setattr__(self, "number", plain_phone(self.number))


@dataclass(frozen=True, slots=True)
class Match:
    """Answer of a check of something a person offered.

    `ok` tells whether it was right *for the customer asked about*. `owner` names the customer the
    evidence truly belongs to when the bank can tell (so that both people can be warned).
    `reason` is a stable word such as ``wrong``, ``lost``, ``expired``, ``reused``, ``not_owned``.
    """

    ok: bool
    reason: str = ""
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Factors:
    """Second factors a customer holds: names of step kinds, e.g. ``("security_card", "otp")``."""

    names: tuple[str, ...]
    card_cells: int = 35
    card_digits: int = 4


@dataclass(frozen=True, slots=True)
class BankAccount:
    """A withdrawal account of a customer. `id` is what pages and forms carry."""

    id: str
    masked: str  #: ``***5678``


@dataclass(frozen=True, slots=True)
class AccountMatch:
    """Answer of a look-up of an account number: as `Match`, with the account when it is the customer's."""

    ok: bool
    reason: str = ""
    owner: str | None = None
    account: BankAccount | None = None


@dataclass(frozen=True, slots=True)
class OtherBank:
    """A bank that takes part in transfers. `code` is what pages and forms carry."""

    code: str
    name_ko: str
    name_en: str


class CoreBank(Protocol):
    """Port to the bank's customer, account and security-medium systems."""

    def find_customer(self, *, user_id: str, rrn: str) -> Match:
        """Match an internet-banking user id with an RRN; `Match.owner` is the customer id when `ok`.

        When both exist but belong to different people, `ok` is false, `reason` is ``rrn_mismatch`` and
        `owner` is the customer the *RRN* belongs to; the user id's owner is in `other_customer`'s place,
        obtained by `customer_of_user_id`.
        """
        ...

    def customer_of_user_id(self, user_id: str) -> str | None:
        """Return the customer id behind a user id, for counting and for warning; never shown to anyone."""
        ...

    def user_id_of(self, customer_id: str) -> str:
        """Return a customer's user id, to be entered for somebody who looked it up; never shown to anyone.

        Raises `CoreBankError` (code ``customer_unknown``) if absent.
        """
        ...

    def find_user_id(self, *, name: str, birth: date, account: str, account_password: str) -> Match:
        """Look a user id up by name, birth date, withdrawal account and its password (`owner` = customer)."""
        ...

    def customer(self, customer_id: str) -> Customer:
        """Facts about one known customer. Raises `CoreBankError` (code ``customer_unknown``) if absent."""
        ...

    def idn(self, customer_id: str) -> str:
        """Return the 13-digit identification number, for the VID only; held for one call, never stored.

        Callers take out what stands between the digits (`plain_digits`).
        """
        ...

    def phones(self, customer_id: str) -> tuple[Phone, ...]:
        """List the registered numbers, newest first."""
        ...

    def owner_of_phone(self, number: str) -> str | None:
        """Return the customer id a number is registered for, if any."""
        ...

    def owner_of_id(self, opaque: str) -> str | None:
        """Return the customer behind an id that pages carry (`Phone.id`, `BankAccount.id`), if there is one.

        For warning whoever's it is when it comes from somebody else's page.
        """
        ...

    def change_phone(self, customer_id: str, *, old: str, new: str, key: str) -> Phone:
        """Replace a registered number; `key` makes a repeated call return the first outcome."""
        ...

    def check_account(self, customer_id: str, *, account: str, account_password: str) -> Match:
        """Check a withdrawal account and its four-digit password for this customer."""
        ...

    def factors(self, customer_id: str) -> Factors:
        """Second factors the customer can use now (lost or expired media are left out)."""
        ...

    def check_card(
        self, customer_id: str, *, serial_tail: str, first: tuple[int, str], second: tuple[int, str]
    ) -> Match:
        """Check a security card: last four of its serial, (cell, its first two), (cell, its last two).

        With ``not_owned``, `owner` is the only other customer on whose card all three are right.
        """
        ...

    def check_otp(self, customer_id: str, *, code: str, key: str) -> Match:
        """Check a one-time password, accepted once (`reason` ``reused``); idempotent by `key`.

        With ``not_owned``, `owner` is the only other customer whose token shows it; with so many tokens
        that several show the same six digits the answer is ``wrong``.
        """
        ...

    def check_person(self, customer_id: str, *, name: str, phone: str, birth: date) -> Match:
        """Compare name, telephone number and birth date with the bank's record.

        With ``not_owned``, `owner` is the other customer all three belong to: a number alone names nobody.
        """
        ...

    def check_line(self, *, name: str, birth: date, gender: str, carrier: str, phone: str) -> Match:
        """Ask the carriers whether a mobile line is in this person's own name.

        `gender`: ``male`` | ``female``; `carrier`: ``garam`` | ``narae`` | ``daon`` | ``thrifty``. `owner` is
        the customer whose line it is when everything is right, and with ``not_owned`` when only the number
        is known: who offered no more than a number is not told of, nor is its holder.
        """
        ...

    def check_id_card(self, *, card_type: str, card_number: str, issued: date) -> Match:
        """Ask the state's register about an identity card; `owner` is the customer it belongs to when `ok`.

        `card_type`: ``resident`` | ``driver`` | ``foreigner``; `reason` ``wrong`` or ``lost``.
        """
        ...

    def accounts(self, customer_id: str) -> tuple[BankAccount, ...]:
        """List the withdrawal accounts of a customer, masked."""
        ...

    def find_account(self, customer_id: str, *, account: str) -> AccountMatch:
        """Check that an account number is a withdrawal account of this customer; no password involved."""
        ...

    def check_account_password(self, customer_id: str, *, account_id: str, account_password: str) -> Match:
        """Check the four-digit password of one of the customer's accounts."""
        ...

    def other_banks(self) -> tuple[OtherBank, ...]:
        """List the banks to which one won can be sent."""
        ...

    def send_one_won(self, customer_id: str, *, bank: str, account: str, memo: str, key: str) -> Match:
        """Send one won to the customer's own account at another bank, with `memo` as the sender's name.

        Nothing is sent unless the account is in the customer's own name (`reason` ``wrong`` or
        ``not_owned``). Idempotent by `key`.
        """
        ...

    def update_contact(self, customer_id: str, *, email: str, key: str, address: str | None = None) -> None:
        """Store the e-mail address (and the postal address, if given) for notices; idempotent by `key`."""
        ...
