"""The Unix socket: who may connect, how frames come and go, how it ends.

One thread a connection, a bounded number of them. The socket appears under its name only when every key is
loaded. Nothing of a request is ever logged: a fault inside is told by its kind and place alone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

from dojang.pki.errors import DojangError, MalformedError
from dojang.ports import signer_wire as wire
from dojang.ports.signer_errors import SignerBusyError, SignerError, error_to_wire

if TYPE_CHECKING:
    from pathlib import Path

    from dojang.signer.verbs import Signing

_log = logging.getLogger("dojang.signer")

_CONNECTIONS: Final = 128
_BACKLOG: Final = 128
_FRAME_SECONDS: Final = 10.0  # for a frame to arrive once begun, and for an answer to be taken
_LARGE_AT_ONCE: Final = 2


class Server:
    """Serves one `Signing` at one path. `open` makes it reachable, `close` ends it in good order."""

    def __init__(self, path: Path, signing: Signing) -> None:
        self._path = path
        self._signing = signing
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._idle: set[socket.socket] = set()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._large = threading.BoundedSemaphore(_LARGE_AT_ONCE)
        self._ending = False

    def open(self) -> None:
        """Listen. The socket gets its name, readable by this user only, as the last thing."""
        draft = self._path.with_name("signer.new")
        draft.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listener.bind(os.fspath(draft))
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
        self._listener = listener
        draft.rename(self._path)
        threading.Thread(target=self._accept, args=(listener,), name="accept", daemon=True).start()

    def close(self, *, within: float = 5.0) -> None:
        """Accept nothing more, let requests finish for `within` seconds, then close everything."""
        deadline = time.monotonic() + within
        self._path.unlink(missing_ok=True)
        with self._lock:
            self._ending = True
            idle, threads = set(self._idle), list(self._open.values())
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for connection in idle:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                if self._ending:
                    return
                time.sleep(0.05)  # out of descriptors: those in use must end first
                continue
            if not wire.trusted_peer(connection):
                _log.warning("a connection of another user was refused (uid %d)", wire.peer_uid(connection))
                connection.close()
                continue
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                full = len(self._open) >= _CONNECTIONS
                if not full and not self._ending:
                    self._open[connection] = thread
            if full or self._ending:
                _answer_error(connection, SignerBusyError("too many connections"))
                connection.close()
                continue
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        """Answer one connection's requests until it ends or sends something that is not a frame."""
        try:
            while self._await(connection):
                body = wire.read_frame(connection, within=_FRAME_SECONDS)
                self._rest(connection, idle=False)
                if body is None:
                    return
                answer = self._answer(body)
                del body
                connection.settimeout(_FRAME_SECONDS)
                connection.sendall(answer)
        except MalformedError as refusal:
            _answer_error(connection, refusal)  # the rest of the stream cannot be understood any more
        except OSError:
            pass  # the other side went away; what was journaled can be recalled
        finally:
            with self._lock:
                self._idle.discard(connection)
                self._open.pop(connection, None)
            connection.close()

    def _await(self, connection: socket.socket) -> bool:
        """Make the connection wait for its next request; False when the process is ending."""
        connection.settimeout(None)
        return self._rest(connection, idle=True)

    def _rest(self, connection: socket.socket, *, idle: bool) -> bool:
        with self._lock:
            if idle:
                self._idle.add(connection)
            else:
                self._idle.discard(connection)
            return not self._ending

    def _answer(self, body: bytes) -> bytes:
        """Return the frame that answers one request."""
        try:
            if len(body) > wire.FRAME_LIMIT:
                with self._large:
                    return wire.pack({"ok": self._signing.answer(wire.unpack(body))})
            return wire.pack({"ok": self._signing.answer(wire.unpack(body))})
        except DojangError as refusal:
            return _error_frame(refusal)
        except Exception as fault:  # noqa: BLE001 - no fault of ours may end the process or tell a secret
            place = traceback.extract_tb(fault.__traceback__)[-1]
            _log.error("fault %s at %s:%s", type(fault).__name__, place.name, place.lineno)
            return _error_frame(SignerError(f"fault inside the signer ({type(fault).__name__})"))


def _error_frame(error: DojangError) -> bytes:
    code, detail, data = error_to_wire(error)
    message: dict[str, Any] = {"code": code, "detail": detail, "data": data}
    return wire.pack(message)


def _answer_error(connection: socket.socket, error: DojangError) -> None:
    with contextlib.suppress(OSError):
        connection.settimeout(1.0)
        connection.sendall(_error_frame(error))
