"""The one door: an order without a journey, refused with nothing changed, carried out in batches."""

from __future__ import annotations

import secrets
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connections, transaction
from tests.journeys.app.walker import with_policy

from dojang.audit.actions import record_event
from dojang.audit.models import Event
from dojang.audit.queries import verify_chains
from dojang.ca.actions import holding_order
from dojang.ca.errors import OrderConflictError
from dojang.ca.models import Certificate, Intent
from dojang.ca.queries import active_certificate
from dojang.config.staging import stage_certificates
from dojang.issuing.actions import (
    carry_out,
    confirm_delivery,
    offer_key,
    place_order,
    reconcile,
    refuse_delivery,
)
from dojang.issuing.errors import (
    EvidenceRefusedError,
    OrderUnderWayError,
    ReissueLimitError,
)
from dojang.issuing.models import BroughtKey, Order, UsedEvidence
from dojang.issuing.queries import delivery_of, find_order
from dojang.issuing.values import Evidence, OfferedKey, OrderRequest
from dojang.journeys.delivery import signed_bytes
from dojang.notices.models import Notice
from dojang.ports.acting import Acting
from dojang.sandbox.cast import BY_HANDLE
from dojang.wallet.devices.errors import DeviceKeyUsedError
from dojang.wallet.keys.actions import prepare_key
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from dojang.issuing.queries import OrderView
    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)

CLERK = Acting(kind="operator", id="clerk-3", channel="branch")
PINS = ("259173", "840271", "591362", "372958")


def evidence(world: World, handle: str, name: str, **changes: Any) -> Evidence:
    """Prove something of a person at the counter."""
    now = world.clock.now()
    given = {
        "id": f"counter:{handle}:{name}",
        "name": "seen",
        "purpose": "counter",
        "customer_id": BY_HANDLE[handle].id,
        "at": now,
        "expires": now + timedelta(hours=1),
    }
    return Evidence(**{**given, **changes})


def request(world: World, handle: str, name: str = "one", **changes: Any) -> OrderRequest:
    """Ask for a financial certificate at the counter, its key made in the signer."""
    order_id, person = secrets.token_hex(16), BY_HANDLE[handle]
    if "key_id" not in changes:
        pin = PINS[WalletKey.objects.filter(customer_id=person.id).count() % len(PINS)]
        prepare_key(
            key_id=order_id, customer_id=person.id, product="financial", run_id=order_id, pin=pin,
            acting=CLERK, world=world,
        )  # fmt: skip
    given = {
        "id": order_id,
        "product": "financial",
        "profile": "financial",
        "customer_id": person.id,
        "origin": "counter",
        "custody": "wallet",
        "key_id": order_id,
        "evidence": (evidence(world, handle, name),),
    }
    return OrderRequest(**{**given, **changes})


def place(world: World, asked: OrderRequest) -> OrderView:
    """Place an order in a transaction of its own."""
    with transaction.atomic():
        return place_order(asked, acting=CLERK, world=world)


def carry(world: World, *order_ids: str) -> list[str]:
    """Have orders carried out."""
    return carry_out(order_ids, acting=CLERK, world=world)


def everything() -> tuple[int, ...]:
    """Count what an order could have left behind."""
    return tuple(model.objects.count() for model in (Order, UsedEvidence, Intent, Certificate, Notice, Event))


def test_an_order_needs_no_journey(world: World) -> None:
    """Placed at the counter and carried out: one active certificate, its evidence spent, its holder told."""
    placed = place(world, request(world, "hong"))
    assert placed.state == "placed"
    assert carry(world, placed.id) == [placed.id]
    order = Order.objects.get()
    assert (order.state, order.origin, order.tidied) == ("done", "counter", True)
    held = active_certificate(BY_HANDLE["hong"].id, "financial")
    assert held is not None
    assert WalletKey.objects.get(state="live").certificate_id == held.id
    assert list(UsedEvidence.objects.values_list("id", "order_id")) == [("counter:hong:one", order.id)]
    told = Notice.objects.filter(message_id="certificate_issued").values_list("channel", flat=True)
    assert sorted(told) == ["mail", "push", "sms", "sms"]
    types = list(Event.objects.filter(subject=order.id).order_by("at").values_list("type", flat=True))
    assert types == ["order:placed", "order:done"]
    assert carry(world, placed.id) == [placed.id]
    assert Certificate.objects.filter(product="financial").count() == 1
    assert verify_chains(world.signer).ok


