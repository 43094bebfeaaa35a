"""What could not serve is refused at the start, in words; `dojang config` and `db` find it before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connection
from django.test import Client

from dojang.config.condition import look
from dojang.config.options import look_over

if TYPE_CHECKING:
    from pathlib import Path

    from dojang.ports.world import World


def dojang(home: Path, *words: str, **environment: str) -> tuple[int, str]:
    """Run a command with this data folder; return its code and everything it said."""
    done = subprocess.run(
        [sys.executable, "-m", "dojang.cli", *words],
        env={**os.environ, "DOJANG_HOME": str(home), "LANG": "en_US.UTF-8", **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


SERVING = ("adapters", "database", "schema", "signer", "authorities")
IMPOSSIBLE = {
    "policy.bank.name_ko": '""',
    "policy.bank.name_en": '"   "',
    "policy.bank.phone": '"call us"',
    "policy.bank.institution_code": '"99"',
    "policy.bank.policy_arc": '"1.3..6"',
    "policy.bank.theme": '"nobody"',
    "policy.sms_reply.digits": "10",
    "policy.status.crl_shards": "70000",
    "policy.suspension.hold_days": "99999999999",
    "policy.wrong_entries.otp": "99999999999",
    "policy.devices.min_app_version": '"soon"',
    "policy.products.joint.life_days": "367",
    "policy.products.passport": "{ life_days = 3 }",
    "policy.no_such_figure": "1",
}
#: Settings beside the policy.
BESIDE = {"log_level": '"LOUD"', "public_url": '"https://[bank"', "nonsense": "1"}


@pytest.mark.parametrize("name", [*IMPOSSIBLE, *BESIDE])
def test_an_impossible_setting_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting that would hurt a customer later is the one fault that is found, by its name."""
    table, _, last = name.rpartition(".")
    value = {**IMPOSSIBLE, **BESIDE}[name]
    place = tmp_path / "dojang.toml"
    place.write_text(f"[{table}]\n{last} = {value}\n" if table else f"{last} = {value}\n")
    monkeypatch.setenv("DOJANG_CONFIG", str(place))
    _, found = look_over()
    wanted = name if name in IMPOSSIBLE or name == "nonsense" else f"DOJANG_{name.upper()}"
    assert [fault.data["name"] for fault in found] == [wanted]


def test_a_variable_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that should be JSON and is not has its name in the refusal, not a trace."""
    monkeypatch.setenv("DOJANG_POLICY", "{ bank = 3 }")
    options, found = look_over()
    assert (options, [fault.data["name"] for fault in found]) == (None, ["DOJANG_POLICY"])


def test_all_faults_are_told_at_once_each_with_its_remedy(tmp_path: Path) -> None:
    """`dojang config check` names every impossible setting and what has no adapter, and ends with 1."""
    chosen = [name for name in IMPOSSIBLE if name.startswith("policy.bank.")]
    lines = [f"{name.removeprefix('policy.bank.')} = {IMPOSSIBLE[name]}" for name in chosen]
    (tmp_path / "dojang.toml").write_text("sandbox = false\n[policy.bank]\n" + "\n".join(lines))
    code, said = dojang(tmp_path, "config", "check", "--json", DOJANG_CONFIG=str(tmp_path / "dojang.toml"))
    faults = json.loads(said)["faults"]
    assert code == 1
    assert [fault["code"] for fault in faults] == ["setting_wrong"] * len(chosen) + ["wiring_impossible"]
    assert all(fault["remedy"] for fault in faults)
    (tmp_path / "dojang.toml").write_text('[policy.bank]\nname_en = "Moon Bank"\n')
    code, said = dojang(tmp_path, "config", "check", DOJANG_CONFIG=str(tmp_path / "dojang.toml"))
    assert (code, "can all be" in said) == (0, True)


@pytest.mark.parametrize("lost", ["field.key", "numbers.key"])
def test_a_lost_key_is_not_replaced_in_silence(lost: str, tmp_path: Path, fresh_database: str) -> None:
    """Once a database was sealed with a key, a start with another one is refused, whoever made it."""
    home = tmp_path / "home"
    settings = {"DOJANG_DATABASE_URL": fresh_database}
    assert dojang(home, "db", "migrate", **settings)[0] == 0
    kept = (home / "secrets" / lost).read_text()
    (home / "secrets" / lost).unlink()
    for words in (("serve", "--role", "web"), ("serve", "--role", "worker"), ("audit", "verify")):
        code, said = dojang(home, *words, **settings)
        assert (code, lost in said, "backup" in said) == (1, True, True), said
        assert not (home / "secrets" / lost).exists()
    code, said = dojang(home, "doctor", **settings)
    assert (code, f"{lost} is lost" in said) == (1, True)
    (home / "secrets" / lost).write_text(kept)
    code, said = dojang(home, "db", "check", "--json", **settings)
    assert [fault["code"] for fault in json.loads(said)["faults"]] == ["ceremony_missing"]
    # A wrong key somebody put there stays where it is: it is theirs.
    (home / "secrets" / lost).write_text("00" * 32)
    code, said = dojang(home, "db", "check", "--json", **settings)
    assert [fault["code"] for fault in json.loads(said)["faults"]] == ["key_replaced", "ceremony_missing"]
    assert (home / "secrets" / lost).exists()


def test_an_old_schema_no_ceremony_and_no_adapter_are_refused_at_start(
    tmp_path: Path, fresh_database: str
) -> None:
    """A process that could not serve ends with a sentence and the command that helps; nothing is changed."""
    settings = {"DOJANG_DATABASE_URL": fresh_database}
    code, said = dojang(tmp_path, "serve", "--role", "web", **settings)
    assert (code, "dojang ca ceremony" in said) == (1, True), said
    with psycopg.connect(fresh_database, autocommit=True) as link:
        link.execute("DELETE FROM django_migrations WHERE app = 'guard' AND name = '0003_set_aside'")
        code, said = dojang(tmp_path, "serve", "--role", "api", **settings)
        assert (code, "dojang db migrate" in said) == (1, True), said
        code, said = dojang(tmp_path, "db", "check", "--json", **settings)
        assert (code, [fault["code"] for fault in json.loads(said)["faults"]]) == (1, ["database_behind"])
        code, said = dojang(tmp_path, "doctor", "--json", **settings)
        tables = [found for found in json.loads(said) if found["name"] == "tables"]
        assert (code, [found["ok"] for found in tables]) == (1, [False])
    code, said = dojang(tmp_path, "serve", "--role", "web", DOJANG_SANDBOX="0", **settings)
    assert (code, "DOJANG_SANDBOX" in said) == (1, True), said


@pytest.mark.django_db(transaction=True)
def test_readiness_is_refused_without_tables_authorities_or_adapters(world: World, tmp_path: Path) -> None:
    """`readyz` is 503 and names the part: tables of another version, no authority, nothing outside."""

    def told() -> tuple[int, set[str]]:
        answer = Client().get("/readyz")
        return answer.status_code, {name for name in SERVING if not answer.json()[name]}

    assert told() == (200, set())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET name = '9999' WHERE app = 'guard' AND name LIKE '0003%'")
        assert told() == (503, {"schema"})
        cursor.execute("UPDATE django_migrations SET name = '0003_set_aside' WHERE name = '9999'")
        cursor.execute("UPDATE ca_authority SET not_after = not_before WHERE role = 'ocsp'")
    assert told() == (503, {"authorities"})
    unwired = look(None, tmp_path)
    assert (unwired.ready, unwired.parts["adapters"], unwired.parts["disk"]) == (False, False, True)
