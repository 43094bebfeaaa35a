"""Errors of the notices room."""

from __future__ import annotations

from dojang.pki.errors import DojangError


class NoticeNotFoundError(DojangError):
    """No notice has this id."""

    code = "notice_not_found"
