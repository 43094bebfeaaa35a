"""The key ceremony: one reviewed file, held once, resumed wherever it was interrupted."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING

import pytest
from tests.app.ca.centre import Centre
from tests.app.ca.faults import MOMENTS, FaultySigner
from tests.centres import SignerProcess
from tests.journeys.app.walker import with_policy

from dojang.adapters.signer_client import SocketSigner
from dojang.audit.models import Event
from dojang.ca import queries
from dojang.ca.actions.ceremony import perform_ceremony, read_ceremony
from dojang.ca.errors import CeremonyError
from dojang.ca.models import Authority, Certificate, Intent
from dojang.config.home import Home
from dojang.pki import lint
from dojang.pki.certificate import read_certificate
from dojang.ports.signer_errors import SignerUnavailableError
from dojang.ports.signer_wire import socket_path
from dojang.sandbox.clock import SandboxClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dojang.ports.world import World

FILE = resources.files("dojang.ca").joinpath("first_ceremony.toml").read_text("utf-8")
#: Calls to the signer for three authorities: make the key, sign, install.
CALLS = 9


@pytest.fixture
def bare(world: World, tmp_path: Path) -> Iterator[Centre]:
    """Return a centre before its ceremony: an empty database and a signer without keys."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE audit_event DISABLE TRIGGER USER; ALTER TABLE audit_chain DISABLE TRIGGER USER;"
            "ALTER TABLE wallet_use DISABLE TRIGGER USER"
        )
        cursor.execute("TRUNCATE ca_authority CASCADE; TRUNCATE audit_event")
        cursor.execute(
            "UPDATE audit_chain SET seq = 0, hash = sha256(convert_to('dojang audit chain ' || id, 'UTF8'))"
        )
        cursor.execute(
            "ALTER TABLE audit_event ENABLE TRIGGER USER; ALTER TABLE audit_chain ENABLE TRIGGER USER;"
            "ALTER TABLE wallet_use ENABLE TRIGGER USER"
        )
    home = Home(tmp_path / "home")
    home.prepare()
    process = SignerProcess(home)
    process.start()
    genuine = SocketSigner(socket_path(home.path), timeout=10)
    signer = FaultySigner(genuine)
    yield Centre(replace(world, signer=signer, clock=SandboxClock(home.clock)), signer, process)
    genuine.close()
    process.stop()


def _check_whole(centre: Centre) -> None:
    assert [view.label for view in queries.authorities()] == ["root-1", "issuing-1", "ocsp-1"]
    assert Certificate.objects.filter(product="authority", state="active").count() == 3
    assert Event.objects.filter(type="authority:installed").count() == 3
    keys = centre.world.signer.keys()
    held = {key.label: key.certificate for key in keys if key.role != "transport"}
    assert held == {view.label: view.certificate for view in queries.authorities()}
    for view in queries.authorities():
        lint.require_clean(lint.pkilint_certificate(view.certificate))
    assert queries.verify_trail(centre.world).breaks == ()


def test_a_ceremony_makes_what_the_file_says_and_a_second_one_nothing(bare: Centre) -> None:
    """Three authorities are made once; holding the ceremony again asks for the transport key alone."""
    assert perform_ceremony(**bare.options) == ("root-1", "issuing-1", "ocsp-1")
    _check_whole(bare)
    calls = len(bare.signer.calls)
    assert perform_ceremony(**bare.options) == ()
    assert len(bare.signer.calls) - calls <= 3 + 1 + 1  # the check above read keys and journal
    bare.activate()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("point", range(CALLS))
def test_an_interrupted_ceremony_is_simply_held_again(bare: Centre, point: int, moment: str) -> None:
    """A fault at any call to the signer stops the ceremony; held again it ends with three authorities."""
    bare.signer.fail_at(point, moment)
    with pytest.raises(SignerUnavailableError):
        perform_ceremony(**bare.options)
    bare.signer.catch_up()
    bare.advance(900)  # far enough that an unsigned intent would be back-dated
    perform_ceremony(**bare.options)
    _check_whole(bare)
    assert Intent.objects.filter(state="stored").count() == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('algorithm = "ec-p384"', 'algorithm = "rsa-2048"'),
        ("days = 7300", "days = 30000"),
        ("days = 365\n", "days = 0\n"),
        ('parent = "issuing-1"', 'parent = "root-1"'),
        ('parent = "root-1"', ""),
        ('label = "ocsp-1"', 'label = "root-1"'),
        ('label = "ocsp-1"', 'label = "../ocsp"'),
        ('role = "ocsp"', 'role = "subscriber"'),
        ('CN = "Dojang Root CA 1"', 'CN = ""'),
        ("days = 3650", "days = 3650\nbackdoor = true"),
        ("[[authority]]", "[[authority"),
    ],
)
def test_a_file_that_cannot_be_is_refused_before_anything_is_made(old: str, new: str) -> None:
    """Weak keys, endless lives, wrong parents, double labels and unknown settings are refused on reading."""
    assert old in FILE
    with pytest.raises(CeremonyError):
        read_ceremony(FILE.replace(old, new, 1))


def test_a_label_never_stands_for_something_else(bare: Centre, tmp_path: Path) -> None:
    """A second file that wants another algorithm under a known label is refused and changes nothing."""
    perform_ceremony(**bare.options)
    other = tmp_path / "other.toml"
    other.write_text(FILE.replace('algorithm = "ec-p384"', 'algorithm = "rsa-4096"'), "utf-8")
    before = list(Authority.objects.order_by("id").values())
    with pytest.raises(CeremonyError):
        perform_ceremony(path=other, **bare.options)
    assert list(Authority.objects.order_by("id").values()) == before


def test_the_bank_s_own_name_is_in_its_authorities_certificates(bare: Centre) -> None:
    """The shipped file takes it from the settings; a name changed later changes nothing that is made."""
    options = bare.options
    named = with_policy(options["world"], bank={"name_en": 'Moon "&" Bank'})
    assert len(perform_ceremony(**{**options, "world": named})) == 3
    assert perform_ceremony(**options) == ()
    for row in Authority.objects.all():
        assert read_certificate(bytes(row.certificate or b"")).facts.subject_name.get("O") == (
            'Moon "&" Bank',
        )
