"""From an order to the exact bytes that are going to be signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dojang.ca import authorities
from dojang.pki.build import IdentifyData, build_tbs, end_of_day, new_serial
from dojang.pki.day import day_of, days_between, whole_second
from dojang.pki.errors import ProfileError
from dojang.pki.names import subscriber_common_name, subscriber_name
from dojang.pki.profiles import PROFILES
from dojang.products import PRODUCTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dojang.ca.authorities import Issuer
    from dojang.ca.orders import Wanted
    from dojang.pki.rules import Profile
    from dojang.ports.world import World

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


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a new certificate takes after the holder's earlier ones of its product."""

    not_after: datetime | None  #: of the one in use or on hold, if there is one
    number: str  #: in the common name of the newest; empty when there is none
    running: int  #: for a new number, when there is none


_EARLIER: Final = """
    SELECT standing.not_after, coalesce(numbered.number, ''),
           CASE WHEN numbered.number IS NULL THEN nextval('ca_subscriber_number') ELSE 0 END
    FROM unnest(%b::text[], %b::text[]) WITH ORDINALITY AS w (customer_id, product, place)
    LEFT JOIN LATERAL (
        SELECT c.not_after FROM ca_certificate c
        WHERE c.customer_id = w.customer_id AND c.product = w.product AND c.state IN ('active', 'held')
        ORDER BY c.issued_at DESC, c.id DESC LIMIT 1
    ) AS standing ON true
    LEFT JOIN LATERAL (
        SELECT i.number FROM ca_certificate c JOIN ca_intent i ON i.id = c.intent_id
        WHERE c.customer_id = w.customer_id AND c.product = w.product AND i.number <> ''
        ORDER BY c.issued_at DESC, c.id DESC LIMIT 1
    ) AS numbered ON true
    ORDER BY w.place
"""


def ask_earlier(cursor: Any, orders: Sequence[Wanted]) -> None:
    """Ask for what `read_earlier` reads: one `Earlier` for each order, in order."""
    cursor.execute(_EARLIER, [[order.customer_id for order in orders], [order.product for order in orders]])


def read_earlier(cursor: Any) -> list[Earlier]:
    """Read the answer to `ask_earlier`."""
    return [Earlier(*row) for row in cursor.fetchall()]


def build_body(order: Wanted, issuer: Issuer, earlier: Earlier, *, world: World) -> CertificateBody:
    """Build the body of an order's certificate. Raises `ProfileError` for what its profile does not allow."""
    profile = PROFILES.get(order.profile)
    if profile is None or profile.role != "subscriber":
        raise ProfileError("not a profile for customers", profile=order.profile)
    not_before = whole_second(world.clock.now())
    decided = order.not_after or _decide_end(order, earlier.not_after, not_before, world=world)
    not_after = min(decided, issuer.not_after)
    serial = new_serial()
    shard = serial % world.policy.status.crl_shards
    number = earlier.number or _new_number(earlier.running, not_before, world=world)
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


def _decide_end(order: Wanted, before: datetime | None, start: datetime, *, world: World) -> datetime:
    """Choose notAfter: a re-issue keeps the old end, unless that is so near that it counts as a renewal."""
    policy = world.policy
    product, keeps = PRODUCTS[order.product], order.replaces is not None and policy.reissue.keep_not_after
    if keeps and before is not None and days_between(start, before) > product.window_under(policy):
        return before
    return end_of_day(start, product.life_under(policy))


def _new_number(running: int, start: datetime, *, world: World) -> str:
    """Compose the number after the name in the common name: bank, kind of holder, day, running number.

    It is the holder's, not the certificate's: a re-issue of a product keeps it, and so the subject.
    """
    day = day_of(start).strftime("%Y%m%d")
    return f"{world.policy.bank.institution_code}{_PERSON}{day}{running:09d}"
