"""From an order to the exact bytes that are going to be signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db import connection

from dojang.ca import authorities
from dojang.ca.models import Certificate
from dojang.pki.build import IdentifyData, build_tbs, end_of_day, new_serial
from dojang.pki.day import day_of, days_between, whole_second
from dojang.pki.errors import ProfileError
from dojang.pki.names import subscriber_common_name, subscriber_name
from dojang.pki.profiles import PROFILES
from dojang.products import PRODUCTS

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ca.authorities import Issuer
    from dojang.ca.orders import Wanted
    from dojang.pki.rules import Profile
    from dojang.ports.world import World

_STANDING: Final = {Certificate.State.ACTIVE, Certificate.State.HELD}
_PERSON = "1"  #: kind of holder, one digit in the number of the common name


@dataclass(frozen=True, slots=True)
class CertificateBody:
    """A TBSCertificate ready to be linted and stored, and what the row needs to know of it."""

    profile: Profile
    issuer: Issuer
    serial: int
    shard: int
    number: str  #: in the common name
    tbs: bytes
    not_before: datetime
    not_after: datetime


def build_body(order: Wanted, issuer: Issuer, *, world: World) -> CertificateBody:
    """Build the body of an order's certificate. Raises `ProfileError` for what its profile does not allow."""
    profile = PROFILES.get(order.profile)
    if profile is None or profile.role != "subscriber":
        raise ProfileError("not a profile for customers", profile=order.profile)
    earlier = _earlier(order)
    before = next((one.not_after for one in earlier if one.state in _STANDING), None)
    not_before = whole_second(world.clock.now())
    not_after = min(order.not_after or _decide_end(order, before, not_before, world=world), issuer.not_after)
    serial = new_serial()
    shard = serial % world.policy.status.crl_shards
    number = next((one.number for one in earlier if one.number), "") or _new_number(not_before, world=world)
    subject = subscriber_name(
        organization=issuer.name.get("O")[0],
        units=PRODUCTS[order.product].units,
        common_name=subscriber_common_name(order.name, number),
    )
    tbs = build_tbs(
        profile,
        issuer_certificate=issuer.certificate,
        issuer_algorithm=issuer.algorithm,
        subject=subject,
        public_key=order.public_key,
        serial=serial,
        not_before=not_before,
        not_after=not_after,
        urls=authorities.urls_for(world.policy, issuer.label, shard),
        identify=IdentifyData(order.name, order.vid) if order.vid is not None else None,
        policy_arc=world.policy.bank.policy_arc,
    )
    return CertificateBody(profile, issuer, serial, shard, number, tbs, not_before, not_after)


class _Earlier(NamedTuple):
    """An earlier certificate of the holder and product, as far as a new one takes after it."""

    state: str
    not_after: datetime
    number: str


def _earlier(order: Wanted) -> list[_Earlier]:
    """Read the holder's certificates of this product, newest first."""
    rows = Certificate.objects.filter(customer_id=order.customer_id, product=order.product)
    values = rows.order_by("-issued_at", "-id").values_list("state", "not_after", "intent__number")
    return [_Earlier(*value) for value in values]


def _decide_end(order: Wanted, before: datetime | None, start: datetime, *, world: World) -> datetime:
    """Choose notAfter: a re-issue keeps the old end, unless that is so near that it counts as a renewal."""
    policy = world.policy
    product, keeps = PRODUCTS[order.product], order.replaces is not None and policy.reissue.keep_not_after
    if keeps and before is not None and days_between(start, before) > product.window_under(policy):
        return before
    return end_of_day(start, product.life_under(policy))


def _new_number(start: datetime, *, world: World) -> str:
    """Choose the number after the name in the common name: bank, kind of holder, day, running number.

    It is the holder's, not the certificate's: a re-issue of a product keeps it, and so the subject.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('ca_subscriber_number')")
        running = cursor.fetchone()[0]
    day = day_of(start).strftime("%Y%m%d")
    return f"{world.policy.bank.institution_code}{_PERSON}{day}{running:09d}"
