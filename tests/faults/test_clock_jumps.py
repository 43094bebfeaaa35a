"""The clock jumps under a journey: forward it goes on or ends in order, back nothing is signed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from tests.faults.country import count_signatures, read_journal

from dojang.ca.queries import active_certificate, certificates_of, verify_trail
from dojang.pki.rules import BACKDATING
from dojang.ports.signer_errors import ClockError
from dojang.ra.actions.upkeep import expire_runs

if TYPE_CHECKING:
    from tests.faults.country import Country, Customer

pytestmark = pytest.mark.faults

FORWARD = (1, 59, 61, 300, 590, 601, 1_801, 3_600, 86_399, 3 * 86_400)
BACK = (2, 5, 61, 599, 3_600, 86_400, 30 * 86_400, 366 * 86_400, 3_660 * 86_400)


def set_clock(country: Country, offset: int) -> None:
    """Write the clock's file as the sandbox does, but with any offset: a fault the sandbox never makes."""
    place = country.home.clock
    draft = place.with_name("clock.fault")
    draft.write_text(json.dumps({"offset_seconds": offset}), "ascii")
    os.utime(draft, ns=(offset, offset))
    draft.replace(place)


def offset_of(country: Country) -> int:
    """Read the clock's offset in seconds."""
    return int(json.loads(country.home.clock.read_bytes())["offset_seconds"])


def at_the_last_step(country: Country) -> Customer:
    """Return the first person, who holds a certificate, at the last step of a re-issue."""
    walk = country.customer(country.people[0])
    walk.walk_to("confirm")
    return walk


def test_invariant_12_jumps_forward_end_runs_or_let_them_end_well(country: Country) -> None:
    """Ten jumps of a second to three days before the last step: within ten minutes done, else expired."""
    person = country.people[0]
    assert country.customer(person).finish().state == "done"
    ends = []
    for seconds in FORWARD:
        walk = at_the_last_step(country)
        (before,) = country.usable(person)
        country.advance(seconds)
        walk.submit()
        country.settle(walk)
        ends.append(walk.page.state)
        (after,) = country.usable(person)
        assert (after.serial != before.serial) == (walk.page.state == "done"), seconds
        country.sign(after)
        assert after.not_before <= country.world.clock.now()
        if walk.page.state == "expired":
            assert expire_runs(acting=walk.acting, world=country.world) == 0
    assert ends == ["done"] * 5 + ["expired"] * 5
    assert verify_trail(country.world).breaks == ()


def test_a_jump_between_intent_and_signature(country: Country) -> None:
    """A process dies with its intent stored and the clock jumps: nothing back-dated is ever signed."""
    person = country.people[0]
    assert country.customer(person).finish().state == "done"
    ends = []
    for seconds in (61, 3_600, 40_000):
        walk = at_the_last_step(country)
        (before,) = country.usable(person)
        process = country.fork()
        country.signer.stop()
        process.begin(walk.order())
        while country.ask("SELECT 1 FROM ca_intent WHERE order_key = %s", walk.run) is None:
            process.ended_within(0.001)
        process.kill()
        country.advance(seconds)
        country.signer.start()
        country.settle(walk)
        country.reconcile()
        (after,) = country.usable(person)
        ends.append((walk.page.state, *walk.codes))
        assert walk.page.state in {"done", "failed"}
        assert (after.serial != before.serial) == (walk.page.state == "done"), seconds
        country.sign(after)
        if walk.page.state == "done":
            age = country.signed_at(after.serial) - after.not_before
            assert age <= BACKDATING, seconds
    assert ends == [("done",)] * 3
    assert verify_trail(country.world).breaks == ()


def test_invariant_12_a_clock_that_went_back_signs_nothing(country: Country) -> None:
    """Nine jumps back of two seconds to ten years: no signature, no change; on the right time it goes on."""
    person = country.people[0]
    assert country.customer(person).finish().state == "done"
    with read_journal(country) as journal:
        for seconds in BACK:
            walk = at_the_last_step(country)
            (before,) = country.usable(person)
            signed, offset = count_signatures(journal), offset_of(country)
            set_clock(country, offset - seconds)
            with pytest.raises(ClockError):
                country.sign(before)
            walk.submit()
            assert walk.page.state in {"issuing", "failed", "open"}, (seconds, walk.page.state)
            country.reconcile()
            assert count_signatures(journal) == signed, seconds
            assert active_certificate(person.id, "financial") == before
            set_clock(country, offset)
            if walk.refresh().state == "open":
                walk.submit()
            country.settle(walk)
            (after,) = country.usable(person)
            assert (after.serial != before.serial) == (walk.page.state == "done"), (seconds, walk.codes)
            country.sign(after)
    assert not [view for view in certificates_of(person.id) if view.state == "issued"]
    assert verify_trail(country.world).breaks == ()
