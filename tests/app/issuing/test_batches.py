"""Many orders at once: as many statements as one, one spoiled order at any place, threads gathered."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection, connections, transaction
from tests.app.ca.conftest import signer_process  # noqa: F401 - a journal that tells of one test alone
from tests.app.ca.faults import FaultySigner
from tests.round_trips import counting_round_trips

from dojang.audit.models import Event
from dojang.audit.queries import verify_chains
from dojang.ca.models import Certificate, Intent, OcspAnswer
from dojang.ca.queries import verify_trail
from dojang.guard.locks import holding
from dojang.issuing.actions import carry_out, offer_key, place_order, reconcile
from dojang.issuing.models import Order
from dojang.issuing.values import Evidence, OfferedKey, OrderRequest
from dojang.notices.models import Notice
from dojang.pki.signing import public_key_bytes
from dojang.ports.acting import Acting
from dojang.ports.signer_errors import SignerUnavailableError
from dojang.sandbox.casting import add_crowd
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

CLERK = Acting(kind="operator", id="clerk-3", channel="branch")


def place_many(world: World, count: int, *, name: str = "one") -> list[str]:
    """Place an order each for so many people of the crowd, their keys made beforehand."""
    bank: Any = world.corebank
    people = [person.id for person in add_crowd(bank.store, world.clock, count)]
    return [place_for(world, person, name=name) for person in people]


def place_for(world: World, person: str, *, name: str = "one") -> str:
    """Place an order for one person."""
    order_id, now = secrets.token_hex(16), world.clock.now()
    offered = OfferedKey(
        key_id=order_id,
        order_id=order_id,
        custody="wallet",
        customer_id=person,
        product="financial",
        public_key=public_key_bytes(ec.generate_private_key(ec.SECP256R1())),
        vid=secrets.token_bytes(32),
        sealed=b"sealed elsewhere",
    )
    seen = Evidence(
        id=f"counter:{person}:{name}", name="seen", purpose="counter", customer_id=person, at=now,
        expires=now + timedelta(hours=1),
    )  # fmt: skip
    request = OrderRequest(
        id=order_id, product="financial", profile="financial", customer_id=person, origin="counter",
        custody="wallet", key_id=order_id, evidence=(seen,),
    )  # fmt: skip
    with transaction.atomic():
        offer_key(offered, acting=CLERK, world=world)
        place_order(request, acting=CLERK, world=world)
    return order_id


def carry(world: World, orders: list[str]) -> list[str]:
    """Have orders carried out together."""
    return carry_out(orders, acting=CLERK, world=world)


def states() -> dict[str, str]:
    """Return the state of every order."""
    return dict(Order.objects.values_list("id", "state"))


def transactions(since: int) -> int:
    """Return how many transactions wrote the events behind one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT xmin::text) FROM audit_event WHERE id > %s", [since])
        return int(cursor.fetchone()[0])


def cost(world: World, orders: list[str]) -> tuple[int, int, int]:
    """Carry orders out; return the statements, round trips and audited transactions it took."""
    seen: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    before = Event.objects.latest("id").id
    with connection.execute_wrapper(note), counting_round_trips() as trips:
        assert carry(world, orders) == orders
    # Authorities are remembered for two seconds: whether they are read is a matter of the clock.
    authorities = sum("ca_authority" in sql for sql in seen)
    return len(seen) - authorities, trips.count - authorities, transactions(before)


#: Statements and audited transactions of orders carried out together, however many.
EXACTLY = (29, 2)
#: Round trips at most. In a pipeline an answer may overtake the next question: then it counts as one more.
TRIPS = 30


