"""`kill -9` in the middle of everything: what was handed out is recorded, what was counted stays counted."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from dojang.adapters.signer_client import SocketSigner
from dojang.pki.build import new_serial
from dojang.ports.signer_errors import PinLockedError, PinWrongError, SignerError, SignerUnavailableError
from dojang.ports.signer_journal import broken_entries
from dojang.ports.signer_wire import socket_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.signer.processes import Bodies, SignerProcess

KILLS = int(os.environ.get("SIGNER_TEST_KILLS", "30"))
PIN, IDN = "135790", "9001011234567"

pytestmark = pytest.mark.faults


@dataclass
class Handed:
    """What clients were told, over all lives of the process."""

    certificates: dict[int, bytes] = field(default_factory=dict)
    authorisations: list[tuple[str, bytes]] = field(default_factory=list)
    keys: dict[str, bytes] = field(default_factory=dict)
    left: dict[str, list[int | None]] = field(default_factory=dict)
    asked: int = 0


def sign_certificates(client: SocketSigner, bodies: Bodies, handed: Handed) -> None:
    """Sign certificates until the signer is gone."""
    while True:
        serial = new_serial()
        tbs = bodies.subscriber(serial)
        handed.asked += 1
        handed.certificates[serial] = client.sign_certificate(issuer="issuing", profile="financial", tbs=tbs)


def use_wallet_keys(client: SocketSigner, _bodies: Bodies, handed: Handed) -> None:
    """Make customer keys and sign with each until the signer is gone."""
    while True:
        key_id = f"k-{os.urandom(8).hex()}"
        offer = client.create_wallet_key(key_id=key_id, customer_id="c", pin=PIN, idn=IDN, previous=None)
        handed.keys[key_id] = offer.sealed
        for number in range(5):
            digest = hashlib.sha256(bytes([number])).digest()
            client.sign_with_wallet(
                key_id=key_id, sealed=offer.sealed, pin=PIN, digest=digest, purpose="login:1"
            )
            handed.authorisations.append((key_id, digest))


def guess_pins(client: SocketSigner, _bodies: Bodies, handed: Handed) -> None:
    """Guess at the PIN of one key after another until the signer is gone; the keys outlive the kills."""
    while True:
        open_keys = [key_id for key_id, told in handed.left.items() if None not in told]
        if not open_keys:
            key_id = f"g-{os.urandom(8).hex()}"
            offer = client.create_wallet_key(key_id=key_id, customer_id="c", pin=PIN, idn=IDN, previous=None)
            handed.keys[key_id], handed.left[key_id] = offer.sealed, []
            open_keys = [key_id]
        key_id = open_keys[0]
        try:
            client.sign_with_wallet(
                key_id=key_id, sealed=handed.keys[key_id], pin="246801", digest=bytes(32), purpose="x"
            )
        except PinWrongError as wrong:
            handed.left[key_id].append(int(wrong.data["left"]))
        except PinLockedError:
            handed.left[key_id].append(None)


def one_life(process: SignerProcess, bodies: Bodies, handed: Handed, seconds: float) -> None:
    """Work from five sides, kill the process after `seconds` of it, start it again."""
    works: list[Callable[[SocketSigner, Bodies, Handed], None]] = [
        sign_certificates,
        sign_certificates,
        use_wallet_keys,
        use_wallet_keys,
        guess_pins,
    ]
    unexpected: list[BaseException] = []
    begun = threading.Barrier(len(works) + 1)

    def run(work: Callable[[SocketSigner, Bodies, Handed], None]) -> None:
        client = SocketSigner(socket_path(process.home), timeout=9.0, patience=0.05)
        begun.wait(timeout=20)
        try:
            work(client, bodies, handed)
        except SignerUnavailableError:
            pass
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            unexpected.append(error)
        finally:
            client.close()

    assert len(process.client.keys()) == 3  # it is up
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    begun.wait(timeout=20)
    threads[0].join(seconds)  # the moment of the kill is the point of this test
    process.end(signal.SIGKILL)
    for thread in threads:
        thread.join(timeout=30)
    process.start()
    assert unexpected == []


def test_invariant_2_what_was_handed_out_is_recorded_through_kill_9(
    running: SignerProcess, bodies: Bodies
) -> None:
    """After every kill: one unbroken chain, every signature handed out in it, no wrong PIN forgotten."""
    handed = Handed()
    chance = random.Random()  # noqa: S311 - moments, not secrets
    for _ in range(KILLS):
        one_life(running, bodies, handed, chance.uniform(0.0, 0.15))
    entries = running.client.journal(limit=10_000_000)
    assert broken_entries(entries) == ()

    signed = {
        int(entry.body["serial"], 16): entry.body["signature"]
        for entry in entries
        if entry.verb == "sign_certificate" and entry.body["issuer"] == "issuing"
    }
    assert len(handed.certificates) >= KILLS
    assert len(handed.certificates) <= len(signed) <= handed.asked
    for serial, signature in handed.certificates.items():
        assert signed[serial] == signature.hex()
        recalled = running.client.recall_certificate(issuer="issuing", serial=serial)
        assert recalled is not None
        assert recalled.signature == signature

    used = {(e.body["key_id"], e.body["digest_sha256"]) for e in entries if e.verb == "sign_with_wallet"}
    assert {(key_id, hashlib.sha256(digest).hexdigest()) for key_id, digest in handed.authorisations} <= used
    made = {entry.body["key_id"] for entry in entries if entry.verb == "create_wallet_key"}
    assert handed.keys.keys() <= made

    for told in handed.left.values():
        # A number already told never comes again: a kill may swallow an answer, not a count.
        numbers = [-1 if left is None else left for left in told]
        assert numbers == sorted(set(numbers), reverse=True)


def test_a_signature_lost_on_its_way_is_recalled(running: SignerProcess, bodies: Bodies) -> None:
    """Kill between journal and answer: asking again is refused, recalling gives the signature."""
    lost = 0
    for _ in range(40):
        assert len(running.client.keys()) == 3  # it is up
        serial = new_serial()
        tbs = bodies.subscriber(serial)
        client = SocketSigner(socket_path(running.home), timeout=9.0, patience=0.05)
        assert running.process is not None
        killer = threading.Timer(random.uniform(0.0, 0.002), running.process.kill)  # noqa: S311 - a moment
        killer.start()
        try:
            client.sign_certificate(issuer="issuing", profile="financial", tbs=tbs)
        except SignerUnavailableError:
            lost += 1
        killer.join()
        running.process.wait(timeout=20)
        client.close()
        running.start()
        recalled = running.client.recall_certificate(issuer="issuing", serial=serial)
        if recalled is None:
            running.client.sign_certificate(issuer="issuing", profile="financial", tbs=tbs)
            recalled = running.client.recall_certificate(issuer="issuing", serial=serial)
        assert recalled is not None
        assert recalled.tbs_sha256 == hashlib.sha256(tbs).digest()
        with pytest.raises(SignerError):
            running.client.sign_certificate(issuer="issuing", profile="financial", tbs=tbs)
        if lost >= 3:
            break
    assert lost >= 1


def test_a_change_of_pin_is_done_or_not_through_kill_9(running: SignerProcess) -> None:
    """Killed at any moment of change, keeping and settling: the part that was kept opens with its own PIN."""
    offer = running.client.create_wallet_key(key_id="k", customer_id="c", pin=PIN, idn=IDN, previous=None)
    kept = [offer.sealed, PIN]  # what a database would have
    chance = random.Random()  # noqa: S311 - moments, not secrets
    changes = 0

    def change() -> None:
        nonlocal changes
        client = SocketSigner(socket_path(running.home), timeout=9.0, patience=0.05)
        try:
            while True:
                pin = f"{chance.randrange(10**6):06d}x"
                sealed = client.change_wallet_pin(key_id="k", sealed=kept[0], pin=kept[1], new_pin=pin)
                kept[:] = [sealed, pin]
                changes += 1
                if chance.random() < 0.5:
                    client.settle_wallet_pin(key_id="k", sealed=sealed)
        except SignerUnavailableError:
            pass
        finally:
            client.close()

    for number in range(max(5, KILLS // 3)):
        thread = threading.Thread(target=change)
        thread.start()
        thread.join(chance.uniform(0.0, 0.1))  # the moment of the kill is the point of this test
        running.end(signal.SIGKILL)
        thread.join(timeout=30)
        running.start()
        running.client.sign_with_wallet(
            key_id="k", sealed=kept[0], pin=kept[1], digest=bytes([number]) * 32, purpose="x"
        )
    entries = running.client.journal(limit=10_000_000)
    assert broken_entries(entries) == ()
    done = [entry for entry in entries if entry.verb == "change_wallet_pin"]
    assert len(done) >= changes > 0
