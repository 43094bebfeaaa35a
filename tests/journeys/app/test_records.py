"""Names as banks keep them: padded, decomposed, long, of rare letters. Nobody is left at the last click."""

from __future__ import annotations

import dataclasses
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from psycopg import sql
from tests.journeys.app.device import AppWalk, Telephone
from tests.journeys.app.walker import Walk

from dojang.ca.queries import certificates_of
from dojang.pki.certificate import read_certificate
from dojang.pki.npki.vid import parse_identify_data
from dojang.ports.errors import CoreBankError

if TYPE_CHECKING:
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "WICKRAMASURENDRA DISSANAYAKE MUDIYANSELAGE RAJAPAKSHA SENEVIRATHNA"


def record(world: World, customer_id: str, **columns: str) -> None:
    """Change what the bank's record says of a person, as its own systems would write it."""
    corebank: Any = world.corebank
    with corebank.store.work(CoreBankError) as connection:
        for column, value in columns.items():
            statement = sql.SQL("UPDATE sandbox.person SET {} = %s WHERE id = %s")
            connection.execute(statement.format(sql.Identifier(column)), (value, customer_id))


@pytest.mark.parametrize(
    ("kept", "typed", "real", "shown"),
    [
        ("윤　도담　　", "윤도담", "윤 도담", "윤 도담"),
        (unicodedata.normalize("NFD", "한서연"), "한서연", "한서연", "한서연"),
        (LONG, LONG, LONG, "WICKRAMASURENDRA DISSANAYAKE"),
        ("𠮷田 太郎", "𠮷田太郎", "𠮷田 太郎", "𠮷田 太郎"),
        ("O’BRIEN PATRICK", "Patrick O'Brien", "O'BRIEN PATRICK", "O'BRIEN PATRICK"),
        ("홍\ue000\U0003134f", "홍\ue000\U0003134f", "홍\ue000\U0003134f", "홍\ue000\U0003134f"),
    ],
    ids=["ideographic space", "decomposed", "long", "beyond the basic plane", "curly", "private use"],
)
def test_every_record_gets_its_certificate(
    world: World, kept: str, typed: str, real: str, shown: str
) -> None:
    """The name is known as it is typed, in the subject as far as it fits, and whole in identifyData."""
    walk = Walk(world)
    record(world, walk.person.id, name=kept)
    walk.person = dataclasses.replace(walk.person, name=typed)
    assert walk.finish().state == "done"
    (held,) = certificates_of(walk.person.id)
    (common_name,) = read_certificate(held.der).facts.subject_name.get("CN")
    assert common_name.partition("()")[0] == shown
    assert len(common_name.encode()) <= 64
    assert parse_identify_data(held.der).real_name == real
    assert walk.page.result is not None
    assert walk.page.result["holder"] == real


def test_addresses_are_written_alike_everywhere(world: World) -> None:
    """An address the record pads, and one typed with a Korean domain, are written alike before and after."""
    walk = Walk(world)
    record(world, walk.person.id, email=f"  {walk.person.email.upper() if walk.person.email else ''} ")
    number = f"+82 (0){walk.number[1:3]}-{walk.number[3:]}"
    walk.walk_to("contact").submit(email="han@한글.test", phone=number)
    assert walk.page.step == "person"
    walk.finish()
    assert world.corebank.customer(walk.person.id).email == "han@xn--bj0bj06e.test"


def test_a_record_without_a_readable_name_stops_at_the_start(world: World) -> None:
    """A name no certificate can show is told at the identification; no certificate is begun."""
    walk = Walk(world)
    record(world, walk.person.id, name="\u200b")
    walk.walk_to("identify").step()
    assert (walk.page.state, walk.codes) == ("failed", ["name_unreadable"])
    assert certificates_of(walk.person.id) == []


def test_a_card_issued_today_issues(world: World) -> None:
    """Somebody who comes from the office with a new card gets the bank certificate the same day."""
    walk = AppWalk(world, journey="bank-app-issue")
    today = (world.clock.now() + timedelta(hours=9)).date()  # in Korea
    corebank: Any = world.corebank
    with corebank.store.work(CoreBankError) as connection:
        connection.execute(
            "UPDATE sandbox.paper SET issued = %s WHERE person_id = %s", (today, walk.person.id)
        )
    walk.walk_to("id_card")
    paper = walk.person.papers[0]
    walk.submit(
        card_type=paper.type, card_number=paper.number, issued=f"{today.year}. {today.month}. {today.day}."
    )
    assert (walk.codes, walk.page.step) == ([], "account")


class LongKeys(Telephone):
    """A device that makes longer keys than ours do."""

    def csr(self, key: Any = None, algorithm: str = "") -> str:
        """Make a request for a key of 4096 bits."""
        return super().csr(key or rsa.generate_private_key(65537, 4096), algorithm)


def test_a_joint_certificate_for_a_key_of_4096_bits_is_delivered(world: World) -> None:
    """From the request to the signature that says it is stored."""
    walk = AppWalk(world, journey="joint-app-issue", phone=LongKeys())
    assert walk.finish().state == "done"
    (held,) = certificates_of(walk.person.id)
    facts = read_certificate(held.der).facts
    assert (held.state, facts.key.algorithm) == ("active", "rsa-4096")
