"""A bank filled by an old release goes on with the code of today: nothing is lost, nobody begins again.

`release-0.1.0/` is a bank in the middle of its day (`fill`, `life_0_1_0`). It is restored as it was and
migrated; then what waits is answered, the queued jobs run, and everybody walks on. Names of today's code are
in `today` alone.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import lzma
import tarfile
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from tests.upgrade import today
from tests.upgrade.asking import Status, summary, tables
from tests.upgrade.resuming import Resumed, key_of, telephone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dojang.config.postgres import PrivatePostgres
    from dojang.ports.world import World

RELEASES = sorted(place.name for place in Path(__file__).parent.glob("release-*"))
SYSTEM = today.Acting(kind="system", id="upgrade", channel="job")
WRONG_PIN, DIGEST = "390462", bytes(range(32))
#: Runs whose certificate is being made: opening the page of the last finishes it, the job the others.
IN_THE_MAKING = ("intended", "issued", "stored, not yet active", "signed")


class Postbox:
    """The push services of the browser makers: it keeps what it is handed."""

    public_key = b"\4" + bytes(64)

    def __init__(self) -> None:
        self.got: list[str] = []

    def check(self, subscription: Mapping[str, Any]) -> None:
        """Find every subscription right."""

    def post(self, subscription: Mapping[str, Any], message: bytes, **how: Any) -> None:  # noqa: ARG002 - the port's names
        """Take a message."""
        self.got.append(str(subscription["endpoint"]))


@dataclass
class Bank:
    """The old bank under the new code, and what came of going on."""

    kept: dict[str, Any]
    home: Path
    world: World
    status: Status
    postbox: Postbox
    restored: dict[str, set[str]]  #: keys of all rows, by table, before the migration
    migrated: dict[str, set[str]]  #: and after it
    certificates: list[list[Any]] = field(default_factory=list)
    shown: dict[str, list[Any]] = field(default_factory=dict)  #: the first page of each run
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)  #: status of addresses opened with an old cookie
    answered: bool = False
    ends: dict[str, str] = field(default_factory=dict)
    jobs: dict[int, str] = field(default_factory=dict)  #: of the old release that failed, and why
    pushed: list[str] = field(default_factory=list)  #: what they handed to browsers

    # --- looking

    def look(self) -> None:
        """Read what the product says before anybody does anything."""
        customers = dict.fromkeys(row[1] for row in self.kept["certificates"])
        views = {view.serial: view for person in customers for view in today.certificates_of(person)}
        for serial, *_ in self.kept["certificates"]:
            view = views.get(serial)
            if view is not None:
                told = [self.status.ocsp(view.der), self.status.crl(view.der)]
                self.certificates.append([serial, view.customer_id, view.product, view.state, *told])

        for person, kept in self.kept["customers"].items():
            self.customers[person] = today.standing(person, factors=kept["left"], world=self.world)

    def sign(self, customer_id: str, pin: str) -> bytes:
        """Sign with the key of somebody's financial certificate."""
        key = today.usable_key(customer_id, "financial")
        assert key is not None
        return today.sign_with_pin(
            customer_id=customer_id, key_id=key.id, pin=pin, digest=DIGEST, purpose=uuid.uuid4().hex,
            acting=SYSTEM, world=self.world,
        )  # fmt: skip

    # --- going on

    def answer_challenge(self) -> None:
        """Answer the challenge a telephone was asked: it has a minute."""
        asked = self.kept["challenge"]
        phone = telephone(asked["phone"], self.kept["phones"][asked["phone"]])
        self.answered = today.verify_challenge(
            asked["id"], **phone.proofs(bytes.fromhex(asked["octets"])), purpose=asked["purpose"],
            acting=SYSTEM, world=self.world,
        ).ok  # fmt: skip

    def go_on(self) -> None:
        """Answer what waits, do what is queued, walk on."""
        walks = self._open_runs()
        for name, walk in walks.items():
            urgent = name.startswith("waiting for") or name.endswith("delivering")
            if urgent and name != "waiting for a code":  # which a queued job sends
                self._end(name, walk)
        self._browse()
        self._work()
        for record in self.kept["runs"]:
            name = record["name"]
            if name in IN_THE_MAKING[:-1]:
                self.ends[name] = Resumed(self.world, record, self.kept["phones"]).page.state
            elif name not in self.ends:
                self._end(name, walks[name])

    def _open_runs(self) -> dict[str, Resumed]:
        walks = {}
        for record in self.kept["runs"]:
            if record["name"] in IN_THE_MAKING[:-1]:
                continue
            walk = walks[record["name"]] = Resumed(self.world, record, self.kept["phones"])
            page = walk.page
            self.shown[record["name"]] = [page.journey, page.step, page.side, page.revision, page.state]
        return walks

    def _end(self, name: str, walk: Resumed) -> None:
        try:
            walk.refresh()
            self.ends[name] = walk.finish().state
        except Exception as error:  # noqa: BLE001 - told by the test, with all the others
            self.ends[name] = f"{walk.page.step}: {error!r}"

    def _browse(self) -> None:
        """Open pages with the cookies of a browser that was there before."""
        kept = self.kept["browser"]
        browser = Client(
            SERVER_NAME="localhost", raise_request_exception=False, headers={"User-Agent": kept["agent"]}
        )
        for name, value in kept["cookies"].items():
            browser.cookies[name] = value
        for path in ("/me/", f"/runs/{kept['run']}/"):
            self.places[path] = browser.get(path).status_code
        browser.post("/logout/")
        self.places["/me/ after log-out"] = browser.get("/me/").status_code
        self.places["/login/ by PIN alone"] = browser.post("/login/", {"pin": kept["pin"]}).status_code
        self.places["/me/ again"] = browser.get("/me/").status_code

    def _work(self) -> None:
        """Run every job the old release left, as the worker does; write down what went wrong."""
        left = {number for number, _ in self.kept["jobs"]}
        for job in today.queued():
            if job.id in left:
                try:
                    today.carry_out(job, self.world)
                except Exception as error:  # noqa: BLE001 - told by the test, with all the others
                    self.jobs[job.id] = f"{job.task_name}: {error!r}"
        self.pushed = list(self.postbox.got)
        while rest := [job for job in today.queued() if job.id not in self.jobs]:
            for job in rest:
                today.carry_out(job, self.world)


