"""What can go wrong in the certification authority."""

from __future__ import annotations

from typing import ClassVar

from dojang.pki.errors import DojangError


class OrderConflictError(DojangError):
    """An order key was used again for something else; nothing was changed."""

    code: ClassVar[str] = "order_conflict"


class OrderBusyError(DojangError):
    """Another living session is working on the same order."""

    code: ClassVar[str] = "order_busy"


class IntentVoidError(DojangError):
    """The intent was given up (after a crash): order again, the same key may be used."""

    code: ClassVar[str] = "intent_void"


class AuthorityMissingError(DojangError):
    """No authority of this role has a certificate in force: the key ceremony has not been held."""

    code: ClassVar[str] = "authority_missing"


class CertificateNotFoundError(DojangError):
    """There is no such certificate, or it is not yours to see."""

    code: ClassVar[str] = "certificate_not_found"


class CertificateRevokedError(DojangError):
    """The certificate is revoked and can never be used again."""

    code: ClassVar[str] = "certificate_revoked"


class CertificateStateError(DojangError):
    """The certificate is not in the state this needs (`data`: ``state``)."""

    code: ClassVar[str] = "certificate_state"


class ReasonUnknownError(DojangError):
    """Not a reason a certificate can be revoked for (RFC 5280 §5.3.1)."""

    code: ClassVar[str] = "reason_unknown"


class SignatureMismatchError(DojangError):
    """What the signer answered is not a signature over what was stored: nothing is released."""

    code: ClassVar[str] = "signature_mismatch"


class CeremonyError(DojangError):
    """The ceremony file asks for something that cannot be, or differs from what was already made."""

    code: ClassVar[str] = "ceremony_refused"
