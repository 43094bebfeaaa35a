"""Where today's code has what the upgrade test asks of a bank. When something moves, this file changes alone.

The walks themselves are the ones all journey tests use: who answers which step is written there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.authenticators import Keeper
from tests.centres import SignerProcess, carry_out
from tests.journeys.app.device import AppWalk, Telephone
from tests.journeys.app.holder import Holder
from tests.journeys.app.walker import with_parts

from dojang.account.browsers.queries import browsers_of
from dojang.ca.queries import active_certificate, certificates_of, verify_trail
from dojang.config.home import Home
from dojang.config.options import load_options
from dojang.config.wiring import build_world, close_world, set_world
from dojang.guard.counters import locked_factors, tries_left
from dojang.notices.models import Notice
from dojang.notices.reading import letters_of
from dojang.pki.errors import DojangError
from dojang.ports.acting import Acting
from dojang.ra.actions import open_page, session_of, unlock_factor
from dojang.ra.actions.handoff import accept_handoff
from dojang.sandbox.cast import carrier_of, find_person, gender_of
from dojang.sandbox.drawer import Drawers
from dojang.va.app import make_app
from dojang.wallet.devices.actions.approvals import answer_approval, approvals_for, begin_answer
from dojang.wallet.devices.actions.parcels import fetch_parcel
from dojang.wallet.devices.actions.patterns import begin_challenge, verify_challenge
from dojang.wallet.devices.queries import devices_of
from dojang.wallet.keys.actions import sign_with_pin
from dojang.wallet.keys.queries import keys_of, usable_key
from dojang.wallet.uses.queries import uses_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dojang.ports.world import World
    from dojang.va.app import StatusApp

__all__ = [
    "Acting",
    "AppWalk",
    "DojangError",
    "Holder",
    "Home",
    "Keeper",
    "SignerProcess",
    "Telephone",
    "accept_handoff",
    "active_certificate",
    "answer_approval",
    "approvals_for",
    "begin_answer",
    "begin_challenge",
    "carrier_of",
    "carry_out",
    "certificates_of",
    "close_world",
    "fetch_parcel",
    "find_person",
    "gender_of",
    "open_page",
    "session_of",
    "set_world",
    "sign_with_pin",
    "unlock_factor",
    "usable_key",
    "verify_challenge",
    "verify_trail",
    "with_parts",
]

#: Where an old table's rows are now, if its name ends in another word or it stands on without them.
TABLES: Final[dict[str, str]] = {}
#: Rows that are no bank's data: bookkeeping that migrating itself changes (jobs are looked at by themselves).
BOOKKEEPING: Final = ("django_migrations", "django_content_type")


def world_of(home: Path, dsn: str, **parts: Any) -> World:
    """Return the World over a data folder and a database."""
    return with_parts(build_world(load_options(home=home, database_url=dsn)), **parts)


def status_of(world: World, dsn: str) -> StatusApp:
    """Return the status service over a database, with a World's signer and clock."""
    return make_app(dsn, world.signer, world.clock, connections=2)


def opened_with(secrets: dict[str, str]) -> dict[str, Any]:
    """Return Django's settings under which what was sealed with these secrets opens."""
    return {
        "SECRET_KEY": secrets["django.key"],
        "DOJANG_FIELD_KEY": bytes.fromhex(secrets["field.key"]),
        "DOJANG_NUMBERS_KEY": bytes.fromhex(secrets["numbers.key"]),
        "ALLOWED_HOSTS": [*settings.ALLOWED_HOSTS, "localhost"],
    }


def queued() -> list[ProcrastinateJob]:
    """Return every job that waits for a worker, the oldest first."""
    return list(ProcrastinateJob.objects.filter(status="todo").order_by("id"))


def told(customer_id: str, message_id: str) -> int:
    """Count the notices of one kind to a customer."""
    return Notice.objects.filter(customer_id=customer_id, message_id=message_id).count()


def standing(customer_id: str, *, factors: Iterable[str], world: World) -> dict[str, Any]:
    """Return what the bank says of a customer: counters, letters (opened), uses, keys, devices."""
    now = world.clock.now()
    return {
        "locks": list(locked_factors(customer_id, now=now)),
        "left": tries_left(customer_id, factors, now=now),
        "letters": len(letters_of(customer_id, locale="ko", world=world)),
        "uses": [[use.purpose, use.outcome] for use in uses_of(customer_id)],
        "browsers": len(browsers_of(customer_id)),
        "keys": [[key.product, key.state] for key in keys_of(customer_id)],
        "devices": [[one.label, one.state, list(one.products)] for one in devices_of(customer_id)],
    }


def sent_notices(ids: Iterable[str]) -> int:
    """Count which of these notices were sent."""
    return Notice.objects.filter(id__in=list(ids), state="sent").count()


def drawer(corebank: Any, world: World, handle: str) -> Any:
    """Open what one member of the simulated country carries."""
    return Drawers(corebank.store, world.clock).open(handle)
