"""A centre of processes that may be killed: an own durable PostgreSQL, a signing process, forked customers.

The test's own process is the one that stays alive: its Django is turned to the centre's database, so that it
walks journeys up to the step of interest and looks at what a kill left behind.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from tests.centres import SignerProcess, wait_until
from tests.journeys.app.walker import Walk

from dojang.adapters.signer_client import SocketSigner
from dojang.ca.queries import CertificateView, certificates_of, chain_of
from dojang.config import wiring
from dojang.config.options import load_options
from dojang.config.postgres import PrivatePostgres
from dojang.config.processes import die_with_parent
from dojang.issuing.actions import Kept, reconcile
from dojang.ports.acting import Acting
from dojang.ra.actions import open_page, session_of, start_run
from dojang.sandbox.casting import add_crowd
from dojang.va.app import make_app
from dojang.wallet.keys.actions import sign_with_pin
from dojang.wallet.keys.models import WalletKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dojang.config.home import Home
    from dojang.ports.world import World
    from dojang.sandbox.cast import Person
    from dojang.va.app import StatusApp

_ROOT = Path(__file__).resolve().parent.parent.parent
SYSTEM = Acting(kind="system", id="reconcile", channel="job")
#: Figures that would otherwise end a hundred re-issues a day of one person.
POLICY = {
    "reissue": {"per_day": 100_000},
    "ars": {"calls_per_day": 100_000, "calls_per_run": 100},
    "runs": {"starts_per_source": 100_000, "sends": 100},
    "wrong_entries": {"per_source": 100_000},
    "issue": {"confirm_within": 36_000},
}
PINS = ("840271", "591362")
_KEYS = ("field.key", "numbers.key", "django.key")


class Customer(Walk):
    """One run of one invented person at the country's centre."""

    def __init__(self, country: Country, person: Person, *, journey: str) -> None:
        self.world = country.world
        self.country = country
        self.person = person
        self.pin = country.new_pin(person)
        self.visitor = Acting(kind="customer", source="198.51.100.7", channel="web", locale="ko")
        self.started = start_run(journey, locale="ko", acting=self.visitor, world=self.world)
        self.page = self.started.page
        self.acting = dataclasses.replace(self.visitor, session=session_of(self.started.token))
        country.pins[self.run] = self.pin

    def order(self, **data: Any) -> dict[str, Any]:
        """Return the order to another process to submit the present page."""
        return {
            "do": "act",
            "run": self.run,
            "step": self.page.step,
            "revision": self.page.revision,
            "session": self.acting.session,
            "data": data,
        }

    def opening(self) -> dict[str, Any]:
        """Return the order to another process to open the page."""
        return {"do": "open", "run": self.run, "session": self.acting.session}


class Process:
    """A forked customer's process: give it one order, kill it whenever you like."""

    def __init__(self, place: Path) -> None:
        self._link = socket.socket(socket.AF_UNIX)
        self._link.settimeout(60)
        self._link.connect(str(place))
        self._lines = self._link.makefile("rw", encoding="utf-8")
        told = json.loads(self._lines.readline())
        self.pid: int = told["pid"]
        self.backend: int = told["backend"]

    def begin(self, order: dict[str, Any]) -> None:
        """Send its order."""
        print(json.dumps(order), file=self._lines, flush=True)

    def ended_within(self, seconds: float) -> bool:
        """Wait for its answer for at most so long; whether it came (or it died)."""
        self._link.settimeout(max(seconds, 1e-6))
        try:
            return len(self._link.recv(1, socket.MSG_PEEK)) <= 1
        except TimeoutError:
            return False
        finally:
            self._link.settimeout(60)

    def answer(self) -> dict[str, Any]:
        """Wait for its answer; empty when it died."""
        text = self._lines.readline()
        self.close()
        return json.loads(text) if text else {}

    def kill(self) -> bool:
        """End it without warning and wait until it is gone; whether it was still at work."""
        at_work = not self.ended_within(0)
        os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            while self._link.recv(4096):
                pass
        self.close()
        return at_work

    def close(self) -> None:
        """Let it end."""
        self._lines.close()
        self._link.close()


