"""Putting the cast on stage: once at the first start, and again when somebody asks for a fresh country.

`NEAR_EXPIRY` names what casting cannot do by itself: jung holds a certificate about to run out, and
certificates come only out of the real machinery. `dojang.config.staging` has it made at the first start,
`days_left` days before its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from dojang.sandbox import cast

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

    from dojang.ports.clock import Clock
    from dojang.sandbox.store import CountryStore

_TABLES = (
    "deposit",
    "other_account",
    "paper",
    "push",
    "mail",
    "text_in",
    "text_out",
    "call",
    "done",
    "token",
    "card",
    "account",
    "phone",
    "person",
)


@dataclass(frozen=True, slots=True)
class NearExpiry:
    """A certificate the cast should hold from the beginning, one of the wallet: whose, and for how long."""

    handle: str
    customer_id: str
    days_left: int


NEAR_EXPIRY = NearExpiry("jung", cast.BY_HANDLE["jung"].id, 20)


def near_expiry(customer_id: str) -> NearExpiry | None:
    """Describe the certificate this customer should be given at the start, or None for most people."""
    return NEAR_EXPIRY if customer_id == NEAR_EXPIRY.customer_id else None


def enter_cast(connection: psycopg.Connection[DictRow], clock: Clock) -> None:
    """Put everybody into an empty country; give people of an older one what they did not have yet."""
    known = [row["handle"] for row in connection.execute("SELECT handle FROM sandbox.person")]
    if known:
        _give_papers(connection, tuple(cast.find_person(handle) for handle in known))
    else:
        _enter(connection, cast.CAST, clock)


def recast(store: CountryStore, clock: Clock) -> None:
    """Clear the country and cast everybody anew, in one transaction. The clock stays where it is."""
    with store.casting() as connection:
        for table in _TABLES:
            connection.execute(f"DELETE FROM sandbox.{table}")  # noqa: S608 - from the tuple above
        _enter(connection, cast.CAST, clock)


def add_crowd(store: CountryStore, clock: Clock, count: int) -> tuple[cast.Person, ...]:
    """Add further ordinary people (`cast.invent_extra`); those already there stay as they are."""
    crowd = tuple(cast.invent_extra(number) for number in range(1, count + 1))
    with store.casting() as connection:
        known = {row["id"] for row in connection.execute("SELECT id FROM sandbox.person")}
        _enter(connection, tuple(person for person in crowd if person.id not in known), clock)
    return crowd


def _enter(connection: psycopg.Connection[DictRow], people: tuple[cast.Person, ...], clock: Clock) -> None:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO sandbox.person (id, handle, place, user_id, rrn, name, name_en, birth, kind,
                   ebanking, locked, email, address, branch_code, devices)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            [
                (
                    *(p.id, p.handle, p.place, p.user_id, p.rrn, p.name, p.name_en, p.birth, p.kind),
                    *(p.ebanking, p.locked, p.email, p.address, p.branch_code, p.devices),
                )
                for p in people
            ],
        )
        cursor.executemany(
            """INSERT INTO sandbox.phone (id, person_id, number, registered_at, released_at)
               VALUES (%s, %s, %s, %s, %s)""",
            [
                (
                    phone_id(p.id, line.number),
                    p.id,
                    line.number,
                    now - timedelta(days=line.days),
                    now - timedelta(days=1) if line.gone else None,
                )
                for p in people
                for line in p.lines
            ],
        )
        cursor.executemany(
            "INSERT INTO sandbox.account (number, person_id, password, kind, balance)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(a.number, p.id, a.password, a.kind, a.balance) for p in people for a in p.accounts],
        )
        cursor.executemany(
            "INSERT INTO sandbox.card (person_id, serial, cells, state) VALUES (%s, %s, %s, 'usable')",
            [(p.id, p.card.serial, list(p.card.cells)) for p in people if p.card],
        )
        cursor.executemany(
            "INSERT INTO sandbox.token (person_id, serial, secret, state, last_step)"
            " VALUES (%s, %s, %s, 'usable', 0)",
            [(p.id, p.token.serial, p.token.secret) for p in people if p.token],
        )
    _give_papers(connection, people)


def _give_papers(connection: psycopg.Connection[DictRow], people: tuple[cast.Person, ...]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO sandbox.paper (person_id, type, number, issued, state)"
            " VALUES (%s, %s, %s, %s, 'usable') ON CONFLICT DO NOTHING",
            [(p.id, paper.type, paper.number, paper.issued) for p in people for paper in p.papers],
        )
        cursor.executemany(
            "INSERT INTO sandbox.other_account (bank, number, person_id) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [(other.bank, other.number, p.id) for p in people for other in p.others],
        )


def phone_id(person_id: str, number: str) -> str:
    """Return what pages carry instead of a number. The same number of the same person keeps its id."""
    return cast.derive(f"phone|{person_id}|{number}", 8).hex()


def account_id(person_id: str, number: str) -> str:
    """Return what pages carry instead of an account number."""
    return cast.derive(f"account-id|{person_id}|{number}", 8).hex()
