"""The peer: cfssl (Debian's golang-cfssl) with the same PostgreSQL server, a table of its own.

It signs a request under a P-256 key and writes the certificate into ``certificates`` with one durable INSERT.
It keeps no intent, no journal, no trail, lints nothing, activates nothing and signs no status answer ahead.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from bench.centre import free_port, serving
from bench.load import Question, load
from bench.meter import cpu_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.centre import Centre

_NAME = "cfssl_peer"
#: The columns cfssl writes and reads, in the types PostgreSQL takes its texts as.
_TABLE = """
    CREATE TABLE certificates (
        serial_number bytea NOT NULL, authority_key_identifier bytea NOT NULL, ca_label bytea,
        status bytea NOT NULL, reason int, expiry timestamptz, revoked_at timestamptz, pem bytea NOT NULL,
        PRIMARY KEY (serial_number, authority_key_identifier)
    );
    CREATE TABLE ocsp_responses (
        serial_number bytea NOT NULL, authority_key_identifier bytea NOT NULL, body bytea NOT NULL,
        expiry timestamptz, PRIMARY KEY (serial_number, authority_key_identifier)
    );
"""
_CONFIG = {"signing": {"default": {"expiry": "8760h", "usages": ["digital signature"]}}}
_REQUEST = {"CN": "bench root", "key": {"algo": "ecdsa", "size": 256}}


def is_there() -> bool:
    """Tell whether cfssl is installed."""
    return shutil.which("cfssl") is not None


@dataclass
class Peer:
    """A running cfssl."""

    port: int
    pid: int
    address: str
    question: Question

    def count(self) -> int:
        """Count the certificates it stored."""
        with psycopg.connect(self.address) as link:
            row = link.execute("SELECT count(*) FROM certificates").fetchone()
        assert row is not None
        return int(row[0])

    def measure(self, callers: int, seconds: float) -> tuple[float, float]:
        """Return (certificates a second, seconds of its own CPU); what it stored is what counts."""
        before, used, began = self.count(), cpu_of(self.pid), time.perf_counter()
        load(self.port, [self.question], seconds, connections=callers)
        spent, cpu = time.perf_counter() - began, cpu_of(self.pid) - used
        return (self.count() - before) / spent, cpu


@contextlib.contextmanager
def running(centre: Centre, folder: Path) -> Iterator[Peer]:
    """Start cfssl on the centre's PostgreSQL server, in a database of its own."""
    folder.mkdir()
    admin = centre.admin
    with psycopg.connect(admin, autocommit=True, dbname="postgres") as link:
        link.execute(f"DROP DATABASE IF EXISTS {_NAME} WITH (FORCE)")
        link.execute(f"CREATE DATABASE {_NAME}")
    parts = psycopg.conninfo.conninfo_to_dict(admin)
    address = psycopg.conninfo.make_conninfo(admin, dbname=_NAME)
    with psycopg.connect(address) as link:
        link.execute(_TABLE)
    made = subprocess.run(
        ["cfssl", "gencert", "-initca", "-loglevel=5", "-"], input=json.dumps(_REQUEST).encode(),
        capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    ca: dict[str, Any] = json.loads(made.stdout)
    source = " ".join(f"{name}='{parts[name]}'" for name in ("host", "port", "user", "password"))
    files = {
        "ca.pem": ca["cert"],
        "ca-key.pem": ca["key"],
        "config.json": json.dumps(_CONFIG),
        "db.json": json.dumps(
            {"driver": "postgres", "data_source": f"{source} dbname={_NAME} sslmode=disable"}
        ),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    port = free_port()
    command = [
        "cfssl", "serve", "-loglevel=5", "-address=127.0.0.1", f"-port={port}", f"-ca={folder / 'ca.pem'}",
        f"-ca-key={folder / 'ca-key.pem'}", f"-config={folder / 'config.json'}",
        f"-db-config={folder / 'db.json'}",
    ]  # fmt: skip
    with serving(command, dict(os.environ), port, "/", folder / "cfssl.log") as pid:
        yield Peer(port, pid, address, _question(port))


def _question(port: int) -> Question:
    """Make one request to sign, and try it once."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    body = json.dumps({"certificate_request": pem}).encode()
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    link.request("POST", "/api/v1/cfssl/sign", body, {"Content-Type": "application/json"})
    answer = json.loads(link.getresponse().read())
    link.close()
    if not answer["success"]:
        raise RuntimeError(str(answer["errors"]))
    return Question("POST", "/api/v1/cfssl/sign", body, "application/json")


@contextlib.contextmanager
def responding(folder: Path) -> Iterator[tuple[int, list[Question]]]:
    """Serve one answer signed ahead with ``cfssl ocspserve``; yields its port and the question for it."""
    folder.mkdir()
    now = datetime.now(UTC).replace(microsecond=0)
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _certificate("bench root", root.public_key(), "bench root", root, now)
    certificate = _certificate("bench", leaf.public_key(), "bench root", root, now)
    builder = ocsp.OCSPResponseBuilder().add_response(
        certificate, issuer, hashes.SHA1(),  # noqa: S303 - how OCSP names an issuer
        ocsp.OCSPCertStatus.GOOD, now, now + timedelta(hours=1), None, None,
    ).responder_id(ocsp.OCSPResponderEncoding.HASH, issuer)  # fmt: skip
    answer = builder.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    (folder / "answers").write_text(base64.b64encode(answer).decode() + "\n")
    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1()).build()  # noqa: S303
    body, port = asked.public_bytes(serialization.Encoding.DER), free_port()
    command = [
        "cfssl", "ocspserve", "-loglevel=5", "-address=127.0.0.1", f"-port={port}",
        f"-responses={folder / 'answers'}",
    ]  # fmt: skip
    with serving(command, dict(os.environ), port, "/", folder / "ocsp.log"):
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        link.request("POST", "/", body, {"Content-Type": "application/ocsp-request"})
        if link.getresponse().read() != answer:
            raise RuntimeError("cfssl does not answer with what was signed")
        link.close()
        yield port, [Question("POST", "/", body)]


def _certificate(name: str, key: Any, issuer: str, signer: Any, now: datetime) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer))
    builder = builder.public_key(key).serial_number(x509.random_serial_number())
    return (
        builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(signer, hashes.SHA256())
    )