# --- restoring -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=RELEASES)
def bank(request: pytest.FixtureRequest, pg: PrivatePostgres, django_db_blocker: Any) -> Iterator[Bank]:
    """Restore an old bank, migrate it and go on with it."""
    folder = Path(__file__).parent / request.param
    kept = json.loads((folder / "kept.json").read_text("utf-8"))
    with contextlib.ExitStack() as held:
        held.enter_context(django_db_blocker.unblock())
        home = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="dojang-old-")))
        secrets = unpack(folder / "signer.tar.xz", home)
        dsn = held.enter_context(restored(pg, folder / "database.sql.xz"))
        with psycopg.connect(dsn) as link:
            before = tables(link)
        held.enter_context(override_settings(**today.opened_with(secrets)))
        call_command("migrate", verbosity=0, interactive=False)
        with psycopg.connect(dsn) as link:
            after = tables(link)
        offset = dt.datetime.fromisoformat(kept["moment"]) - dt.datetime.now(dt.UTC)
        (home / "clock").write_text(f'{{"offset_seconds": {int(offset.total_seconds()) + 1}}}\n', "ascii")
        postbox = Postbox()
        world, status = held.enter_context(running(home, dsn, push_service=postbox))
        made = Bank(kept, home, world, status, postbox, before, after)
        made.answer_challenge()
        made.look()
        made.go_on()
        yield made


def unpack(place: Path, home: Path) -> dict[str, str]:
    """Unpack the signer's store and the secrets; return the secrets."""
    with tarfile.open(place) as archive:
        archive.extractall(home, filter="data")
    for name in ("signer", "secrets"):
        (home / name).chmod(0o700)
    return {file.name: file.read_text("ascii").strip() for file in (home / "secrets").iterdir()}


@contextlib.contextmanager
def restored(pg: PrivatePostgres, place: Path) -> Iterator[str]:
    """Restore a dump into a database of its own and turn Django to it."""
    name = f"dojang_old_{uuid.uuid4().hex[:8]}"
    admin = pg.url(role="dojang_admin", database="postgres")
    with psycopg.connect(admin, autocommit=True) as link:
        link.execute(f"CREATE DATABASE {name} OWNER dojang")  # type: ignore[arg-type]
    dsn = pg.url(database=name)
    with psycopg.connect(dsn) as link:
        link.execute(lzma.decompress(place.read_bytes()))
    former = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield dsn
    finally:
        connection.close()
        connection.settings_dict["NAME"] = former
        with psycopg.connect(admin, autocommit=True) as link:
            link.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


