"""Invariant 15 on a telephone: R, the pattern's proof key and the RRN stand in no table, journal or page."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from tests.journeys.app.device import AppWalk, R
from tests.journeys.app.test_invariant_15_canary import dump

from dojang.audit.queries import journal_entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.centres import SignerProcess

    from dojang.ports.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def forms(secret: bytes) -> tuple[str, ...]:
    """List the ways bytes could be written down."""
    return secret.hex(), secret.hex().upper(), base64.b64encode(secret).decode(), repr(secret)


def test_nothing_a_device_told_in_confidence_is_anywhere(
    world: World, signer_process: SignerProcess, run_jobs: Callable[[], int]
) -> None:
    """After a joint and a bank issue, with every job run, no copy of a secret is left."""
    joint = AppWalk(world, journey="joint-app-issue")
    joint.deliver()
    pages = [json.dumps(asdict(joint.page), default=str)]
    joint.do("stored", signature=joint.phone.store(joint.shown("deliver")))
    bank = AppWalk(world)
    bank.deliver()
    pages.append(json.dumps(asdict(bank.page), default=str))
    bank.do("stored", signature=bank.phone.store(bank.shown("deliver")))
    pages += [json.dumps(asdict(walk.page), default=str) for walk in (joint, bank)]
    run_jobs()
    journal = "\n".join(json.dumps(entry.body) for entry in journal_entries(world.signer))
    places = {**dump(), "journal": journal, "pages": "\n".join(pages)}
    secrets = [*forms(R), *forms(bank.phone.proof_key()), joint.person.rrn]
    found = [(name, secret) for name, text in places.items() for secret in secrets if secret in text]
    assert found == []
    store = b"".join(file.read_bytes() for file in (signer_process.home.path / "signer").glob("keys.db*"))
    for secret in (R, bank.phone.proof_key(), joint.person.rrn.encode()):
        assert secret not in store
