"""Something is lost, slow or full: the answer says so, nothing has changed, and afterwards it goes on."""

from __future__ import annotations

import os
import resource
import secrets
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.centres import wait_until
from tests.journeys.app.walker import with_parts

from dojang.adapters.signer_client import SocketSigner
from dojang.ca.queries import active_certificate, verify_trail
from dojang.config.postgres import server_account
from dojang.guard.models import FactorCounter
from dojang.ports.signer_errors import SignerError, SignerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.country import Country, Customer

pytestmark = pytest.mark.faults

#: What a refusal must leave as it was.
_STATE = (
    "SELECT string_agg(serial || state, ',' ORDER BY id) FROM ca_certificate",
    "SELECT string_agg(serial || state, ',' ORDER BY id) FROM ca_intent",
    "SELECT string_agg(id || state, ',' ORDER BY id) FROM wallet_walletkey",
)
_SMALL = 4096  #: a file may not grow beyond this while the disk is "full"


def state_of(country: Country) -> list[Any]:
    """Read what certificates, intents, keys and the signer's signatures there are."""
    return [*(country.ask(query) for query in _STATE), country.signatures()]


def holder_at_the_last_step(country: Country) -> Customer:
    """Return somebody who holds a certificate and is about to press the last button of a re-issue."""
    person = country.people[0]
    assert country.customer(person).finish().state == "done"
    walk = country.customer(person)
    walk.walk_to("confirm")
    return walk


def finished(country: Country, walk: Customer) -> None:
    """Assert that the run ended with one usable certificate, and that all books agree."""
    country.settle(walk)
    assert walk.page.state == "done", (walk.page.state, walk.codes)
    (view,) = country.usable(walk.person)
    assert walk.page.result is not None
    assert walk.page.result["serial"] == view.serial
    country.sign(view)
    country.reconcile()
    assert verify_trail(country.world).breaks == ()


def test_a_lost_signer(country: Country) -> None:
    """Without a signer a PIN costs no try and the last step waits; what was held stays; then it ends well."""
    walk = holder_at_the_last_step(country)
    other = country.customer(country.people[1])
    other.walk_to("pin")
    before = state_of(country)
    hasty = SocketSigner(country.home.signer_socket, timeout=2.0, patience=0.2)
    patient, country.world = country.world, with_parts(country.world, signer=hasty)
    walk.world = other.world = country.world
    country.signer.kill()
    other.step()
    assert (other.page.step, other.codes) == ("pin", ["signer_unavailable"])
    holding = active_certificate(walk.person.id, "financial")
    assert holding is not None
    with pytest.raises(SignerUnavailableError):
        country.sign(holding)
    assert state_of(country) == before
    walk.submit()
    assert walk.page.state == "issuing"
    assert active_certificate(walk.person.id, "financial") == holding
    assert (country.signatures(), country.reconcile().authority) == (before[-1], None)
    country.restart_signer()
    country.world = walk.world = other.world = patient
    hasty.close()
    finished(country, walk)
    other.refresh()
    assert other.finish().state == "done"
    assert FactorCounter.objects.get(factor="pins", customer_id=other.person.id).errors == 1


def test_a_slow_signer(country: Country) -> None:
    """A signer that answers too late leaves the run waiting; however often it is asked, it signs once."""
    walk = holder_at_the_last_step(country)
    signatures = country.signatures()
    assert country.signer.process is not None
    hasty = SocketSigner(country.home.signer_socket, timeout=0.5, patience=0.2)
    walk.world = with_parts(country.world, signer=hasty)
    country.signer.process.send_signal(signal.SIGSTOP)
    try:
        for _ in range(3):
            walk.submit()
            assert walk.page.state == "issuing"
        assert active_certificate(walk.person.id, "financial") is not None
    finally:
        country.signer.process.send_signal(signal.SIGCONT)
    walk.world = country.world
    finished(country, walk)
    hasty.close()
    assert country.signatures() == signatures + 1


