"""The simulated core bank. Implements `dojang.ports.corebank.CoreBank` on the schema ``sandbox``.

Reasons it gives in a `Match`: ``wrong`` (the one answer for everything a stranger must not learn apart),
``rrn_mismatch``, ``not_owned`` (the evidence is somebody else's), ``not_held`` (no such medium), ``lost``,
``expired``, ``reused``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from dojang.ports.corebank import AccountMatch, BankAccount, Customer, Factors, Match, Phone
from dojang.ports.errors import CoreBankError, CustomerUnknownError, PhoneTakenError, PhoneUnknownError
from dojang.ports.writing import plain_account, plain_digits, plain_phone, plain_user_id, same_name
from dojang.sandbox import otp
from dojang.sandbox.cast import CARD_CELLS, CARD_DIGITS
from dojang.sandbox.casting import account_id, phone_id
from dojang.sandbox.registers import WRONG, Registers, owner_of_phone, same_text
from dojang.sandbox.store import first

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import date, datetime

    import psycopg
    from psycopg.rows import DictRow

    from dojang.ports.clock import Clock
    from dojang.sandbox.store import CountryStore


class SandboxCoreBank(Registers):
    """The bank's customers, accounts and security media, as the cast has them."""

    def __init__(self, store: CountryStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def find_customer(self, *, user_id: str, rrn: str) -> Match:
        """See the port. One statement for every outcome, so that the time taken tells nothing."""
        with self._work() as connection:
            row = first(
                connection,
                """SELECT (SELECT id FROM sandbox.person WHERE user_id = %s) AS by_user_id,
                          (SELECT id FROM sandbox.person WHERE rrn = %s) AS by_rrn""",
                (_user_id(user_id), plain_digits(rrn)),
            )
        assert row is not None
        if row["by_user_id"] and row["by_user_id"] == row["by_rrn"]:
            return Match(ok=True, owner=row["by_rrn"])
        reason = "rrn_mismatch" if row["by_user_id"] and row["by_rrn"] else "wrong"
        return Match(ok=False, reason=reason, owner=row["by_rrn"])

    def customer_of_user_id(self, user_id: str) -> str | None:
        """See the port."""
        with self._work() as connection:
            row = first(connection, "SELECT id FROM sandbox.person WHERE user_id = %s", (_user_id(user_id),))
        return row["id"] if row else None

    def user_id_of(self, customer_id: str) -> str:
        """See the port."""
        with self._work() as connection:
            return str(_person(connection, customer_id)["user_id"])

    def find_user_id(self, *, name: str, birth: date, account: str, account_password: str) -> Match:
        """See the port. `owner` is the account's owner also when something else was wrong."""
        with self._work() as connection:
            row = first(
                connection,
                """SELECT p.id, p.name, p.name_en, p.birth, a.password, a.kind
                   FROM sandbox.account a JOIN sandbox.person p ON p.id = a.person_id WHERE a.number = %s""",
                (plain_account(account),),
            )
        if row is None:
            return WRONG
        ok = all(
            (
                same_name(name, row["name"], row["name_en"]),
                birth == row["birth"],
                row["kind"] == "withdrawal",
                same_text(account_password, row["password"]),
            )
        )
        return Match(ok=ok, reason="" if ok else "wrong", owner=row["id"])

    def customer(self, customer_id: str) -> Customer:
        """See the port."""
        with self._work() as connection:
            row = _person(connection, customer_id)
        return Customer(
            id=row["id"],
            name=row["name"],
            name_en=row["name_en"],
            birth=row["birth"],
            kind=row["kind"],
            ebanking=row["ebanking"],
            locked=row["locked"],
            email=row["email"],
            address=row["address"],
            branch_code=row["branch_code"],
            user_id_masked=mask_user_id(row["user_id"]),
        )

    def idn(self, customer_id: str) -> str:
        """See the port."""
        with self._work() as connection:
            return str(_person(connection, customer_id)["rrn"])

    def phones(self, customer_id: str) -> tuple[Phone, ...]:
        """See the port."""
        with self._work() as connection:
            rows = connection.execute(
                """SELECT id, number, registered_at FROM sandbox.phone
                   WHERE person_id = %s AND released_at IS NULL ORDER BY registered_at DESC, id""",
                (customer_id,),
            ).fetchall()
        return tuple(_phone(row) for row in rows)

    def owner_of_phone(self, number: str) -> str | None:
        """See the port."""
        with self._work() as connection:
            return owner_of_phone(connection, plain_phone(number))

    def owner_of_id(self, opaque: str) -> str | None:
        """See the port."""
        with self._work() as connection:
            row = first(
                connection,
                "SELECT person_id FROM sandbox.phone WHERE id = %s AND released_at IS NULL",
                (opaque,),
            )
            if row is not None:
                return str(row["person_id"])
            accounts = connection.execute("SELECT person_id, number FROM sandbox.account").fetchall()
        return next((str(a["person_id"]) for a in accounts if _account(a).id == opaque), None)

    def change_phone(self, customer_id: str, *, old: str, new: str, key: str) -> Phone:
        """See the port. Raises `PhoneUnknownError` or `PhoneTakenError`; then nothing has changed."""
        old, new = plain_phone(old), plain_phone(new)
        with self._work() as connection:
            # The person's row is the lock: two changes for one person happen one after the other.
            _person(connection, customer_id, lock=True)
            done = _done(connection, "change_phone", key)
            if done is None:
                self._replace_number(connection, customer_id, old, new)
                done = {"id": phone_id(customer_id, new)}
                _remember(connection, "change_phone", key, done)
            row = first(
                connection,
                "SELECT id, number, registered_at FROM sandbox.phone WHERE id = %s",
                (done["id"],),
            )
        assert row is not None
        return _phone(row)

    def _replace_number(
        self, connection: psycopg.Connection[DictRow], customer_id: str, old: str, new: str
    ) -> None:
        owner = owner_of_phone(connection, new)
        if owner not in {None, customer_id}:
            raise PhoneTakenError
        now = self.clock.now()
        released = connection.execute(
            """UPDATE sandbox.phone SET released_at = %s
               WHERE person_id = %s AND number = %s AND released_at IS NULL""",
            (now, customer_id, old),
        )
        if released.rowcount != 1:
            raise PhoneUnknownError
        connection.execute(
            """INSERT INTO sandbox.phone (id, person_id, number, registered_at) VALUES (%s, %s, %s, %s)
               ON CONFLICT (id) DO UPDATE SET registered_at = excluded.registered_at, released_at = NULL""",
            (phone_id(customer_id, new), customer_id, new, now),
        )

    def check_account(self, customer_id: str, *, account: str, account_password: str) -> Match:
        """See the port. ``not_owned`` names the account's owner whatever password came with it."""
        with self._work() as connection:
            row = first(
                connection,
                "SELECT person_id, password, kind FROM sandbox.account WHERE number = %s",
                (plain_account(account),),
            )
        if row is None:
            return WRONG
        right = same_text(account_password, row["password"]) and row["kind"] == "withdrawal"
        if row["person_id"] != customer_id:
            return Match(ok=False, reason="not_owned", owner=row["person_id"])
        return Match(ok=right, reason="" if right else "wrong", owner=customer_id)

    def accounts(self, customer_id: str) -> tuple[BankAccount, ...]:
        """See the port."""
        with self._work() as connection:
            rows = connection.execute(
                """SELECT person_id, number FROM sandbox.account
                   WHERE person_id = %s AND kind = 'withdrawal' ORDER BY number""",
                (customer_id,),
            ).fetchall()
        return tuple(_account(row) for row in rows)

    def find_account(self, customer_id: str, *, account: str) -> AccountMatch:
        """See the port."""
        with self._work() as connection:
            row = first(
                connection,
                "SELECT person_id, number, kind FROM sandbox.account WHERE number = %s",
                (plain_account(account),),
            )
        if row is None or (row["person_id"] == customer_id and row["kind"] != "withdrawal"):
            return AccountMatch(ok=False, reason="wrong")
        if row["person_id"] != customer_id:
            return AccountMatch(ok=False, reason="not_owned", owner=row["person_id"])
        return AccountMatch(ok=True, owner=customer_id, account=_account(row))

    def check_account_password(self, customer_id: str, *, account_id: str, account_password: str) -> Match:
        """See the port."""
        with self._work() as connection:
            rows = connection.execute(
                """SELECT person_id, number, password FROM sandbox.account
                   WHERE person_id = %s AND kind = 'withdrawal'""",
                (customer_id,),
            ).fetchall()
        row = next((r for r in rows if _account(r).id == account_id), None)
        right = row is not None and same_text(account_password, row["password"])
        return Match(ok=right, reason="" if right else "wrong", owner=customer_id if right else None)

    def factors(self, customer_id: str) -> Factors:
        """See the port."""
        with self._work() as connection:
            row = first(
                connection,
                """SELECT EXISTS (SELECT 1 FROM sandbox.card WHERE person_id = %(id)s AND state = 'usable')
                              AS card,
                          EXISTS (SELECT 1 FROM sandbox.token WHERE person_id = %(id)s AND state = 'usable')
                              AS token""",
                {"id": customer_id},
            )
        assert row is not None
        names = [name for name, held in (("security_card", row["card"]), ("otp", row["token"])) if held]
        return Factors(tuple(names), CARD_CELLS, CARD_DIGITS)

    def check_card(
        self, customer_id: str, *, serial_tail: str, first: tuple[int, str], second: tuple[int, str]
    ) -> Match:
        """See the port. A wrong answer that is right for exactly one other card names that card's holder."""
        with self._work() as connection:
            row = connection.execute(
                "SELECT person_id, serial, cells, state FROM sandbox.card WHERE person_id = %s",
                (customer_id,),
            ).fetchone()
            others = connection.execute(
                "SELECT person_id, serial, cells FROM sandbox.card"
                " WHERE right(serial, 4) = %s AND person_id <> %s AND state = 'usable'",
                (serial_tail, customer_id),
            ).fetchall()
        if row is None:
            return Match(ok=False, reason="not_held")
        if row["state"] != "usable":
            return Match(ok=False, reason=row["state"])
        if _on_card(row, serial_tail, first, second):
            return Match(ok=True, owner=customer_id)
        return _wrong_unless_of_one(
            [other["person_id"] for other in others if _on_card(other, serial_tail, first, second)]
        )

    def check_otp(self, customer_id: str, *, code: str, key: str) -> Match:
        """See the port. The token's row is locked, so one value cannot be accepted twice at once."""
        with self._work() as connection:
            row = first(
                connection,
                "SELECT secret, state, last_step FROM sandbox.token WHERE person_id = %s FOR UPDATE",
                (customer_id,),
            )
            if row is None:
                return Match(ok=False, reason="not_held")
            done = _done(connection, "check_otp", f"{customer_id}|{key}")
            if done is not None:
                return Match(ok=done["ok"], reason=done["reason"], owner=done["owner"])
            match = self._judge_otp(row, customer_id, code)
            if match == WRONG:
                match = self._token_of_another(connection, customer_id, code)
            if match.ok:
                connection.execute(
                    "UPDATE sandbox.token SET last_step = %s WHERE person_id = %s",
                    (otp.matching_step(row["secret"], code, self.clock.now()), customer_id),
                )
            outcome = {"ok": match.ok, "reason": match.reason, "owner": match.owner}
            _remember(connection, "check_otp", f"{customer_id}|{key}", outcome)
            return match

    def _judge_otp(self, row: DictRow, customer_id: str, code: str) -> Match:
        if row["state"] != "usable":
            return Match(ok=False, reason=row["state"])
        step = otp.matching_step(row["secret"], code, self.clock.now())
        if step is None:
            return WRONG
        # A step already used, and every step before it, is spent (RFC 6238 §5.2).
        if step <= row["last_step"]:
            return Match(ok=False, reason="reused")
        return Match(ok=True, owner=customer_id)

    def _token_of_another(
        self, connection: psycopg.Connection[DictRow], customer_id: str, code: str
    ) -> Match:
        tokens = connection.execute(
            "SELECT person_id, secret FROM sandbox.token WHERE person_id <> %s AND state = 'usable'",
            (customer_id,),
        ).fetchall()
        now = self.clock.now()
        return _wrong_unless_of_one(
            [row["person_id"] for row in tokens if otp.matching_step(row["secret"], code, now) is not None]
        )

    def check_person(self, customer_id: str, *, name: str, phone: str, birth: date) -> Match:
        """See the port."""
        with self._work() as connection:
            owner = owner_of_phone(connection, plain_phone(phone))
            # A number of nobody's costs the same two questions.
            row = _person(connection, owner or customer_id)
        same = same_name(name, row["name"], row["name_en"]) and birth == row["birth"]
        if owner is None or not same:
            return WRONG
        is_own = owner == customer_id
        return Match(ok=is_own, reason="" if is_own else "not_owned", owner=owner)

    def update_contact(self, customer_id: str, *, email: str, key: str, address: str | None = None) -> None:
        """See the port."""
        with self._work() as connection:
            _person(connection, customer_id, lock=True)
            if _done(connection, "update_contact", key) is None:
                connection.execute(
                    "UPDATE sandbox.person SET email = %s, address = coalesce(%s, address) WHERE id = %s",
                    (email, address, customer_id),
                )
                _remember(connection, "update_contact", key, {})

    def _work(self) -> AbstractContextManager[psycopg.Connection[DictRow]]:
        return self.store.work(CoreBankError)


def mask_user_id(user_id: str) -> str:
    """Show the first two and the last character, hide the rest at its true length."""
    return f"{user_id[:2]}{'*' * (len(user_id) - 3)}{user_id[-1]}"


def mask_number(number: str) -> str:
    """``01012345678`` → ``010-****-5678``."""
    return f"{number[:3]}-****-{number[-4:]}"


def _person(connection: psycopg.Connection[DictRow], customer_id: str, *, lock: bool = False) -> DictRow:
    statement = "SELECT * FROM sandbox.person WHERE id = %s"
    if lock:
        statement += " FOR UPDATE"
    row = first(connection, statement, (customer_id,))
    if row is None:
        raise CustomerUnknownError
    return row


def _phone(row: DictRow) -> Phone:
    moment: datetime = row["registered_at"]
    return Phone(row["id"], row["number"], mask_number(row["number"]), moment)


def _account(row: DictRow) -> BankAccount:
    return BankAccount(account_id(row["person_id"], row["number"]), f"***{row['number'][-4:]}")


def _done(connection: psycopg.Connection[DictRow], verb: str, key: str) -> dict[str, Any] | None:
    row = first(connection, "SELECT outcome FROM sandbox.done WHERE verb = %s AND key = %s", (verb, key))
    return row["outcome"] if row else None


def _remember(connection: psycopg.Connection[DictRow], verb: str, key: str, outcome: dict[str, Any]) -> None:
    connection.execute(
        "INSERT INTO sandbox.done (verb, key, outcome) VALUES (%s, %s, %s)", (verb, key, Jsonb(outcome))
    )


def _cell(cells: list[str], number: int) -> str:
    """Return the digits of a cell, or none for a cell no card has."""
    return cells[number - 1] if 1 <= number <= len(cells) else ""


def _on_card(row: DictRow, serial_tail: str, first: tuple[int, str], second: tuple[int, str]) -> bool:
    half = CARD_DIGITS // 2
    return all(
        [
            same_text(serial_tail, row["serial"][-4:]),
            same_text(first[1], _cell(row["cells"], first[0])[:half]),
            same_text(second[1], _cell(row["cells"], second[0])[half:]),
        ]
    )


def _wrong_unless_of_one(holders: list[str]) -> Match:
    """Name the one other holder of what was offered; of several, the bank cannot say whose it was."""
    return Match(ok=False, reason="not_owned", owner=holders[0]) if len(holders) == 1 else WRONG


def _user_id(text: str) -> str:
    """User ids are ASCII letters and digits; anything else in them cannot match and need not be asked."""
    plain = plain_user_id(text).lower()
    return plain if plain.isascii() and plain.isalnum() else ""
