"""The signing process as a process: how it starts, refuses to start, ends, and whom it answers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import struct
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.unit.signer.processes import CHEAP, Bodies, SignerProcess, signer_process

from dojang.adapters.signer_client import SocketSigner
from dojang.config.home import Home
from dojang.ports.signer_errors import PinWrongError, SignerHaltedError, SignerUnavailableError
from dojang.ports.signer_journal import broken_entries
from dojang.ports.signer_wire import socket_path

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGEST = bytes(range(32))


@pytest.fixture
def stopped() -> Iterator[SignerProcess]:
    """Return a signer that has run once, holds a key, and has ended in order."""
    with signer_process() as process:
        process.client.create_authority_key(label="root", role="root", algorithm="ec-p256")
        assert process.end() == 0
        yield process


def mode(path: Path) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(path.lstat().st_mode)


def test_nobody_else_can_read_what_is_kept(running: SignerProcess) -> None:
    """Folders are 0700, every file and the socket 0600, and the process cannot be dumped."""
    running.client.create_authority_key(label="root", role="root", algorithm="ec-p256")
    for folder in ("signer", "secrets"):
        assert mode(running.home / folder) == 0o700
        files = list((running.home / folder).iterdir())
        assert len(files) >= 1
        assert {mode(file) for file in files} == {0o600}
    assert stat.S_ISSOCK(socket_path(running.home).stat().st_mode)
    assert running.process is not None
    limits = Path(f"/proc/{running.process.pid}/limits").read_text().splitlines()
    (cores,) = [line.split() for line in limits if line.startswith("Max core file size")]
    assert cores[4:6] == ["0", "0"]
    # A process that may not be dumped belongs to root in /proc, whoever runs it.
    assert Path(f"/proc/{running.process.pid}/mem").stat().st_uid == 0


def test_it_ends_in_order_when_told(running: SignerProcess) -> None:
    """SIGTERM ends it with code 0, takes the socket away and leaves the journal whole."""
    running.client.create_authority_key(label="root", role="root", algorithm="ec-p256")
    assert running.end() == 0
    assert not socket_path(running.home).exists()
    assert running.run("--check") == 0
    assert "the journal holds: 2 entries" in running.logged


def test_a_client_outlives_the_process(running: SignerProcess) -> None:
    """The same client goes on after the signer was killed and started again; keys are as before."""
    before = running.client.create_authority_key(label="root", role="root", algorithm="ec-p256")
    running.end(signal.SIGKILL)
    running.start()
    assert running.client.keys() == (before,)
    assert broken_entries(running.client.journal()) == ()


def test_a_client_survives_a_fork(running: SignerProcess) -> None:
    """A child that inherits a used client opens its own connections; no answers are mixed up."""
    made = running.client.create_authority_key(label="root", role="root", algorithm="ec-p256")
    child = os.fork()
    if child == 0:
        code = 9
        try:
            code = 0 if all(running.client.keys() == (made,) for _ in range(50)) else 1
        finally:
            os._exit(code)
    for _ in range(50):
        assert running.client.keys() == (made,)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_client_says_so_when_nobody_answers(stopped: SignerProcess) -> None:
    """Without a signer every verb ends in time with one typed error."""
    client = SocketSigner(socket_path(stopped.home), timeout=1.0, patience=0.1)
    started = time.monotonic()
    with pytest.raises(SignerUnavailableError):
        client.halt(reason="x")
    assert time.monotonic() - started < 2.0


def test_a_client_gives_up_on_a_silent_signer() -> None:
    """A process that takes a request and never answers costs the time-out, not for ever."""
    with tempfile.TemporaryDirectory(prefix="dj-sig-") as folder:
        path = Path(folder) / "signer.sock"
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(os.fspath(path))
            silent.listen()
            started = time.monotonic()
            with pytest.raises(SignerUnavailableError) as caught:
                SocketSigner(path, timeout=0.5).sign_with_wallet(
                    key_id="k", sealed=b"s", pin="135790", digest=DIGEST, purpose="p"
                )
            assert 0.4 < time.monotonic() - started < 3.0
            assert "135790" not in f"{caught.value!r}{caught.value.data}"


def test_a_halt_and_wrong_pins_survive_kill_9(running: SignerProcess) -> None:
    """Neither the switch nor the counts are forgotten."""
    offer = running.client.create_wallet_key(
        key_id="k", customer_id="c", pin="135790", idn="9001011234567", previous=None
    )

    def guess() -> None:
        running.client.sign_with_wallet(
            key_id="k", sealed=offer.sealed, pin="246801", digest=DIGEST, purpose="p"
        )

    for left in (4, 3):
        with pytest.raises(PinWrongError) as wrong:
            guess()
        assert wrong.value.data == {"left": left}
        running.end(signal.SIGKILL)
        running.start()
    running.client.halt(reason="stop")
    running.end(signal.SIGKILL)
    running.start()
    with pytest.raises(SignerHaltedError):
        guess()
    running.client.resume(reason="go")
    running.end(signal.SIGKILL)
    running.start()
    with pytest.raises(PinWrongError) as last:
        guess()
    assert last.value.data == {"left": 2}


def test_one_store_has_one_signer(running: SignerProcess) -> None:
    """A second process with the same data folder ends with code 4 and leaves the first one alone."""
    before = running.client.create_authority_key(label="root", role="root", algorithm="ec-p256")
    second = SignerProcess(running.home, *CHEAP)
    assert second.run() == 4
    assert running.client.keys() == (before,)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda place: place.unlink(), "is missing"),
        (lambda place: place.write_text("another\n"), "does not open this store"),
        (lambda place: place.write_text("\n"), "is empty"),
        (lambda place: place.chmod(0o640), "can be read by others"),
    ],
)
def test_it_does_not_start_without_its_passphrase(stopped: SignerProcess, spoil: object, says: str) -> None:
    """A missing, other, empty or readable passphrase ends it with code 3, a sentence and no new one."""
    place = stopped.home / "secrets" / "signer.pass"
    passphrase = place.read_text()
    spoil(place)  # type: ignore[operator]
    assert stopped.run() == 3
    assert says in stopped.logged
    assert not socket_path(stopped.home).exists()
    place.write_text(passphrase)
    place.chmod(0o600)
    stopped.start()
    held = stopped.client.keys()
    assert [key.label for key in held] == ["root"]


@pytest.mark.parametrize(
    "arguments",
    [("--pin-errors", "0"), ("--pin-errors", "21"), ("--pin-memory-kib", "1"), ("--max-leap", "0")],
)
def test_impossible_settings_are_refused_at_start(arguments: tuple[str, str]) -> None:
    """A setting that would undo a protection ends the process with code 3."""
    with tempfile.TemporaryDirectory(prefix="dj-sig-") as folder:
        process = SignerProcess(Path(folder))
        try:
            assert process.run(*arguments) == 3
        finally:
            process.close()


def test_a_long_data_folder_has_a_short_socket() -> None:
    """With a path no socket can have, signer, client and data folder agree on a private place elsewhere."""
    with tempfile.TemporaryDirectory(prefix="dj-sig-") as folder:
        home = Path(folder) / ("long" * 30)
        home.mkdir()
        assert socket_path(home) == Home(home).signer_socket
        process = SignerProcess(home, *CHEAP).start()
        try:
            assert process.client.keys() == ()
            assert mode(socket_path(home).parent) == 0o700
        finally:
            process.close()
            shutil.rmtree(socket_path(home).parent)


def test_a_short_data_folder_keeps_its_socket(tmp_path: Path) -> None:
    """Signer and data folder agree on the place here too."""
    home = Path("/srv/dojang")
    assert socket_path(home) == Home(home).signer_socket == Path("/srv/dojang/signer/signer.sock")
    assert socket_path(tmp_path) == Home(tmp_path).signer_socket


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_not_answered(running: SignerProcess) -> None:
    """A process of another user is cut off, even when the file's mode would let it in."""
    path = socket_path(running.home)
    assert running.client.keys() == ()
    for place in (running.home, path.parent):
        place.chmod(0o755)
    path.chmod(0o666)
    child = os.fork()
    if child == 0:  # the stranger: says by its exit code what it got
        code = 9
        try:
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.settimeout(5.0)
                stranger.connect(os.fspath(path))
                try:
                    stranger.sendall(struct.pack(">I", 2) + b"\x80\x80")
                    code = 0 if stranger.recv(10) == b"" else 1
                except ConnectionError:
                    code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert running.client.keys() == ()
    assert "another user was refused (uid 65534)" in running.logged


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_client_does_not_talk_to_an_impostor() -> None:
    """A socket served by another user gets no request, so no PIN."""
    with tempfile.TemporaryDirectory(prefix="dj-sig-") as folder:
        Path(folder).chmod(0o777)
        path = Path(folder) / "signer.sock"
        ready_read, ready_write = os.pipe()
        child = os.fork()
        if child == 0:
            code = 9
            try:
                os.setuid(65534)
                with socket.socket(socket.AF_UNIX) as impostor:
                    impostor.bind(os.fspath(path))
                    impostor.listen()
                    impostor.settimeout(5.0)
                    os.write(ready_write, b"x")
                    connection, _ = impostor.accept()
                    connection.settimeout(5.0)
                    code = 0 if connection.recv(100) == b"" else 1
            finally:
                os._exit(code)
        assert os.read(ready_read, 1) == b"x"
        with pytest.raises(SignerUnavailableError):
            SocketSigner(path, timeout=2.0).sign_with_wallet(
                key_id="k", sealed=b"s", pin="135790", digest=DIGEST, purpose="p"
            )
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        os.close(ready_read)
        os.close(ready_write)


def test_requests_in_progress_are_finished_before_the_end(running: SignerProcess, bodies: Bodies) -> None:
    """Every signature handed out around a SIGTERM is in the journal; nothing is half done."""
    handed: list[bytes] = []

    def work() -> None:
        client = SocketSigner(socket_path(running.home), timeout=5.0, patience=0.1)
        while True:
            try:
                handed.append(
                    client.sign_certificate(issuer="issuing", profile="financial", tbs=bodies.subscriber())
                )
            except SignerUnavailableError:
                return

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 20
    while len(handed) < 50 and time.monotonic() < deadline:
        threads[0].join(0.01)
    assert running.end() == 0
    for thread in threads:
        thread.join()
    running.start()
    recorded = {
        entry.body["signature"]
        for entry in running.client.journal(limit=1_000_000)
        if entry.verb == "sign_certificate" and entry.body["issuer"] == "issuing"
    }
    assert {signature.hex() for signature in handed} <= recorded
    assert len(handed) >= 50
