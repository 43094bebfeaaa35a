"""`dojang up` as a whole: starting, restarting what dies, stopping, and telling what is in the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.centres import discard, free_port, make_centre, wait_until

from dojang.config.listeners import listening
from dojang.sandbox.cast import BY_HANDLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.centres import Centre

pytestmark = [pytest.mark.live, pytest.mark.faults]


def test_first_certificate_then_a_quick_second_start() -> None:
    """DOJANG_RUN_ONCE issues a certificate in 18 steps that openssl accepts; the next start takes < 10 s."""
    centre = make_centre(run_once="1")
    try:
        first = _run_up(centre)
        assert first.returncode == 0, first.stdout + first.stderr
        steps = [line.split()[0] for line in first.stdout.splitlines() if line.strip().endswith(" s")]
        assert steps == [str(number) for number in range(1, 19)]
        assert "certificate.pem: OK" in first.stdout
        assert "Response verify OK; good" in first.stdout
        second = _run_up(centre)
        assert second.returncode == 0, second.stdout + second.stderr
        assert "from an earlier start" in second.stdout
        ready = next(line for line in second.stderr.splitlines() if line.startswith("Ready in "))
        assert float(ready.split()[2]) < 10
    finally:
        discard(centre)


def _run_up(centre: Centre) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dojang.cli", "up"],
        capture_output=True, text=True, timeout=180, check=False, env=centre.env,
    )  # fmt: skip


def test_every_process_that_is_killed_comes_back(start_centre: Callable[..., Centre]) -> None:
    """After kill -9 of signer, web, worker and database in turn the same centre is ready again."""
    centre = start_centre()
    for name in ("signer", "http", "http", "http", "worker", "worker", "postgres"):
        before = centre.pids()[name]
        os.kill(before[0], signal.SIGKILL)
        wait_until(
            lambda name=name, before=before: _came_back(centre, name, before[0]), f"{name} to come back"
        )
        wait_until(centre.is_ready, "the centre to be ready")
        assert listening(centre.port) == centre.pids()["http"]
    assert centre.process is not None
    assert centre.process.poll() is None


def _came_back(centre: Centre, name: str, killed: int) -> bool:
    now = centre.pids().get(name, [])
    return bool(now) and killed not in now


def test_killed_supervisor_leaves_nothing_and_starts_again(start_centre: Callable[..., Centre]) -> None:
    """When the supervisor is killed every child ends, and the next start finds its data whole."""
    centre = start_centre()
    children = [pid for name, pids in centre.pids().items() if name != "up" for pid in pids]
    assert len(children) >= 4
    centre.kill()
    wait_until(lambda: not any(_is_alive(pid) for pid in children), "the children to end", patience=60)
    assert listening(centre.port) == []
    centre.start()
    assert listening(centre.port) == centre.pids()["http"]
    verified = centre.dojang("audit", "verify", "--json")
    assert json.loads(verified.stdout)["ok"], verified.stdout + verified.stderr


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_killed_watcher_leaves_nobody_listening(start_centre: Callable[..., Centre]) -> None:
    """Two status processes end with the one that watches them, though clients hang on them."""
    centre = start_centre()
    env = {**centre.env, "DOJANG_PORT": str(free_port()), "DOJANG_WORKERS": "2"}
    port = int(env["DOJANG_PORT"])
    command = [sys.executable, "-m", "dojang.cli", "serve", "--role", "va"]
    with subprocess.Popen(command, env=env, start_new_session=True) as watcher:
        try:
            wait_until(lambda: len(listening(port)) == 2, "two to listen")
            first = listening(port)
            os.kill(first[0], signal.SIGKILL)
            wait_until(lambda: len(set(listening(port)) - {first[0]}) == 2, "another in its place")
            clients = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(8)]
            for client in clients:
                client.sendall(b"POST /ocsp HTTP/1.1\r\nHost: h\r\nContent-Length: 90\r\n\r\nhalf")
        finally:
            watcher.kill()
    wait_until(lambda: listening(port) == [], "nobody to listen", patience=30)
    for client in clients:
        client.close()


def test_stop_is_clean_and_complete(start_centre: Callable[..., Centre]) -> None:
    """SIGTERM ends everything within seconds, with exit code 0 and the database shut down in order."""
    centre = start_centre()
    children = [pid for pids in centre.pids().values() for pid in pids]
    began = time.monotonic()
    assert centre.process is not None
    centre.process.terminate()
    assert centre.process.wait(30) == 0
    assert time.monotonic() - began < 20
    assert not any(_is_alive(pid) for pid in children)
    assert (
        "database system is shut down" in (centre.home / "log" / "postgres.log").read_text().splitlines()[-1]
    )


def test_second_centre_in_the_same_folder_is_refused(live: Centre) -> None:
    """Another `dojang up` of the same folder is refused with the first one's pid; the first goes on."""
    done = live.dojang("up")
    assert live.process is not None
    assert done.returncode == 1
    assert f"(process {live.process.pid})" in done.stderr
    assert live.is_ready()


