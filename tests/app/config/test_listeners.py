"""Who listens on the port before a start: our own leftovers are ended, anybody else is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.centres import free_port

from dojang.config.listeners import PortTakenError, claim_port, listening
from dojang.config.options import Options
from dojang.config.processes import SUPERVISED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LISTEN = """
import socket, sys
link = socket.socket()
link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
link.bind(("127.0.0.1", int(sys.argv[1])))
link.listen()
print("listens", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def options(tmp_path: Path) -> Options:
    """Return the settings of a centre that is about to start."""
    return Options(home=tmp_path, port=free_port())


@pytest.fixture
def listeners(options: Options) -> Iterator[list[subprocess.Popen[str]]]:
    """Return a list of processes to be ended after the test."""
    made: list[subprocess.Popen[str]] = []
    yield made
    for process in made:
        process.kill()
        process.communicate(timeout=30)


def _listen(options: Options, **env: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _LISTEN, str(options.port)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **env},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "listens\n"
    return process


def test_leftovers_of_the_same_centre_are_ended(
    options: Options, listeners: list[subprocess.Popen[str]]
) -> None:
    """Two processes whose supervisor is gone are ended, and the port is free at once."""
    env = {SUPERVISED: "1", "DOJANG_HOME": str(options.home)}
    listeners += [_listen(options, **env), _listen(options, **env)]
    assert listening(options.port) == sorted(process.pid for process in listeners)
    assert sorted(claim_port(options)) == sorted(process.pid for process in listeners)
    assert listening(options.port) == []
    assert claim_port(options) == []


@pytest.mark.parametrize("kind", ["foreign", "another centre's", "watched over"])
def test_anybody_else_is_refused_and_left_alone(
    options: Options, listeners: list[subprocess.Popen[str]], kind: str
) -> None:
    """A program of somebody else's, another folder's leftover, and one that is watched over all stay."""
    env = {
        "foreign": {SUPERVISED: "", "DOJANG_HOME": str(options.home)},
        "another centre's": {SUPERVISED: "1", "DOJANG_HOME": f"{options.home}/other"},
        "watched over": {SUPERVISED: str(os.getpid()), "DOJANG_HOME": str(options.home)},
    }[kind]
    listeners.append(_listen(options, **env))
    with pytest.raises(PortTakenError):
        claim_port(options)
    assert listening(options.port) == [listeners[0].pid]
    assert listeners[0].poll() is None