def test_a_second_order_takes_the_place_of_what_is_held(world: World) -> None:
    """The door itself sees that the person holds one: the old one ends superseded, the new one is active."""
    for name in ("one", "two"):
        carry(world, place(world, request(world, "hong", name)).id)
    rows = Certificate.objects.filter(product="financial").order_by("id")
    assert [row.state for row in rows] == ["revoked", "active"]
    assert list(Order.objects.order_by("placed_at").values_list("replaces", flat=True)) == ["", "superseded"]


def test_evidence_is_spent_once(world: World) -> None:
    """What one order rests on carries no other one; the refusal changes nothing, and its caller goes on."""
    carry(world, place(world, request(world, "hong")).id)
    again = request(world, "hong", "two", evidence=(evidence(world, "hong", "one"),))
    before = everything()
    with transaction.atomic():
        with pytest.raises(EvidenceRefusedError) as refusal:
            place_order(again, acting=CLERK, world=world)
        assert everything() == before
        record_event("counter:refused", acting=CLERK, subject="hong")
    assert refusal.value.data["problems"] == ["seen:used"]
    assert everything() == (*before[:-1], before[-1] + 1)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda _world: (), "evidence:missing"),
        (lambda world: (evidence(world, "hong", "one", customer_id=BY_HANDLE["han"].id),), "seen:foreign"),
        (
            lambda world: (evidence(world, "hong", "one", expires=world.clock.now() - timedelta(seconds=1)),),
            "seen:expired",
        ),
    ],
    ids=["missing", "foreign", "expired"],
)
def test_evidence_that_does_not_hold_is_refused(
    world: World, spoil: Callable[[World], tuple[Evidence, ...]], problem: str
) -> None:
    """Nothing, another person's and outdated evidence place no order."""
    asked = request(world, "hong", evidence=spoil(world))
    before = everything()
    with pytest.raises(EvidenceRefusedError) as refusal:
        place(world, asked)
    assert refusal.value.data["problems"] == [problem]
    assert everything() == before


def test_one_order_of_a_person_and_product_lives_at_a_time(world: World) -> None:
    """While one is on its way another is refused, its evidence unspent; afterwards it may be placed."""
    first = place(world, request(world, "hong"))
    second = request(world, "hong", "two")
    before = everything()
    with pytest.raises(OrderUnderWayError):
        place(world, second)
    assert everything() == before
    carry(world, first.id)
    assert place(world, second).state == "placed"


def test_the_limit_of_re_issues_holds_at_the_door(world: World) -> None:
    """Whoever orders: beyond the policy's number a day nothing is placed and nothing spent."""
    strict = with_policy(world, reissue={"per_day": 1})
    for name in ("one", "two"):
        carry(strict, place(strict, request(strict, "hong", name)).id)
    third = request(strict, "hong", "three")
    before = everything()
    with pytest.raises(ReissueLimitError):
        place(strict, third)
    assert everything() == before


def test_the_same_request_is_the_same_order(world: World) -> None:
    """A repeat, before or after the end, returns the order; the id never stands for another one."""
    asked = request(world, "hong")
    first = place(world, asked)
    assert place(world, asked) == first
    carry(world, first.id)
    assert place(world, asked).state == "done"
    with pytest.raises(OrderConflictError):
        place(world, replace(asked, evidence=(evidence(world, "hong", "other"),)))
    assert (Order.objects.count(), UsedEvidence.objects.count()) == (1, 1)


@pytest.mark.parametrize("poison", ["key", "body", "evidence"])
def test_a_poisoned_order_is_taken_out_of_its_batch(world: World, poison: str) -> None:
    """Three orders, one of them damaged: it fails and its holder is told, the other two are carried out."""
    orders = [place(world, request(world, handle)).id for handle in ("hong", "han", "lee")]
    bad = orders[1]
    if poison == "key":
        Order.objects.filter(id=bad).update(key_id="nobody's")
    elif poison == "body":
        Order.objects.filter(id=bad).update(body=b"\x01damaged")
    else:
        UsedEvidence.objects.filter(order_id=bad).update(customer_id=BY_HANDLE["lee"].id)
    assert carry(world, *orders) == orders
    states = dict(Order.objects.values_list("id", "state"))
    assert states == {orders[0]: "done", bad: "failed", orders[2]: "done"}
    active = Certificate.objects.filter(product="financial").values_list("customer_id", "state")
    assert set(active) == {(BY_HANDLE["hong"].id, "active"), (BY_HANDLE["lee"].id, "active")}
    assert set(Notice.objects.filter(message_id="issue_failed").values_list("customer_id", flat=True)) == {
        BY_HANDLE["han"].id
    }
    assert WalletKey.objects.get(customer_id=BY_HANDLE["han"].id).state == "retired"
    assert reconcile(acting=CLERK, world=world).issuing == 0


