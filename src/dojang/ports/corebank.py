"""The core bank as Dojang sees it: who the customers are and what they hold.

Every answer that could tell a stranger whether somebody is a customer is uniform: look-ups
return ``None`` for all kinds of "no". Wrong-entry counting is the registration authority's
task (`dojang.ra`), done *before* any of these calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone number registered for a customer. `id` is what pages and forms carry."""

    id: str
    number: str  #: digits only, ``01012345678``
    masked: str  #: ``010-****-5678``
    registered_at: datetime


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

    def find_user_id(self, *, name: str, birth: date, account: str, account_password: str) -> Match:
        """Look a user id up by name, birth date, withdrawal account and its password (`owner` = customer)."""
        ...

    def customer(self, customer_id: str) -> Customer:
        """Facts about one known customer. Raises `CoreBankError` (code ``customer_unknown``) if absent."""
        ...

    def idn(self, customer_id: str) -> str:
        """Return the 13-digit identification number, for the VID only; held for one call, never stored."""
        ...

    def phones(self, customer_id: str) -> tuple[Phone, ...]:
        """List the registered numbers, newest first."""
        ...

    def owner_of_phone(self, number: str) -> str | None:
        """Return the customer id a number is registered for, if any."""
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
        """Check a security card: last four of its serial, (cell, its first two), (cell, its last two)."""
        ...

    def check_otp(self, customer_id: str, *, code: str, key: str) -> Match:
        """Check a one-time password, accepted once (`reason` ``reused``); idempotent by `key`."""
        ...

    def check_person(self, customer_id: str, *, name: str, phone: str, birth: date) -> Match:
        """Compare name, telephone number and birth date with the bank's record."""
        ...

    def update_contact(self, customer_id: str, *, email: str, key: str) -> None:
        """Store the e-mail address the customer gave for notices; idempotent by `key`."""
        ...
