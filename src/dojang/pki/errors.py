"""The one family of typed errors: a stable code, data for its sentence, no transport.

The sentence shown to people is the message ``error.<code>`` in both languages.
HTTP status codes are chosen at the edge (`dojang.edge.statuses`) and nowhere else.
"""

from __future__ import annotations

from typing import Any, ClassVar


class DojangError(Exception):
    """Base of every error this project raises on purpose.

    `code` is stable and documented; `data` holds what the sentence needs (never a secret).
    """

    code: ClassVar[str] = "internal"

    def __init__(self, detail: str = "", /, **data: Any) -> None:
        super().__init__(detail or self.code)
        self.detail = detail
        self.data: dict[str, Any] = data

    @property
    def message_id(self) -> str:
        """Id of the sentence for people, present in Korean and English."""
        return f"error.{self.code}"


class MalformedError(DojangError):
    """The bytes are not what they claim to be."""

    code = "malformed"


class ProfileError(DojangError):
    """A certificate, CRL or OCSP body breaks the profile it claims to follow."""

    code = "profile_broken"


class VerificationError(DojangError):
    """A signature, path or status does not verify: the object is *invalid*."""

    code = "invalid"


class IndeterminateError(DojangError):
    """Validity could not be decided (status unreachable, clock unusable). Not the same as invalid."""

    code = "indeterminate"
