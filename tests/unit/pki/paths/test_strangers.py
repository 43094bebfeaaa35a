"""Strangers' certificates, right or with one fault, through `dojang verify-path`: no wrong one passes."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode, b64encode, encodebytes
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.pki.kit import house
from tests.unit.pki.paths import cases_names, cases_status
from tests.unit.pki.paths.cases import CASES, Asked
from tests.unit.pki.paths.makers import NOW

from dojang.cli.verify_path import _peers, answer_line
from dojang.pki.build import new_serial

if TYPE_CHECKING:
    from pathlib import Path

#: The modules of cases: each adds its own when it is loaded.
MODULES = (cases_names, cases_status)
#: Cannot be asked on its command line.
NOT_ASKED = {"peer-asks-for-a-star"}
#: Accepted here and refused by openssl 3.0: there a life ends before its last second, an authority is no
#: server, one way up is taken and none back, deltas count by freshestCRL alone, otherName has no subtrees.
STRICTER_THERE = {
    "any-time-between",
    "authority-as-leaf",
    "crowd",
    "two-ways-one-good",
    "list-delta-releases",
    "names-other-name-permitted",
    "root-names-other-name-permitted",
}
#: Refused here and accepted by openssl 3.0, which has no such rule, or another bound.
LAXER_THERE = {
    # what the profile and the open network's rules ask of those who issue
    "authority-that-may-not-sign",
    "bad-host-in-names",
    "between-plain-any",
    "between-plain-limits",
    "between-plain-names",
    "constraints-in-a-leaf",
    "critical-name-beside-subject",
    "critical-purposes",
    "list-point-with-a-host",
    "mail-and-server",
    "mail-authority-signs-no-lists",
    "mail-no-key-usage",
    "mail-no-mailbox",
    "mail-root-with-purposes",
    "peer-star-within",
    "root-aki-by-serial",
    "root-names-another-key",
    "root-with-purposes",
    "serial-long",
    "serial-negative",
    "serial-zero",
    "server-and-code",
    "server-and-mail",
    "server-and-ocsp",
    "server-and-time",
    # keys below the floor, at its default level of security
    "dsa",
    "k256",
    "p192",
    "root-rsa-1024",
    "rsa-1024",
    "rsa-odd",
    # names: a common name is a host's there, an asterisk reaches nothing excluded, forms are not looked at
    "names-dns-leading-dot",
    "names-dns-star-reaches-excluded",
    "names-mail-name-two-at",
    "names-nothing-constrained",
    "peer-common-name-only",
    "root-names-dns-leading-dot",
    "root-names-dns-star-reaches-excluded",
    "root-names-mail-name-two-at",
    # DER, lists, and how long a path may be
    "default-constraints",
    "far-too-deep",
    "junk-access",
    "list-delta-revokes",
    "list-no-number",
    "list-twice",
}
UNDECIDED = {"status_unknown", "effort"}


def ask(line: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one case."""
    return answer_line(json.dumps(line).encode())


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # said of the ones that are wrong on purpose
@pytest.mark.parametrize("number", sorted(CASES))
def test_a_case_ends_as_it_must(number: str) -> None:
    """The verdict, and the very reason, for each case; none takes a second."""
    build, outcome = CASES[number]
    answer = ask(build().line())
    assert answer["reason"] == outcome, answer
    verdict = "success" if outcome == "ok" else "indeterminate" if outcome in UNDECIDED else "failure"
    assert answer["verdict"] == verdict
    assert answer["ms"] < 1000


def _openssl(asked: Asked, folder: Path) -> bool:
    """Ask `openssl verify` the same; returns whether it accepts."""
    files = {"trusted": asked.trusted, "between": asked.between, "leaf": (asked.leaf,)}
    for stem, listed in files.items():
        (folder / stem).write_text("".join(_pem("CERTIFICATE", made.der) for made in listed))
    command = ["openssl", "verify", "-x509_strict", "-attime", str(int(NOW.timestamp())), "-CAfile"]
    command += [str(folder / "trusted"), "-partial_chain", "-no-CApath", "-no-CAstore"]
    if asked.between:
        command += ["-untrusted", str(folder / "between")]
    if asked.crls:
        (folder / "lists").write_text("".join(_pem("X509 CRL", b64decode(text)) for text in asked.crls))
        command += ["-CRLfile", str(folder / "lists"), "-extended_crl"]
        command.append("-crl_check_all" if asked.between else "-crl_check")
    purposes = {"server": "sslserver", "client": "sslclient", "email": "smimesign", None: "any"}
    command += ["-purpose", purposes[asked.purpose]]
    kinds = {"dns": "-verify_hostname", "ip": "-verify_ip", "email": "-verify_email"}
    for peer in _peers(asked.peer):
        command += [kinds[peer.kind], peer.value]
    if "max_depth" in asked.more:
        command += ["-verify_depth", str(asked.more["max_depth"])]
    policies = asked.more.get("policies", {})
    for flag in (name for name in policies if policies[name] is True):
        command.append({"explicit": "-explicit_policy", "inhibit_any": "-inhibit_any"}[flag])
    for dotted in policies.get("initial", ["2.5.29.32.0"]):
        command += ["-policy", dotted]
    command.append("-policy_check")
    return subprocess.run([*command, str(folder / "leaf")], capture_output=True, check=False).returncode == 0


def _pem(label: str, data: bytes) -> str:
    return f"-----BEGIN {label}-----\n{encodebytes(data).decode()}-----END {label}-----\n"


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("number", sorted(CASES.keys() - NOT_ASKED))
def test_openssl_agrees(number: str, tmp_path: Path) -> None:
    """The openssl command accepts what is accepted here and refuses the rest, but for what is named above."""
    build, outcome = CASES[number]
    expected = outcome == "ok"
    if number in STRICTER_THERE | LAXER_THERE:
        assert expected is (number in STRICTER_THERE)
        expected = not expected
    assert _openssl(build(), tmp_path) is expected


@pytest.mark.parametrize(
    ("status", "reason"), [("good", "ok"), ("revoked", "revoked"), ("unknown", "status_unknown")]
)
def test_status_by_an_answer(status: str, reason: str) -> None:
    """OCSP answers decide as lists do; with `status` the leaf's alone is asked for."""
    ours = house()
    serial = new_serial()

    def text(data: bytes) -> str:
        return b64encode(data).decode()

    line = {
        "trusted": [text(ours.root)],
        "intermediates": [text(ours.issuing)],
        "leaf": text(ours.certificate(serial=serial)),
        "responses": [text(ours.answer(ours.single(serial, status)))],
        "time": NOW.isoformat(),
    }
    assert ask(line | {"status": "leaf"})["reason"] == reason
    assert ask(line | {"status": "none"})["reason"] == "ok"
    # Without a word about it everybody's status is wanted, and nobody says anything about the authority.
    assert ask(line)["reason"] == ("revoked" if status == "revoked" else "status_unknown")
