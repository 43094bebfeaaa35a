"""NIST's test of path validation (PKITS): 246 cases, each with the outcome its document demands.

The certificates and lists are fetched by the set-up (`tools/setup.py`), not kept here; what each case is
made of and how it must end is `tests/vectors/pkits.txt`.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from dojang.cli.verify_path import answer_lines
from dojang.pki.errors import IndeterminateError, MalformedError, VerificationError
from dojang.pki.paths import Demands, PolicyDemands, Trust, verify_path

ROOT = Path(__file__).resolve().parents[4]
TABLE = ROOT / "tests" / "vectors" / "pkits.txt"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICIES = "2.16.840.1.101.3.2.1.48."
#: Where a status cannot be known PKITS says that the path must not validate: it is not found *wrong*.
UNKNOWN = "status_unknown"


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    number: str
    leaf: str
    between: tuple[str, ...]
    lists: tuple[str, ...]
    settings: dict[str, str]
    outcome: str

    @property
    def policies(self) -> PolicyDemands:
        """The settings as inputs of the validation."""
        named = self.settings.get("policies")
        return PolicyDemands(
            initial=None if named is None else frozenset(POLICIES + one for one in named.split(",")),
            explicit="explicit" in self.settings,
            inhibit_mapping="inhibit-mapping" in self.settings,
            inhibit_any="inhibit-any" in self.settings,
        )


def _cases() -> list[Case]:
    found = []
    for line in TABLE.read_text("ascii").splitlines():
        if line.startswith("#"):
            continue
        number, leaf, between, lists, settings, outcome = (part.strip() for part in line.split("|"))
        pairs = dict(one.partition("=")[::2] for one in settings.split())
        found.append(Case(number, leaf, tuple(between.split()), tuple(lists.split()), pairs, outcome))
    return found


CASES = _cases()


@cache
def _certificate(name: str) -> bytes:
    return _read("certs", f"{name}.crt")


@cache
def _list(name: str) -> bytes:
    return _read("crls", f"{name}.crl")


def _read(kind: str, name: str) -> bytes:
    place = Path(sys.prefix) / "vectors" / "pkits"
    assert place.is_dir(), "the certificates of PKITS are not here: run `make setup-test`"
    return (place / kind / name).read_bytes()


def test_all_cases_are_in_the_table() -> None:
    """246 cases, of which 110 must succeed; none is left out."""
    assert len(CASES) == 246
    assert len({case.number for case in CASES}) == 246
    assert sum(case.outcome == "ok" for case in CASES) == 110


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_a_case_ends_as_its_document_demands(case: Case) -> None:
    """Success where it must, and elsewhere the refusal for the very reason the case was made for."""
    trust = Trust(
        roots=(_certificate("TrustAnchorRootCertificate"),),
        intermediates=tuple(map(_certificate, case.between)),
        crls=(_list("TrustAnchorRootCRL"), *map(_list, case.lists)),
    )
    demands = Demands(policies=case.policies)
    leaf = _certificate(case.leaf)
    if case.outcome == "ok":
        path = verify_path(leaf, trust=trust, at=NOW, demands=demands)
        assert path.certificates[0] == leaf
        assert path.certificates[-1] == trust.roots[0]
        return
    expected = IndeterminateError if case.outcome == UNKNOWN else (VerificationError, MalformedError)
    with pytest.raises(expected) as caught:
        verify_path(leaf, trust=trust, at=NOW, demands=demands)
    assert caught.value.data.get("why", caught.value.code) == case.outcome


def test_the_same_cases_by_the_command() -> None:
    """All 246 through `dojang verify-path --jsonl`: a line in, a line out, the same outcomes."""
    lines = "".join(json.dumps(_as_line(case)) + "\n" for case in CASES)
    out = io.StringIO()
    answer_lines(io.BytesIO(lines.encode()), out)
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(a["id"], a["reason"]) for a in answers] == [(case.number, case.outcome) for case in CASES]
    verdicts = {"ok": "success", UNKNOWN: "indeterminate"}
    assert [a["verdict"] for a in answers] == [verdicts.get(c.outcome, "failure") for c in CASES]


def _as_line(case: Case) -> dict[str, object]:
    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    policies = case.policies
    return {
        "id": case.number,
        "trusted": [text(_certificate("TrustAnchorRootCertificate"))],
        "intermediates": [text(_certificate(name)) for name in case.between],
        "leaf": text(_certificate(case.leaf)),
        "crls": [text(_list(name)) for name in ("TrustAnchorRootCRL", *case.lists)],
        "time": "2026-06-01T00:00:00Z",
        "policies": {
            "initial": None if policies.initial is None else sorted(policies.initial),
            "explicit": policies.explicit,
            "inhibit_mapping": policies.inhibit_mapping,
            "inhibit_any": policies.inhibit_any,
        },
    }
