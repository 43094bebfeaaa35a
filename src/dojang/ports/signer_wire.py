"""Frames between the signing process and its clients: four bytes of length, then one msgpack map.

Request: ``{"verb": name, "args": {…}}`` (in that order). Answer: ``{"ok": value}`` or
``{"code": …, "detail": …, "data": {…}}``. Serials travel as big-endian bytes, times as ISO 8601 text.
Frames are at most `FRAME_LIMIT` bytes, except a request for `sign_crl` (`CRL_FRAME_LIMIT`), which is told
by its first bytes, so that nobody makes the signer hold a large frame for a verb that needs none.
"""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import time
from pathlib import Path
from typing import Any

import msgpack

from dojang.pki.errors import MalformedError

FRAME_LIMIT = 1 << 20
CRL_FRAME_LIMIT = 64 << 20
#: How a request for `sign_crl` begins: a map of two, "verb", "sign_crl".
CRL_PREFIX = b"\x82\xa4verb\xa8sign_crl"

#: The kernel takes 107 bytes; the rest is room for the file names.
_SOCKET_PATH_LIMIT = 100
_LENGTH = struct.Struct(">I")
_CHUNK = 1 << 18
_msgpack: Any = msgpack  # the library's own types are incomplete


class ConnectionEndedError(ConnectionError):
    """The other side closed the connection, or did not finish a frame in time."""


HALT_ORDER = "halt"  #: name of the file beside the signer's store


def socket_path(home: Path) -> Path:
    """Return where the signer of a data folder listens.

    ``<home>/signer/signer.sock``, or a private folder under ``/tmp`` when that is too long for a socket;
    its name follows from the data folder, so that every process of this user finds the same.
    """
    folder = home / "signer"
    if len(os.fsencode(folder / "signer.sock.xx")) <= _SOCKET_PATH_LIMIT:
        return folder / "signer.sock"
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path("/tmp") / f"dojang-{os.geteuid()}-signer-{name}" / "signer.sock"  # noqa: S108 - owner is checked


def halt_order(home: Path) -> Path:
    """Return where an order to stop signing is left for a signer that cannot be reached: the reason."""
    return home / "signer" / HALT_ORDER


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process at the other end of a Unix socket (SO_PEERCRED)."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", raw)[1])


def trusted_peer(connection: socket.socket) -> bool:
    """Tell whether the other end runs as this user or as root."""
    return peer_uid(connection) in {0, os.geteuid()}


def pack(message: dict[str, Any]) -> bytes:
    """Encode one frame, length included. Raises `MalformedError` when it is over its limit."""
    body: bytes = _msgpack.packb(message, use_bin_type=True)
    limit = CRL_FRAME_LIMIT if body.startswith(CRL_PREFIX) else FRAME_LIMIT
    if len(body) > limit:
        raise MalformedError("the frame is too large", size=len(body), limit=limit)
    return _LENGTH.pack(len(body)) + body


def unpack(body: bytes) -> dict[str, Any]:
    """Decode one frame's body into a map. Raises `MalformedError`, whatever the bytes are."""
    try:
        message = _msgpack.unpackb(body, raw=False, strict_map_key=True, ext_hook=_refuse_extension)
    except (ValueError, TypeError, RecursionError, OverflowError, _msgpack.exceptions.UnpackException):
        raise MalformedError("the frame is not msgpack") from None
    if not isinstance(message, dict):
        raise MalformedError("the frame is not a map")
    return message


def _refuse_extension(code: int, _data: bytes) -> Any:
    raise ValueError(code)


def read_frame(
    connection: socket.socket, *, limit: int = FRAME_LIMIT, within: float | None = None
) -> bytes | None:
    """Read one frame's body; None at an orderly end before the first byte.

    Waits for the first byte as long as the socket's own time-out allows; from then on the whole frame must
    arrive `within` seconds. Raises `MalformedError` for a length over the limit and `ConnectionEndedError`.
    """
    first = connection.recv(1)
    if not first:
        return None
    deadline = None if within is None else time.monotonic() + within
    head = first + bytes(_exactly(connection, _LENGTH.size - 1, deadline))
    size = int(_LENGTH.unpack(head)[0])
    if size <= limit:
        return bytes(_exactly(connection, size, deadline))
    if size > CRL_FRAME_LIMIT:
        raise MalformedError("the frame is too large")
    start = bytes(_exactly(connection, len(CRL_PREFIX), deadline))
    if start != CRL_PREFIX:
        raise MalformedError("the frame is too large")
    return start + bytes(_exactly(connection, size - len(start), deadline))


def _exactly(connection: socket.socket, size: int, deadline: float | None) -> bytearray:
    """Read `size` bytes before `deadline`; memory grows with what arrives, not with what was announced."""
    buffer = bytearray()
    while len(buffer) < size:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ConnectionEndedError("the frame did not arrive in time")
            connection.settimeout(left)
        try:
            chunk = connection.recv(min(_CHUNK, size - len(buffer)))
        except TimeoutError:
            raise ConnectionEndedError("the frame did not arrive in time") from None
        if not chunk:
            raise ConnectionEndedError("the connection ended inside a frame")
        buffer += chunk
    return buffer
