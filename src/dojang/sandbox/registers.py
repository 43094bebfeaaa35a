"""What the simulated bank asks of others: carriers, the state's register of identity cards, other banks."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from dojang.ports.corebank import Match, OtherBank
from dojang.ports.errors import CoreBankError
from dojang.ports.writing import plain_account, plain_digits, plain_phone, same_name
from dojang.sandbox.cast import OTHER_BANKS, carrier_of, gender_of
from dojang.sandbox.store import first

if TYPE_CHECKING:
    from datetime import date

    import psycopg
    from psycopg.rows import DictRow

    from dojang.ports.clock import Clock
    from dojang.sandbox.store import CountryStore

WRONG = Match(ok=False, reason="wrong")


class Registers:
    """The part of the core bank's port that leaves the bank."""

    store: CountryStore
    clock: Clock

    def check_line(self, *, name: str, birth: date, gender: str, carrier: str, phone: str) -> Match:
        """See the port."""
        number = plain_phone(phone)
        with self.store.work(CoreBankError) as connection:
            owner = owner_of_phone(connection, number)
            row = first(connection, "SELECT * FROM sandbox.person WHERE id = %s", (owner or "",))
        if row is None:
            return WRONG
        right = (
            same_name(name, row["name"], row["name_en"]),
            row["birth"] == birth,
            gender_of(row["rrn"]) == gender,
            carrier_of(number) == carrier,
        )
        return Match(ok=True, owner=owner) if all(right) else Match(ok=False, reason="not_owned", owner=owner)

    def check_id_card(self, *, card_type: str, card_number: str, issued: date) -> Match:
        """See the port."""
        with self.store.work(CoreBankError) as connection:
            row = first(
                connection,
                "SELECT person_id, issued, state FROM sandbox.paper WHERE type = %s AND number = %s",
                (card_type, plain_digits(card_number)),
            )
        if row is None or row["issued"] != issued:
            return WRONG
        if row["state"] != "usable":
            return Match(ok=False, reason=row["state"])
        return Match(ok=True, owner=row["person_id"])

    def other_banks(self) -> tuple[OtherBank, ...]:
        """See the port."""
        return tuple(OtherBank(bank.code, bank.name_ko, bank.name_en) for bank in OTHER_BANKS)

    def send_one_won(self, customer_id: str, *, bank: str, account: str, memo: str, key: str) -> Match:
        """See the port. The deposit is in the other bank's book at once."""
        number = plain_account(account)
        with self.store.work(CoreBankError) as connection:
            row = first(
                connection,
                "SELECT person_id FROM sandbox.other_account WHERE bank = %s AND number = %s",
                (bank, number),
            )
            if row is None:
                return WRONG
            if row["person_id"] != customer_id:
                return Match(ok=False, reason="not_owned", owner=row["person_id"])
            connection.execute(
                """INSERT INTO sandbox.deposit (key, bank, number, memo, amount, at)
                   VALUES (%s, %s, %s, %s, 1, %s) ON CONFLICT (key) DO NOTHING""",
                (key, bank, number, memo, self.clock.now()),
            )
        return Match(ok=True, owner=customer_id)


def owner_of_phone(connection: psycopg.Connection[DictRow], number: str) -> str | None:
    """Find whom a number is registered for."""
    row = first(
        connection,
        "SELECT person_id FROM sandbox.phone WHERE number = %s AND released_at IS NULL",
        (number,),
    )
    return row["person_id"] if row else None


def same_text(given: str, true: str) -> bool:
    """Compare without telling by time where two texts differ."""
    return bool(true) and hmac.compare_digest(given.encode("utf-8", "replace"), true.encode())