def test_taken_port_is_told_before_anything_starts(live: Centre) -> None:
    """A port somebody listens on is refused with a remedy, and no data folder is filled."""
    other = make_centre(port=str(live.port))
    try:
        done = other.dojang("up")
        assert done.returncode == 1
        assert f"port {live.port}" in done.stderr
        assert "DOJANG_PORT=" in done.stderr
        assert not (other.home / "pg").exists()
    finally:
        discard(other)


def test_a_database_that_does_not_answer_is_told_in_a_sentence() -> None:
    """Where no database is, `dojang up` says so and what to do, and leaves nothing running."""
    centre = make_centre(database_url="postgresql://127.0.0.1:1/nothing")
    try:
        done = _run_up(centre)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Traceback" not in done.stderr
        assert "Check DOJANG_DATABASE_URL" in done.stderr
        assert not (centre.home / "signer" / "signer.sock").exists()
    finally:
        discard(centre)


def test_a_mistyped_factor_does_not_look_unlocked(live: Centre) -> None:
    """Unlocking what is not locked says so, and tells nobody."""
    done = live.dojang("customer", "unlock", BY_HANDLE["hong"].id, "--factor", "otp")
    assert (done.returncode, done.stdout) == (0, "otp was not locked.\n")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("doctor", "--json"), 0),
        (("ca", "show", "--json"), 0),
        (("crl", "publish", "--json"), 0),
        (("audit", "verify", "--json"), 0),
        (("cert", "list", "nobody", "--json"), 0),
        (("cert", "show", "00", "--json"), 1),
        (("cert", "verify", "zz", "--json"), 1),
        (("cert", "revoke", "00", "--json"), 1),
        (("run", "status", "nowhere", "--json"), 1),
        (("customer", "hold", "nobody", "--json"), 1),
        (("customer", "unlock", "nobody", "--factor", "otp", "--json"), 1),
    ],
)
def test_commands_answer_as_json(live: Centre, command: tuple[str, ...], code: int) -> None:
    """Every command answers one JSON document and its exit code; errors carry a code and a next step."""
    done = live.dojang(*command)
    answer = json.loads(done.stdout)
    assert done.returncode == code, done.stderr
    if code:
        assert set(answer["error"]) == {"code", "message", "next", "data"}
        assert answer["error"]["next"]


def test_a_halt_is_seen_by_whoever_looks_after_the_centre(live: Centre) -> None:
    """While signing is stopped the command and the doctor say so; everything else looks well meanwhile."""

    def look() -> tuple[bool, bool]:
        told = json.loads(live.dojang("signer", "status", "--json").stdout)
        findings = json.loads(live.dojang("doctor", "--json").stdout)
        return told["halted"], next(item["ok"] for item in findings if item["name"] == "signing")

    assert look() == (False, True)
    try:
        assert live.dojang("signer", "halt", "--reason", "a drill").returncode == 0
        assert look() == (True, False)
        assert live.is_ready()
    finally:
        assert live.dojang("signer", "resume", "--reason", "the drill is over").returncode == 0
    assert look() == (False, True)


def test_the_doctor_asks_the_database_that_was_named() -> None:
    """An address where nothing answers is found out, and its password is not said."""
    centre = make_centre(database_url="postgresql://somebody:opensesame@127.0.0.1:1/nothing")
    try:
        done = centre.dojang("doctor", "--json")
        found = {item["name"]: item["ok"] for item in json.loads(done.stdout)}
        assert (done.returncode, found["database"]) == (1, False)
        assert "opensesame" not in done.stdout + done.stderr
    finally:
        discard(centre)


def test_wrong_calls_exit_with_two(live: Centre) -> None:
    """An unknown verb or a missing argument is a wrong call: exit code 2."""
    assert live.dojang("cert", "paint").returncode == 2
    assert live.dojang("cert", "show").returncode == 2


def test_commands_speak_korean_to_koreans(live: Centre) -> None:
    """With a Korean LANG the sentence is Korean; without it, English."""
    korean = {**live.env, "LC_ALL": "ko_KR.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-m", "dojang.cli", "run", "status", "x"],
        capture_output=True, text=True, timeout=60, check=False, env=korean,
    )  # fmt: skip
    assert "진행은 없어요" in done.stderr
    assert "There is no run" in live.dojang("run", "status", "x").stderr
