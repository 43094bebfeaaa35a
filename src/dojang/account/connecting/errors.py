"""Errors of connecting a browser."""

from __future__ import annotations

from dojang.pki.errors import DojangError


class ConnectBusyError(DojangError):
    """Too many browsers were to be connected from this place today."""

    code = "connect_busy"


class ConnectGoneError(DojangError):
    """Nothing is being connected here, or its time is over: begin again."""

    code = "connect_gone"


class ConnectRefusedError(DojangError):
    """The telephone answered, and is not of the person that was named."""

    code = "connect_refused"