@contextlib.contextmanager
def running(home: Path, dsn: str, **parts: Any) -> Iterator[tuple[World, Status]]:
    """Start the signer on its old store, and build the World and the status service around it."""
    folder = today.Home(home)
    folder.prepare()
    signer = today.SignerProcess(folder)
    signer.start()
    world = today.world_of(home, dsn, **parts)
    # The store lay still for as long as this release is old: whoever starts it again says that this is right.
    world.signer.resume(reason="the release was exchanged")
    status = today.status_of(world, dsn)
    former = today.set_world(world)
    try:
        yield world, Status(status)
    finally:
        today.set_world(former)
        status.close()
        today.close_world(world)
        signer.stop()


# --- what has to hold ------------------------------------------------------------------------------------


def test_the_dump_is_the_whole_old_bank(bank: Bank) -> None:
    """Every row the old release had is restored, so that what is missing later was lost by the migration."""
    assert summary(bank.restored) == bank.kept["tables"]


def test_no_row_is_lost(bank: Bank) -> None:
    """After the migration every row is there by its key, in its table or in the one that took it over."""
    lost = {
        name: f"{len(keys)} rows are not all in {_heirs(name, bank.migrated)}"
        for name, keys in bank.restored.items()
        if name not in today.BOOKKEEPING
        and not any(keys <= bank.migrated[heir] for heir in _heirs(name, bank.migrated))
    }
    assert lost == {}


def _heirs(name: str, migrated: dict[str, set[str]]) -> list[str]:
    """Return the tables that may have taken an old one's rows over."""
    if name in today.TABLES:
        return [today.TABLES[name]]
    if name in migrated:
        return [name]
    word = name.rpartition("_")[2]
    return [other for other in migrated if other.rpartition("_")[2] == word]


def test_certificates_say_what_they_said(bank: Bank) -> None:
    """State, OCSP answer and revocation list are the same as before, for certificates of every state."""
    assert bank.certificates == bank.kept["certificates"]
    assert {row[3] for row in bank.certificates} == {"issued", "active", "held", "revoked"}


def test_every_run_shows_the_page_it_showed(bank: Bank) -> None:
    """Journey, step, side journey, revision and state are those on the customer's screen."""
    expected = {
        record["name"]: [record[name] for name in ("journey", "step", "side", "revision", "state")]
        for record in bank.kept["runs"]
        if record["name"] not in IN_THE_MAKING
    }
    assert {name: page for name, page in bank.shown.items() if name not in IN_THE_MAKING} == expected


def test_every_open_run_comes_to_its_certificate(bank: Bank) -> None:
    """Whoever was under way ends with a certificate; what had ended stays ended."""
    over = {"cancelled", "failed", "expired", "done"}
    expected = {
        record["name"]: record["state"] if record["state"] in over else "done" for record in bank.kept["runs"]
    }
    # Nothing was proven for it but what leaks, on a telephone that holds none: it becomes active a day later.
    expected["joint-app-reissue at reissue_request"] = "waiting"
    assert bank.ends == expected
    for record in bank.kept["runs"]:
        if record["state"] in over:
            continue
        person = today.find_person(record["handle"])
        assert today.active_certificate(person.id, record["journey"].partition("-")[0]) is not None, record