def test_what_another_session_is_at_is_left_to_it(world: World) -> None:
    """An order whose lock is held elsewhere is not touched, and the others of the batch are."""
    orders = [place(world, request(world, handle)).id for handle in ("hong", "han")]
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with holding_order(orders[0]):
            held.set()
            done.wait(30)
        connections.close_all()

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(30)
    assert carry(world, *orders) == [orders[1]]
    done.set()
    other.join(30)
    assert [find_order(order_id).state for order_id in orders] == ["placed", "done"]  # type: ignore[union-attr]
    assert carry(world, *orders) == orders
    assert {row.state for row in Order.objects.all()} == {"done"}


# ------------------------------------------------------------------------------------------ a brought key


def brought(world: World, name: str, key: ec.EllipticCurvePrivateKey) -> OrderRequest:
    """Bring a certification request for Hong's bank certificate; return the order to be placed."""
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    order_id = secrets.token_hex(16)
    offered = OfferedKey(
        key_id=order_id,
        order_id=order_id,
        custody="csr",
        customer_id=BY_HANDLE["hong"].id,
        product="bank",
        request=made.public_bytes(serialization.Encoding.DER),
    )
    with transaction.atomic():
        offer_key(offered, acting=CLERK, world=world)
    return request(
        world, "hong", name,
        id=order_id, product="bank", profile="bank", custody="csr", key_id=order_id,
    )  # fmt: skip


def test_a_key_that_was_brought_is_certified_once_its_holder_has_it(world: World) -> None:
    """Only the brought key's signature over the challenge makes it active; the key is never taken again."""
    key = ec.generate_private_key(ec.SECP256R1())
    order_id = place(world, brought(world, "one", key)).id
    carry(world, order_id)
    order = find_order(order_id)
    assert order is not None
    delivery = delivery_of(order)
    assert x509.load_der_x509_certificate(delivery.certificate).public_key() == key.public_key()

    def confirm(signature: bytes) -> bool:
        return confirm_delivery(order_id, signature, acting=CLERK, world=world)

    assert not confirm(key.sign(b"something else", ec.ECDSA(hashes.SHA256())))
    carry(world, order_id)
    assert Certificate.objects.get(product="bank").state == "issued"
    assert confirm(key.sign(signed_bytes(delivery.challenge), ec.ECDSA(hashes.SHA256())))
    carry(world, order_id)
    assert Certificate.objects.get(product="bank").state == "active"
    assert BroughtKey.objects.get().state == "live"
    with pytest.raises(DeviceKeyUsedError):
        brought(world, "two", key)
    assert BroughtKey.objects.count() == 1


def test_a_brought_key_that_is_not_stored_leaves_nothing_in_use(world: World) -> None:
    """Said to be lost on the way, its certificate is revoked; the key is never certified again."""
    key = ec.generate_private_key(ec.SECP256R1())
    order_id = place(world, brought(world, "one", key)).id
    carry(world, order_id)
    refuse_delivery(order_id, acting=CLERK, world=world)
    assert (Order.objects.get().state, Order.objects.get().end_reason) == ("failed", "storage_failed")
    assert Certificate.objects.get(product="bank").state == "revoked"
    with pytest.raises(DeviceKeyUsedError):
        brought(world, "two", key)


# ------------------------------------------------------------------------------------------ staging


def test_the_cast_is_staged_through_the_door(world: World) -> None:
    """The certificate about to run out is an order like any other, made once."""
    assert stage_certificates(acting=CLERK, world=world)
    assert not stage_certificates(acting=CLERK, world=world)
    order = Order.objects.get()
    assert (order.origin, order.state) == ("staging", "done")
    held = active_certificate(order.customer_id, "financial")
    assert held is not None
    assert held.not_after == order.not_after