@pytest.mark.parametrize("moment", ["issuing_order", "ca_intent", "ca_certificate"])
def test_a_lost_database_connection(country: Country, moment: str) -> None:
    """A session cut off under the last step ends that request; whoever opens the page finishes the run."""
    walk = holder_at_the_last_step(country)
    signs = {
        "issuing_order": "SELECT 1 FROM issuing_order WHERE id = %s AND state = 'placed'",
        "ca_intent": "SELECT 1 FROM ca_intent WHERE order_key = %s",
        "ca_certificate": "SELECT 1 FROM ca_certificate c JOIN ca_intent i ON i.id = c.intent_id"
        " WHERE i.order_key = %s",
    }
    process = country.fork()
    process.begin(walk.order())
    while not process.ended_within(0.0001) and country.ask(signs[moment], walk.run) is None:
        pass
    country.ask("SELECT pg_terminate_backend(%s)", process.backend)
    answer = process.answer()
    # Cut between two statements, the request may have got through after all.
    assert answer.get("error") in {None, "OperationalError", "audit_unwritten"}, answer
    assert len(country.usable(walk.person)) == 1
    finished(country, walk)


def test_a_full_disk_under_the_signer(country: Country) -> None:
    """A signer that cannot write its journal signs nothing and says so; with room again the run ends."""
    walk = holder_at_the_last_step(country)
    holding = active_certificate(walk.person.id, "financial")
    assert holding is not None
    before = state_of(country)
    assert country.signer.process is not None
    with_full_disk(country.signer.process.pid, lambda: refused(country, walk, before))
    assert active_certificate(walk.person.id, "financial") == holding
    country.sign(holding)
    finished(country, walk)
    assert country.signatures() == before[-1] + 1


def refused(country: Country, walk: Customer, before: list[Any]) -> None:
    """Meet the full disk: a wallet signature and the last step."""
    holding = active_certificate(walk.person.id, "financial")
    assert holding is not None
    with pytest.raises(SignerError):
        country.sign(holding)
    assert state_of(country) == before
    walk.submit()
    assert walk.page.state == "issuing"
    assert country.signatures() == before[-1]


def test_a_full_disk_under_the_database(country: Country) -> None:
    """A database session that cannot write its log brings the server down; it recovers, and the run ends."""
    walk = holder_at_the_last_step(country)
    before = state_of(country)
    process = country.fork()
    # Only its own user may limit another user's process.
    subprocess.run(
        ["prlimit", f"--pid={process.backend}", f"--fsize={_SMALL}:unlimited"],
        check=True, timeout=20, **server_account().popen(),
    )  # fmt: skip
    process.begin(walk.order())
    answer = process.answer()
    assert "error" in answer, answer
    country.reconnect()
    assert state_of(country) == before
    walk.refresh()
    assert (walk.page.state, walk.page.step) == ("open", "confirm")
    walk.submit()
    finished(country, walk)


def with_full_disk(pid: int, meanwhile: Callable[[], None]) -> None:
    """Let a process write nothing beyond the first few kilobytes of any file, for a while."""
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (_SMALL, limits[1]))
    try:
        meanwhile()
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_really_full_disk(country: Country) -> None:
    """On a disk that is full the signer refuses and changes nothing; it goes on when there is room."""
    country.signer.stop()
    store = country.home.signer
    kept = store.with_name("signer-kept")
    store.rename(kept)
    store.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", str(store)], check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        shutil.copytree(kept, store, dirs_exist_ok=True)
        country.signer.start()
        walk = holder_at_the_last_step(country)
        before = state_of(country)
        filler = store / "filler"
        with filler.open("wb", buffering=0) as file:
            fill(file)
        refused(country, walk, before)
        filler.unlink()
        finished(country, walk)
        assert country.signatures() == before[-1] + 1
        country.signer.kill()
        country.restart_signer()
        assert verify_trail(country.world).ok
    finally:
        country.signer.stop()
        wait_until(lambda: unmounted(store), "the small disk to go")


def fill(file: Any) -> None:
    """Write until there is no room."""
    for size in (65_536, 4096):
        while True:
            try:
                file.write(secrets.token_bytes(size))
            except OSError:
                break


def unmounted(place: Any) -> bool:
    """Take the small disk away; whether that worked."""
    return subprocess.run(["umount", str(place)], check=False, capture_output=True).returncode == 0