def test_a_wallet_pin_still_signs(bank: Bank) -> None:
    """The PIN of an old certificate opens its key, and the certificate verifies the signature."""
    kept = bank.kept["browser"]
    person = today.find_person(kept["handle"])
    view = today.active_certificate(person.id, "financial")
    assert view is not None
    public = x509.load_der_x509_certificate(view.der).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    signature = bank.sign(person.id, kept["pin"])
    public.verify(signature, DIGEST, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def test_telephones_prove_what_they_proved(bank: Bank) -> None:
    """A challenge made before is answered after; a pattern still counts its errors; a finger still opens."""
    assert bank.answered
    reasons = {}
    for name, kept in bank.kept["patterns"].items():
        phone = telephone(kept["phone"], bank.kept["phones"][kept["phone"]])
        person = today.find_person(kept["handle"])
        made = today.begin_challenge(
            person.id, device_id=phone.device_id, purpose="p", key=uuid.uuid4().hex, world=bank.world
        )
        if made is None:
            reasons[name] = "locked"
            continue
        wrong = (
            phone.proofs(made.challenge, (9, 8, 7, 4)) if name == "wrong" else phone.proofs(made.challenge)
        )
        proof = today.verify_challenge(made.id, **wrong, acting=SYSTEM, world=bank.world)
        reasons[name] = proof.reason
    assert reasons == {"right": "", "wrong": "wrong", "locked": "locked"}


def test_a_finger_still_opens(bank: Bank) -> None:
    """The telephone's keeper answers with the credential it made before, and its counter goes on."""
    kept = bank.kept["finger"]
    phone = telephone(kept["phone"], bank.kept["phones"][kept["phone"]])
    keeper = today.Keeper(
        kept["origin"], counter=kept["counter"], credential_id=bytes.fromhex(kept["credential"]),
        key=key_of(kept["key"]), user=bytes.fromhex(kept["user"]),
    )  # fmt: skip
    person = today.find_person(kept["handle"])
    walk: Any = SimpleNamespace(person=person, phone=phone, acting=SYSTEM, world=bank.world)
    assert today.Holder(bank.world, walk, keeper).open().ok


def test_log_ins_live_on(bank: Bank) -> None:
    """An old log-in and an old run open their pages; a browser that remembers still does, and is not new."""
    run = bank.kept["browser"]["run"]
    assert bank.places == {
        "/me/": 200,
        f"/runs/{run}/": 200,
        "/me/ after log-out": 303,
        "/login/ by PIN alone": 303,
        "/me/ again": 200,
    }
    person = today.find_person(bank.kept["browser"]["handle"])
    assert today.told(person.id, "login_new_browser") == 3  # the first log-in was: by text, mail and push


def test_every_customer_stands_where_they_stood(bank: Bank) -> None:
    """Tries left, locks, letters with their sealed words, uses, browsers, keys and devices are the same."""
    assert bank.customers == bank.kept["customers"]
    people = bank.kept["people"]
    assert bank.customers[people["card_moved"]]["left"]["security_card"] == 2
    assert bank.customers[people["card_locked"]]["locks"] == ["security_card"]
    assert bank.customers[people["pin_locked"]]["keys"] == [["financial", "locked"]]
    assert bank.customers[people["stopped"]]["devices"] == [["My phone", "held", ["bank"]]]


def test_a_keys_wrong_pins_stay_counted(bank: Bank) -> None:
    """After two wrong PINs the next one is the third; a locked key stays locked."""
    people, codes = bank.kept["people"], {}
    for name in ("pin_wrong", "pin_locked"):
        with pytest.raises(today.DojangError) as refused:
            bank.sign(people[name], WRONG_PIN)
        codes[name] = (refused.value.code, refused.value.data.get("left"))
    assert codes == {"pin_wrong": ("wallet_pin_wrong", 2), "pin_locked": ("wallet_locked", None)}


def test_no_queued_job_is_lost(bank: Bank) -> None:
    """Every job of the old release is carried out under today's code, and what it was to do is done."""
    assert bank.jobs == {}
    assert {number for number, _ in bank.kept["jobs"]} & {job.id for job in today.queued()} == set()
    assert today.sent_notices(bank.kept["waiting"]) == len(bank.kept["waiting"])
    pushes = sum(name == "wallet.deliver_push" for _, name in bank.kept["jobs"])
    assert bank.pushed == ["https://push.example.test/1"] * pushes
    assert pushes > 0
    half = bank.kept["people"]["half_stopped"]
    assert {view.state for view in today.certificates_of(half)} == {"held"}


def test_a_parcel_on_its_way_arrives(bank: Bank) -> None:
    """What one device posted before, the other fetches after."""
    parcel = bank.kept["parcel"]
    assert (
        today.fetch_parcel(parcel["locator"], acting=SYSTEM, world=bank.world) == parcel["content"].encode()
    )


def test_the_audit_trail_is_whole(bank: Bank) -> None:
    """All chains verify from their first event, against certificates, anchors and the signer's journal."""
    found = today.verify_trail(bank.world)
    assert found.breaks == ()
    assert found.anchors > 0
    assert found.events >= bank.kept["events"]
