"""`dojang verify-path` and `dojang verify` as processes: no centre, no folder; streaming; exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.pki.kit import NOW, house
from tests.unit.pki.paths.cases import CASES
from tests.unit.pki.test_cms import TEXT, openssl_signed
from tests.unit.pki.test_paths import house_list

ROOT = Path(__file__).resolve().parents[4]
COMMAND = [sys.executable, "-m", "dojang.cli"]


def _environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment of somebody who has nothing: no data folder, no database, no settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT / "src"),
        "NO_COLOR": "1",
    } | more


def test_a_line_is_answered_before_the_next_is_written(tmp_path: Path) -> None:
    """Each answer is flushed; what is no case is answered in between; nothing is left behind on the disk."""
    right = json.dumps(CASES["plain"][0]().line() | {"id": 1}).encode()
    with subprocess.Popen(
        [*COMMAND, "verify-path", "--jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(tmp_path),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        verdicts = []
        for line in (right, b"no case", b"", b'{"leaf": "MAA="}', b"\xff\xfe", right):
            process.stdin.write(line + b"\n")
            process.stdin.flush()
            if line:
                verdicts.append(json.loads(process.stdout.readline())["verdict"])
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(30) == 0
    assert verdicts == ["success", "indeterminate", "failure", "indeterminate", "success"]
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_a_centre_is_loaded_for_it(tmp_path: Path) -> None:
    """It starts quickly because neither Django nor the database's driver nor the offer is imported."""
    code = (
        "import sys; sys.argv = ['dojang', 'verify-path']; from dojang.cli.main import main; main(); "
        "print([m for m in ('django', 'psycopg', 'dojang.products', 'typer') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"", capture_output=True, env=_environment(tmp_path), check=True
    )
    assert done.stdout == b"[]\n"


def test_an_unknown_option_is_a_wrong_call(tmp_path: Path) -> None:
    """Exit code 2, as everywhere."""
    done = subprocess.run(
        [*COMMAND, "verify-path", "--xml"], capture_output=True, env=_environment(tmp_path), check=False
    )
    assert done.returncode == 2


def test_a_reader_who_leaves_is_no_fault(tmp_path: Path) -> None:
    """A closed pipe ends it without a word on standard error."""
    line = json.dumps(CASES["plain"][0]().line()).encode() + b"\n"
    with subprocess.Popen(
        [*COMMAND, "verify-path"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(tmp_path),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(line * 3)
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 1


def _verify(folder: Path, *arguments: str, language: str = "en_GB.UTF-8") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "verify", *arguments],
        capture_output=True,
        text=True,
        env=_environment(folder, LANG=language, PYTHONUTF8="1"),
        check=False,
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with a signature, its content, and what a verifier knows."""
    ours = house()
    contents = {
        "signed": openssl_signed("ec-p256", TEXT),
        "text": TEXT,
        "root": ours.root,
        "between": ours.issuing,
        "list-1": house_list(ours),
        "list-2": ours.revocations(),
    }
    for stem, data in contents.items():
        (tmp_path / stem).write_bytes(data)
    return tmp_path


def _known(files: Path) -> list[str]:
    pairs = (("--trust", "root"), ("--between", "between"), ("--crl", "list-1"), ("--crl", "list-2"))
    return [part for option, stem in pairs for part in (option, str(files / stem))] + [
        "--at",
        NOW.isoformat(),
    ]


def test_a_signature_by_the_command(files: Path) -> None:
    """Valid is 0, invalid 1, undecided 3; codes for programs, sentences for people."""
    signed, text = str(files / "signed"), ("--content", str(files / "text"))
    done = _verify(files, signed, *text, *_known(files), "--json")
    assert done.returncode == 0
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["kind"], told["verdict"], [r["code"] for r in told["reasons"]]) == (
        "signature",
        "valid",
        ["ok"],
    )
    assert told["encoding"] == "UTF-8"
    open_question = _verify(files, signed, *_known(files), "--json")
    assert (open_question.returncode, json.loads(open_question.stdout)["verdict"]) == (3, "indeterminate")
    wrong = _verify(files, signed, "--content", str(files / "root"), *_known(files))
    assert wrong.returncode == 1
    assert wrong.stdout.splitlines()[0] == "Signature: not valid."
    assert "The content is not what was signed. (content_changed; RFC 5652 §11.2)" in wrong.stdout


def test_it_speaks_korean(files: Path) -> None:
    """The same in the language of the environment."""
    done = _verify(
        files, str(files / "signed"), "--content", str(files / "text"), *_known(files), language="ko_KR.UTF-8"
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "전자서명: 유효해요."
    assert any("홍길동" in line for line in lines)
    assert any(line.endswith("인증서 유효기간이 끝나요.") for line in lines)


def test_a_file_for_trust_that_is_none_is_an_error(files: Path) -> None:
    """A trust list that cannot be read stops it with a sentence, not with a traceback."""
    (files / "list.toml").write_text("anchor = 1")
    done = _verify(files, str(files / "signed"), "--trust", str(files / "list.toml"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "not well formed" in done.stderr
