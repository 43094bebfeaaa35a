"""A running bank's counts of wrong PINs, patterns and answers are carried over into the guard's counters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from tests.counting import errors_of

from dojang.guard.models import Challenge, FactorCounter, FactorLock
from dojang.wallet.devices.models import Biometric, DeviceKey
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [("wallet", "0004_biometric")]
NOW = datetime(2031, 5, 6, 3, 0, tzinfo=UTC)
KEY = {"product": "bank", "run_id": "r", "public_key": b"", "vid": b"", "created_at": NOW}


@pytest.fixture
def former() -> Iterator[Any]:
    """Return the models of the release before, on its own tables; afterwards everything is today's again."""
    executor = MigrationExecutor(connection)
    executor.migrate(BEFORE)
    yield executor.loader.project_state(BEFORE).apps
    migrate()


def migrate() -> None:
    """Bring the database to today's shape."""
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def fill(former: Any) -> None:
    """Write rows as the release before left them: used and unused, locked and retired."""
    keys, devices = former.get_model("wallet", "WalletKey"), former.get_model("wallet", "DeviceKey")
    for name, state, errors, locked_at in (
        ("three", "live", 3, None), ("none", "live", 0, None), ("locked", "locked", 5, NOW),
        ("retired", "retired", 4, None),
    ):  # fmt: skip
        told = {"state": state, "errors": errors, "locked_at": locked_at, "sealed": b""}
        keys.objects.create(id=name, customer_id=name, **told, **KEY)
    device: Any = None
    for name, state, errors in (("pattern", "live", 2), ("lost", "locked", 5)):
        told = {"state": state, "errors": errors, "device_name": name, "algorithm": "ec-p256"}
        device = devices.objects.create(id=name, customer_id=name, fingerprint=name.encode(), **told, **KEY)
    fingers = former.get_model("wallet", "Biometric").objects
    fingers.create(id="on", device_key=device, credential_id=b"1", public_key=b"", errors=4, created_at=NOW)
    ended = {"ended_at": NOW, "end_reason": "replaced"}
    fingers.create(
        id="off", device_key=device, credential_id=b"2", public_key=b"", errors=3, created_at=NOW, **ended
    )
    former.get_model("wallet", "Challenge").objects.create(
        id="c", key="k", device_key=device, purpose="p", challenge=b"x" * 32, created_at=NOW, expires_at=NOW
    )


def test_counts_locks_and_challenges_are_carried_over(former: Any) -> None:
    """A key at three wrong PINs stays at three, a locked one stays locked; what is over is left behind."""
    fill(former)
    migrate()
    counted = {row.id: errors_of(row) for row in WalletKey.objects.all()}
    assert counted == {"three": 3, "none": 0, "locked": 5, "retired": 0}
    assert {row.id: errors_of(row) for row in DeviceKey.objects.all()} == {"pattern": 2, "lost": 5}
    assert {row.id: errors_of(row) for row in Biometric.objects.all()} == {"on": 4, "off": 0}
    assert FactorCounter.objects.count() == 5
    locks = FactorLock.objects.order_by("counter__factor")
    assert [(lock.counter.factor, lock.opens_at) for lock in locks] == [
        ("device_pattern", None),
        ("wallet_pin", None),
    ]
    assert WalletKey.objects.get(id="locked").state == "locked"
    (challenge,) = Challenge.objects.all()
    assert (challenge.id, challenge.subject, bytes(challenge.body)) == ("c", "lost", b"x" * 32)
