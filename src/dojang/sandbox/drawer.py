"""What a person keeps in the drawer at home: security card, token, bankbook, identity papers.

Only the sandbox's own pages and JSON look in here. Dojang itself sees the core bank's answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dojang.pki.errors import DojangError
from dojang.ports.errors import CoreBankError
from dojang.sandbox import otp
from dojang.sandbox.cast import OTHER_BANKS, carrier_of, gender_of
from dojang.sandbox.store import first

if TYPE_CHECKING:
    from datetime import date, datetime

    import psycopg
    from psycopg.rows import DictRow

    from dojang.ports.clock import Clock
    from dojang.sandbox.store import CountryStore

STATES = ("usable", "lost", "expired")  #: what may befall a security medium


class PersonUnknownError(DojangError):
    """Nobody of this short name lives in the country."""

    code = "person_unknown"


class MediumUnknownError(DojangError):
    """This person does not hold such a medium."""

    code = "medium_unknown"


@dataclass(frozen=True, slots=True)
class Resident:
    """A person as the overview names them. `numbers` are registered telephones, newest first."""

    handle: str
    customer_id: str
    name: str
    name_en: str
    user_id: str
    email: str | None
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CardView:
    """A security card lying on the table. `state`: ``usable`` | ``lost`` | ``expired``."""

    serial: str = field(repr=False)
    cells: tuple[str, ...] = field(repr=False)
    state: str


@dataclass(frozen=True, slots=True)
class TokenView:
    """A one-time-password token: what its display shows now, and for how many seconds yet."""

    serial: str
    state: str
    code: str = field(repr=False)
    seconds_left: int


@dataclass(frozen=True, slots=True)
class AccountView:
    """One page of the bankbook, with the password its owner knows by heart."""

    number: str
    kind: str
    balance: int
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PaperView:
    """An identity card. `type`: ``resident`` | ``driver`` | ``foreigner``."""

    type: str
    number: str = field(repr=False)
    issued: date = field(repr=False)
    state: str


@dataclass(frozen=True, slots=True)
class DepositView:
    """One line of another bank's bankbook. `memo` is what stands in the place of the sender's name."""

    memo: str = field(repr=False)
    amount: int
    at: datetime


@dataclass(frozen=True, slots=True)
class OtherBankbook:
    """A bankbook of another bank, newest deposit first."""

    bank: str
    name_ko: str
    name_en: str
    number: str
    deposits: tuple[DepositView, ...]


@dataclass(frozen=True, slots=True)
class LineView:
    """A telephone line with what its contract says: the carrier, and the holder as ``male`` or ``female``."""

    number: str
    carrier: str
    gender: str


@dataclass(frozen=True, slots=True)
class Drawer:
    """Everything a person needs at hand to walk a journey."""

    resident: Resident
    rrn: str = field(repr=False)
    birth: date
    kind: str
    address: str | None
    branch_code: str
    locked: bool
    accounts: tuple[AccountView, ...]
    card: CardView | None
    token: TokenView | None
    papers: tuple[PaperView, ...] = ()
    others: tuple[OtherBankbook, ...] = ()
    lines: tuple[LineView, ...] = ()


_RESIDENTS = """SELECT p.handle, p.id, p.name, p.name_en, p.user_id, p.email,
        coalesce(array_agg(t.number ORDER BY t.registered_at DESC, t.id)
                 FILTER (WHERE t.released_at IS NULL AND t.number IS NOT NULL), '{}') AS numbers
    FROM sandbox.person p LEFT JOIN sandbox.phone t ON t.person_id = p.id"""


class Drawers:
    """Opens drawers."""

    def __init__(self, store: CountryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def residents(self, *, limit: int = 50) -> tuple[Resident, ...]:
        """Return the people of the country in the order of the playbill."""
        with self._store.work(CoreBankError) as connection:
            rows = connection.execute(
                f"{_RESIDENTS} GROUP BY p.id ORDER BY p.place LIMIT %s",
                (limit,),
            ).fetchall()
        return tuple(_resident(row) for row in rows)

    def resident_of_number(self, number: str) -> Resident | None:
        """Tell whose telephone rings at a number."""
        with self._store.work(CoreBankError) as connection:
            row = first(
                connection,
                f"""{_RESIDENTS} WHERE p.id = (SELECT person_id FROM sandbox.phone
                    WHERE number = %s AND released_at IS NULL) GROUP BY p.id""",  # noqa: S608 - two constants
                (number,),
            )
        return _resident(row) if row else None

    def open(self, handle: str) -> Drawer:
        """Open one person's drawer. Raises `PersonUnknownError`."""
        with self._store.work(CoreBankError) as connection:
            row = first(connection, f"{_RESIDENTS} WHERE p.handle = %s GROUP BY p.id", (handle,))
            if row is None:
                raise PersonUnknownError(handle=handle)
            person = first(connection, "SELECT * FROM sandbox.person WHERE id = %s", (row["id"],))
            assert person is not None
            accounts = connection.execute(
                """SELECT number, kind, balance, password FROM sandbox.account WHERE person_id = %s
                   ORDER BY kind DESC, number""",
                (row["id"],),
            ).fetchall()
            card = first(connection, "SELECT * FROM sandbox.card WHERE person_id = %s", (row["id"],))
            token = first(connection, "SELECT * FROM sandbox.token WHERE person_id = %s", (row["id"],))
            papers, others = _papers(connection, row["id"]), _bankbooks(connection, row["id"])
        return Drawer(
            resident=_resident(row),
            rrn=person["rrn"],
            birth=person["birth"],
            kind=person["kind"],
            address=person["address"],
            branch_code=person["branch_code"],
            locked=person["locked"],
            accounts=tuple(AccountView(**account) for account in accounts),
            card=CardView(card["serial"], tuple(card["cells"]), card["state"]) if card else None,
            token=_token(token, self._clock.now()) if token else None,
            papers=papers,
            others=others,
            lines=tuple(
                LineView(number, carrier_of(number), gender_of(person["rrn"])) for number in row["numbers"]
            ),
        )

    def set_state(self, handle: str, medium: str, state: str) -> None:
        """Lose a medium, let it expire, or find it again.

        `medium`: ``card`` | ``token`` | ``paper`` (all identity cards); `state`: one of `STATES`.
        Raises `MediumUnknownError` when this person holds none.
        """
        table = {"card": "sandbox.card", "token": "sandbox.token", "paper": "sandbox.paper"}[medium]
        with self._store.work(CoreBankError) as connection:
            done = connection.execute(
                f"""UPDATE {table} SET state = %s
                    WHERE person_id = (SELECT id FROM sandbox.person WHERE handle = %s)""",  # noqa: S608
                (state, handle),
            )
        if done.rowcount < 1:
            raise MediumUnknownError(medium=medium)