def test_sixty_four_orders_cost_what_one_costs(world: World) -> None:
    """One order and 64 take the same statements, round trips and transactions; the signer is asked twice."""
    warm, first, *orders = place_many(world, 66)
    carry(world, [warm])  # authorities are read, statements prepared
    alone = cost(world, [first])
    before = world.signer.journal(limit=100_000)[-1].seq
    together = cost(world, orders)
    assert {state for order, state in states().items() if order in {first, *orders}} == {"done"}
    for statements, trips, audited in (alone, together):
        assert (statements, audited) == EXACTLY
        assert trips <= TRIPS
    verbs = [entry.verb for entry in world.signer.journal(after=before, limit=1000)]
    assert verbs == ["sign_certificate"] * 64 + ["sign_ocsp"]
    assert verify_trail(world).breaks == ()


def test_a_batch_of_re_issues_is_never_none_and_never_two(world: World) -> None:
    """Twelve holders order again in one batch: each has the new certificate, the old one superseded by it."""
    bank: Any = world.corebank
    people = [person.id for person in add_crowd(bank.store, world.clock, 12)]
    for name in ("one", "two"):
        orders = [place_for(world, person, name=name) for person in people]
        assert carry(world, orders) == orders
    for person in people:
        old, new = Certificate.objects.filter(customer_id=person).order_by("id")
        assert (old.state, new.state, old.successor_id) == ("revoked", "active", new.pk)
        assert [one.reason for one in old.revocations.all()] == ["superseded"]
        assert WalletKey.objects.get(customer_id=person, state="live").certificate_id == new.pk
        assert OcspAnswer.objects.get(certificate=old).status_seq == old.status_seq
        assert bytes(OcspAnswer.objects.get(certificate=new).by_sha256)
    assert verify_trail(world).breaks == ()


# ------------------------------------------------------------------------------------------ one is spoiled


def _update(model: Any, **values: Any) -> Callable[[str], object]:
    return lambda order: model.objects.filter(**{_KEYS[model]: order}).update(**values)


_KEYS = {Order: "id", WalletKey: "id"}
#: What spoils an order, and before which call of the signer ("" before it is carried out at all).
POISONS: dict[str, tuple[str, Callable[[str], object]]] = {
    "profile": ("", _update(Order, profile="root")),
    "no such profile": ("", _update(Order, profile="nothing")),
    "body": ("", _update(Order, body=b"\x01damaged")),
    "key gone before": ("", _update(WalletKey, state="retired")),
    "key gone meanwhile": ("sign_certificates", _update(WalletKey, state="retired")),
    "person changed meanwhile": ("sign_ocsp_many", _update(WalletKey, customer_id="somebody")),
    "ended meanwhile": ("sign_ocsp_many", _update(Order, state="failed")),
}


@pytest.mark.parametrize("poison", list(POISONS))
def test_one_spoiled_order_at_any_place_takes_nobody_with_it(world: World, poison: str) -> None:
    """Of five orders one is spoiled before or between the calls of the signer: it fails, four are done."""
    call, spoil = POISONS[poison]
    orders = place_many(world, 5)
    bad = orders[len(poison) % 5]
    signer = FaultySigner(world.signer)
    spoiled: list[str] = []

    def watch(verb: str, _values: dict[str, Any]) -> None:
        if verb == call and not spoiled:
            spoiled.append(verb)
            spoil(bad)

    signer.watch = watch
    if not call:
        spoil(bad)
    carry(replace(world, signer=signer), orders)
    assert states() == {order: "failed" if order == bad else "done" for order in orders}
    assert Certificate.objects.filter(state="active", product="financial").count() == 4
    told = set(Notice.objects.filter(message_id="certificate_issued").values_list("customer_id", flat=True))
    assert len(told) == 4
    assert Event.objects.filter(type="order:done").count() == 4
    reconcile(acting=CLERK, world=world)
    assert Intent.objects.filter(state="open").count() == 0
    assert verify_trail(world).breaks == ()


