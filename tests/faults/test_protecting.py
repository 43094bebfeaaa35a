"""What protects a customer works while the signer cannot be had: revoke, hold, halt."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.centres import discard, make_centre

from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.centres import Centre

pytestmark = [pytest.mark.live, pytest.mark.faults]


@pytest.fixture
def without_signer() -> Iterator[Centre]:
    """Return a stopped centre with one certificate of Hong, whose signer cannot start."""
    centre = make_centre(run_once="1")
    try:
        command = [sys.executable, "-m", "dojang.cli", "up"]
        subprocess.run(command, capture_output=True, timeout=180, check=True, env=centre.env)
        (centre.home / "secrets" / "signer.pass").rename(centre.home / "kept")
        yield centre
    finally:
        discard(centre)


def _told(centre: Centre, *words: str) -> Any:
    done = centre.dojang(*words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_protecting_needs_no_signer(without_signer: Centre) -> None:
    """Holding, revoking and halting work while the signer does not start; it obeys the halt later."""
    centre, hong = without_signer, BY_HANDLE["hong"].id
    [listed] = _told(centre, "cert", "list", hong)
    assert listed["state"] == "active"
    assert centre.dojang("ca", "show").returncode == 0
    held = _told(centre, "customer", "hold", hong)
    assert held["certificates"] == 1
    assert _told(centre, "cert", "show", listed["serial"])["reason"] == "certificateHold"
    revoked = _told(centre, "cert", "revoke", listed["serial"], "--reason", "keyCompromise")
    assert (revoked["state"], revoked["reason"]) == ("revoked", "keyCompromise")
    assert _told(centre, "signer", "halt", "--reason", "a theft") == {"halted": True, "ordered": True}
    assert centre.dojang("signer", "status").returncode == 1
    (centre.home / "kept").rename(centre.home / "secrets" / "signer.pass")
    assert _told(centre, "signer", "status") == {"halted": True}
    assert not (centre.home / "signer" / "halt").exists()
    assert _told(centre, "signer", "resume", "--reason", "over") == {"halted": False}
    assert _told(centre, "signer", "status") == {"halted": False}
    assert _told(centre, "audit", "verify")["ok"]