@dataclass
class Country:
    """The centre. `start` and `stop` it; `turn_to` it in between."""

    home: Home
    postgres: PrivatePostgres = field(init=False)
    signer: SignerProcess = field(init=False)
    factory: subprocess.Popen[bytes] | None = None
    world: World = field(init=False)
    status: StatusApp = field(init=False)
    status_signer: SocketSigner = field(init=False)
    people: tuple[Person, ...] = ()
    pins: dict[str, str] = field(default_factory=dict)  #: of each run
    _watch: psycopg.Connection[Any] | None = None

    def __post_init__(self) -> None:
        self.postgres = PrivatePostgres(self.home, durable=True, max_connections=60)
        self.signer = SignerProcess(self.home)

    # --- its processes

    def start(self, *, people: int) -> None:
        """Start database and signer, hold the ceremony, let people move in."""
        from django.core.management import call_command

        self.home.prepare()
        own = Path(os.environ["DOJANG_HOME"]) / "secrets"
        for name in _KEYS:  # this process reads what the others seal
            shutil.copy(own / name, self.home.secrets / name)
        lines = [
            f"policy.{concern}.{name} = {value}\n"
            for concern, figures in POLICY.items()
            for name, value in figures.items()
        ]
        (self.home.path / "dojang.toml").write_text("".join(lines), "utf-8")
        self.postgres.start()
        self.signer.start()
        self._turn()
        call_command("migrate", verbosity=0, interactive=False)
        options = load_options(home=self.home.path, database_url=self.postgres.url(), policy=POLICY)
        self.world = wiring.build_world(options)
        wiring.perform_ceremony(acting=SYSTEM, world=self.world)
        self.status_signer = SocketSigner(self.home.signer_socket, timeout=5.0, patience=2.0)
        self.status = make_app(self.postgres.url(), self.status_signer, self.world.clock, connections=2)
        store: Any = self.world.corebank
        self.people = add_crowd(store.store, self.world.clock, people)
        self._start_factory()

    def _turn(self) -> None:
        from django.db import connection

        from dojang.config.settings import _database

        connection.close()
        for name, value in _database(self.postgres.url()).items():
            if name in {"NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS"}:
                connection.settings_dict[name] = value

    @property
    def door(self) -> Path:
        """Where the factory listens."""
        return self.home.run / "factory"

    def _start_factory(self) -> None:
        env = {
            **os.environ,
            "DOJANG_HOME": str(self.home.path),
            "DOJANG_CONFIG": str(self.home.path / "dojang.toml"),
            "PYTHONPATH": f"{_ROOT / 'src'}:{_ROOT}",
        }
        del env["DOJANG_DATABASE_URL"]
        with (self.home.log / "factory.log").open("ab") as log:
            self.factory = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("factory.py")), str(self.door)],
                stdout=log, stderr=log, env=env, preexec_fn=lambda: die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one prctl call
            )  # fmt: skip
        wait_until(self._is_open, "the factory")

    def _is_open(self) -> bool:
        assert self.factory is not None
        assert self.factory.poll() is None, (self.home.log / "factory.log").read_text()
        return self.door.exists()

    def stop(self) -> None:
        """End everything and remove it."""
        from django.db import connection

        if self._watch is not None:
            self._watch.close()
        connection.close()
        if self.factory is not None:
            self.factory.kill()
            self.factory.wait(10)
        if hasattr(self, "status"):
            self.status.close()
            self.status_signer.close()
        if hasattr(self, "world"):
            wiring.close_world(self.world)
        self.signer.stop()
        self.postgres.stop()
        shutil.rmtree(self.home.path, ignore_errors=True)

    def fork(self) -> Process:
        """Return a customer's process, ready for its order."""
        return Process(self.door)

    def restart_signer(self) -> None:
        """Start the signer again after a kill, as the supervisor does."""
        assert self.signer.process is not None
        self.signer.process.wait(10)
        self.signer.start()

    def restart_postgres(self) -> None:
        """Start the server again after its first process was killed, as the supervisor does."""
        assert self.postgres.process is not None
        self.postgres.process.wait(10)
        self.postgres.start()
        self.reconnect()

    def reconnect(self) -> None:
        """Wait for the database to be back, and connect anew."""
        from django.db import connection

        self.postgres.wait_ready()
        connection.close()
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    # --- what happened so far

    def ask(self, query: str, *values: Any) -> Any:
        """Return the first value of a query, over a connection of its own."""
        if self._watch is None or self._watch.closed:
            self._watch = psycopg.connect(self.postgres.url(), autocommit=True)
        row = self._watch.execute(query, values).fetchone()
        return None if row is None else row[0]

    def signatures(self) -> int:
        """Count the subscribers' certificates the signer has signed, read from its own store."""
        with contextlib.closing(self.open_journal()) as journal:
            return count_signatures(journal)

    def open_journal(self) -> sqlite3.Connection:
        """Open the signer's store for reading."""
        return sqlite3.connect(f"file:{self.home.signer / 'keys.db'}?mode=ro", uri=True, timeout=10)

    def signed_at(self, serial: str) -> datetime:
        """Return when the signer's journal says a certificate was signed."""
        with read_journal(self) as journal:
            for at, known in journal.execute(
                "SELECT at, json_extract(body, '$.serial') FROM journal WHERE verb = 'sign_certificate'"
            ):
                if int(known, 16) == int(serial, 16):
                    return datetime.fromisoformat(at)
        raise AssertionError(f"{serial} was never signed")

    def advance(self, seconds: int) -> None:
        """Move the country's clock forward."""
        clock: Any = self.world.clock
        clock.advance(seconds)

    def new_pin(self, person: Person) -> str:
        """Return a PIN that is not the one of the key a person has."""
        query = "SELECT run_id FROM wallet_walletkey WHERE customer_id = %s AND state IN ('live', 'locked')"
        former = self.pins.get(self.ask(query, person.id) or "")
        return next(pin for pin in PINS if pin != former)

    # --- customers

    def customer(self, person: Person) -> Customer:
        """Begin a run: issue for somebody who has nothing, re-issue for a holder."""
        holds = any(view.state == "active" for view in certificates_of(person.id))
        return Customer(self, person, journey="financial-web-reissue" if holds else "financial-web-issue")

    def reconcile(self) -> Kept:
        """Run the reconcile job once, here."""
        return reconcile(acting=SYSTEM, world=self.world)

    def settle(self, walk: Customer, *, patience: float = 30.0) -> None:
        """Open the page until the run is not being issued any more."""

        def settled() -> bool:
            walk.page = open_page(walk.run, acting=walk.acting, world=walk.world)
            return walk.page.state != "issuing"

        wait_until(settled, f"run {walk.run} to end", patience=patience)

    def usable(self, person: Person) -> list[CertificateView]:
        """Return the certificates of a person that OCSP calls good, and check it against the rows."""
        views = certificates_of(person.id)
        good = [view for view in views[:4] if self.status_of(view) == "GOOD"]
        active = [view.serial for view in views if view.state == "active"]
        assert [view.serial for view in good] == active, (person.handle, active)
        return good

    def status_of(self, view: CertificateView, *, nonce: bool = True) -> str:
        """Ask the status responder about a certificate."""
        issuer = x509.load_der_x509_certificate(chain_of(view)[0])
        builder = ocsp.OCSPRequestBuilder().add_certificate(
            x509.load_der_x509_certificate(view.der), issuer, hashes.SHA256()
        )
        if nonce:
            builder = builder.add_extension(x509.OCSPNonce(secrets.token_bytes(16)), critical=False)
        question = builder.build().public_bytes(Encoding.DER)
        answer = ocsp.load_der_ocsp_response(self._post(question))
        assert answer.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL, answer.response_status
        return answer.certificate_status.name

    def _post(self, body: bytes) -> bytes:
        from io import BytesIO

        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/ocsp",
            "CONTENT_TYPE": "application/ocsp-request",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
        }
        return b"".join(self.status(environ, lambda *_: None))

    def sign(self, view: CertificateView) -> None:
        """Sign something with the key behind a certificate, and verify it with the certificate."""
        key = WalletKey.objects.get(certificate_id=view.id)
        assert key.state == "live"
        digest = secrets.token_bytes(32)
        signature = sign_with_pin(
            customer_id=key.customer_id, key_id=key.id, pin=self.pins[key.run_id], digest=digest,
            purpose=secrets.token_hex(8), acting=SYSTEM, world=self.world,
        )  # fmt: skip
        public = x509.load_der_x509_certificate(view.der).public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


@contextlib.contextmanager
def read_journal(country: Country) -> Iterator[sqlite3.Connection]:
    """Open the signer's store for reading, for the length of a block."""
    with contextlib.closing(country.open_journal()) as journal:
        yield journal


def count_signatures(journal: sqlite3.Connection) -> int:
    """Count the signatures under certificates in the signer's store."""
    return int(journal.execute("SELECT count(*) FROM journal WHERE verb = 'sign_certificate'").fetchone()[0])


def pause(seconds: float) -> None:
    """Let a moment pass: the moment of a kill is the point of these tests."""
    threading.Event().wait(seconds)