@pytest.mark.parametrize("what", ["refused", "wrong"])
def test_one_signature_that_does_not_come_or_does_not_verify_takes_nobody_with_it(
    world: World, what: str
) -> None:
    """The signer has no answer, or a wrong one, for one of five: that order is not done, four are."""
    orders = place_many(world, 5)

    class Spoiler(FaultySigner):
        def sign_certificates(self, *, issuer: str, wanted: Any) -> Any:
            answers = list(super().sign_certificates(issuer=issuer, wanted=wanted))
            answers[2] = SignerUnavailableError("planned") if what == "refused" else answers[1]
            return tuple(answers)

    carry(replace(world, signer=Spoiler(world.signer)), orders)
    wrong = "placed" if what == "refused" else "failed"
    assert sorted(states().values()) == sorted([wrong, *["done"] * 4])
    reconcile(acting=CLERK, world=world)
    assert sorted(states().values()) == sorted(["done" if what == "refused" else "failed", *["done"] * 4])
    assert Certificate.objects.filter(state="active", product="financial").count() == (
        5 if what == "refused" else 4
    )
    assert verify_trail(world).breaks == ()


@pytest.mark.parametrize("moment", ["before", "after", "late"])
@pytest.mark.parametrize("call", [0, 1], ids=["certificates", "answers"])
def test_a_signer_that_fails_leaves_a_batch_to_be_taken_up_again(
    world: World, call: int, moment: str
) -> None:
    """Failing before, after or behind its time-out, the signer loses no order and signs none twice."""
    orders = place_many(world, 5)
    signer = FaultySigner(world.signer)
    signer.fail_at(call, moment)
    carry(replace(world, signer=signer), orders)
    assert set(states().values()) == ({"placed"} if call == 0 else {"done"})
    signer.catch_up()
    carry(world, orders)
    assert set(states().values()) == {"done"}
    assert Certificate.objects.filter(state="active", product="financial").count() == 5
    assert verify_trail(world).breaks == ()


# ------------------------------------------------------------------------------------------ threads


@pytest.fixture
def together(world: World) -> Iterator[Callable[[list[str]], list[list[str]]]]:
    """Return a function that has orders carried out one by one, each in a thread of its own."""

    def one(order: str) -> list[str]:
        try:
            return carry(world, [order])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(24) as pool:
        yield lambda orders: list(pool.map(one, orders))


def test_orders_of_many_threads_are_gathered(
    world: World, together: Callable[[list[str]], list[list[str]]]
) -> None:
    """Twenty-four threads with an order each, behind one that is at work: every order done, in few calls."""
    orders = place_many(world, 24)
    before = world.signer.journal(limit=100_000)[-1].seq
    assert together(orders) == [[order] for order in orders]
    assert set(states().values()) == {"done"}
    verbs = [entry.verb for entry in world.signer.journal(after=before, limit=1000)]
    assert verbs.count("sign_certificate") == 24
    assert verbs.count("sign_ocsp") < 24
    assert verify_chains(world.signer).ok


def test_the_same_order_of_many_threads_is_one(
    world: World, together: Callable[[list[str]], list[list[str]]]
) -> None:
    """One order brought by 24 threads at once is signed once and told once."""
    (order,) = place_many(world, 1)
    together([order] * 24)
    carry(world, [order])
    assert states() == {order: "done"}
    assert Certificate.objects.filter(product="financial").count() == 1
    assert Notice.objects.filter(message_id="certificate_issued").values(
        "channel", "key"
    ).distinct().count() == (Notice.objects.filter(message_id="certificate_issued").count())
    assert verify_trail(world).breaks == ()


def test_a_holder_somebody_else_is_at_is_waited_for_alone(world: World) -> None:
    """While another session has one holder's lock the others of the batch are done, and then that one."""
    orders = place_many(world, 3)
    person = Order.objects.get(id=orders[0]).customer_id
    held, seen = threading.Event(), []

    def hold() -> None:
        try:
            with holding("holder", f"{person}/financial"):
                held.set()
                deadline = threading.Event()
                while Order.objects.filter(state="done").count() < 2 and not deadline.wait(0.02):
                    pass
                seen.append(states()[orders[0]])
        finally:
            connections.close_all()

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(30)
    assert carry(world, orders) == orders
    other.join(30)
    assert seen == ["placed"]
    assert set(states().values()) == {"done"}
