"""What can go wrong with the audit trail."""

from __future__ import annotations

from typing import ClassVar

from dojang.pki.errors import DojangError


class AuditUnwrittenError(DojangError):
    """The event could not be written; the caller's transaction must not commit."""

    code: ClassVar[str] = "audit_unwritten"
