"""What the signer refuses, as typed errors, and how they cross the wire (code and data, never free objects).

The signing process sends ``code``, ``detail`` and ``data``; the client raises the same class again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from dojang.pki.errors import DojangError, MalformedError, ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping


class SignerError(DojangError):
    """The signer could not do what was asked; nothing was signed that is not in its journal."""

    code: ClassVar[str] = "signer_error"


class SignerUnavailableError(SignerError):
    """The signing process does not answer. Whether a verb took effect is unknown: recall before repeating."""

    code: ClassVar[str] = "signer_unavailable"


class SignerBusyError(SignerError):
    """Too much is waiting at the signer; nothing was done and nothing was counted."""

    code: ClassVar[str] = "signer_busy"


class SignerHaltedError(SignerError):
    """Signing was stopped by an operator; status answers go on."""

    code: ClassVar[str] = "signer_halted"


class SerialUsedError(SignerError):
    """The issuer has already signed this serial; `recall_certificate` tells what."""

    code: ClassVar[str] = "serial_used"


class CrlNumberError(SignerError):
    """A CRL number of a scope may only rise. ``data["last"]`` is the highest number signed."""

    code: ClassVar[str] = "crl_number_used"


class ClockError(SignerError):
    """The signer's clock went back behind its own journal."""

    code: ClassVar[str] = "clock_went_back"


class ClockLeaptError(ClockError):
    """The signer's clock leapt forward without anybody having moved it; `resume` acknowledges it."""

    code: ClassVar[str] = "clock_leapt"


class KeyUnknownError(SignerError):
    """The signer holds no such key."""

    code: ClassVar[str] = "key_unknown"


class KeyConflictError(SignerError):
    """The name belongs to another key, customer or certificate already."""

    code: ClassVar[str] = "key_conflict"


class KeyRetiredError(SignerError):
    """The customer key was made unusable for ever."""

    code: ClassVar[str] = "key_retired"


class KeyPurposeError(SignerError):
    """A key was asked for something outside its role."""

    code: ClassVar[str] = "key_purpose"


class WeakAlgorithmError(SignerError):
    """The algorithm is unknown or below the floor."""

    code: ClassVar[str] = "weak_algorithm"


class SealedMismatchError(SignerError):
    """The sealed part is not the one made for this customer key. No attempt was counted."""

    code: ClassVar[str] = "sealed_mismatch"


class PinWrongError(SignerError):
    """The PIN is not the key's. ``data["left"]`` is how many attempts remain."""

    code: ClassVar[str] = "pin_wrong"


class PinLockedError(SignerError):
    """Too many wrong PINs: the key is locked for ever and only a re-issue helps."""

    code: ClassVar[str] = "pin_locked"


class PinReusedError(SignerError):
    """The new PIN equals the PIN of the key it replaces."""

    code: ClassVar[str] = "pin_reused"


class AuthorisationUsedError(SignerError):
    """This key has already signed this digest for this purpose; an authorisation works once."""

    code: ClassVar[str] = "authorisation_used"


_BY_CODE: dict[str, type[DojangError]] = {
    error.code: error
    for error in (
        MalformedError,
        ProfileError,
        SignerError,
        SignerUnavailableError,
        SignerBusyError,
        SignerHaltedError,
        SerialUsedError,
        CrlNumberError,
        ClockError,
        ClockLeaptError,
        KeyUnknownError,
        KeyConflictError,
        KeyRetiredError,
        KeyPurposeError,
        WeakAlgorithmError,
        SealedMismatchError,
        PinWrongError,
        PinLockedError,
        PinReusedError,
        AuthorisationUsedError,
    )
}


def error_from_wire(code: str, detail: str, data: Mapping[str, Any]) -> DojangError:
    """Make the error that the signing process raised; an unknown code becomes a plain `SignerError`."""
    kind = _BY_CODE.get(code)
    if kind is None:
        return SignerError(detail, reported=code)
    return kind(detail, **{str(name): value for name, value in data.items()})


def error_to_wire(error: DojangError) -> tuple[str, str, dict[str, Any]]:
    """Return (code, detail, data) of an error; data keeps only what a frame can carry."""
    plain = {name: value for name, value in error.data.items() if _fits(value)}
    return error.code, error.detail, plain


def _fits(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, str | int)