def _papers(connection: psycopg.Connection[DictRow], person_id: str) -> tuple[PaperView, ...]:
    rows = connection.execute(
        """SELECT type, number, issued, state FROM sandbox.paper WHERE person_id = %s
           ORDER BY type = 'driver', type""",
        (person_id,),
    ).fetchall()
    return tuple(PaperView(**row) for row in rows)


def _bankbooks(connection: psycopg.Connection[DictRow], person_id: str) -> tuple[OtherBankbook, ...]:
    names = {bank.code: bank for bank in OTHER_BANKS}
    books = []
    for row in connection.execute(
        "SELECT bank, number FROM sandbox.other_account WHERE person_id = %s ORDER BY bank, number",
        (person_id,),
    ).fetchall():
        lines = connection.execute(
            """SELECT memo, amount, at FROM sandbox.deposit WHERE bank = %s AND number = %s
               ORDER BY seq DESC LIMIT 20""",
            (row["bank"], row["number"]),
        ).fetchall()
        bank = names[row["bank"]]
        deposits = tuple(DepositView(**line) for line in lines)
        books.append(OtherBankbook(bank.code, bank.name_ko, bank.name_en, row["number"], deposits))
    return tuple(books)


def _resident(row: DictRow) -> Resident:
    return Resident(
        handle=row["handle"],
        customer_id=row["id"],
        name=row["name"],
        name_en=row["name_en"],
        user_id=row["user_id"],
        email=row["email"],
        numbers=tuple(row["numbers"]),
    )


def _token(row: DictRow, now: datetime) -> TokenView:
    step = otp.step_of(now)
    left = otp.STEP - int(now.timestamp()) % otp.STEP
    return TokenView(row["serial"], row["state"], otp.code_at(row["secret"], step), left)
