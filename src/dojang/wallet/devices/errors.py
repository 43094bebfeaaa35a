"""Errors of devices, and of what is asked of them and carried between them."""

from __future__ import annotations

from dojang.pki.errors import DojangError


class DeviceUnknownError(DojangError):
    """No device of this id is registered."""

    code = "device_unknown"


class DeviceKeyUsedError(DojangError):
    """This public key was offered or certified before; a new certificate needs a new key."""

    code = "device_key_used"


class ApprovalNotFoundError(DojangError):
    """No question waits under this id on this telephone: absent, another's, answered and late look alike."""

    code = "approval_not_found"


class ApprovalRefusedError(DojangError):
    """The proof by the telephone does not hold (`data`: ``reason``); the question still waits."""

    code = "approval_refused"


class BiometricRefusedError(DojangError):
    """Finger or face was not turned on (`data`: ``reason``, as of a proof, or ``registration``)."""

    code = "biometric_refused"


class BiometricUnavailableError(DojangError):
    """Finger or face cannot be turned on here: no bank certificate, or not at this address."""

    code = "biometric_unavailable"


class ParcelMalformedError(DojangError):
    """Not a locator, or nothing in the parcel."""

    code = "parcel_malformed"


class ParcelTooLargeError(DojangError):
    """The parcel is larger than the relay takes (`data`: ``size``, ``limit``, bytes)."""

    code = "parcel_too_large"


class ParcelEndedError(DojangError):
    """What the parcel carries was held or revoked (`data`: ``product``): it is copied nowhere any more."""

    code = "parcel_ended"


class ParcelTakenError(DojangError):
    """Another parcel lies under this locator: begin again with other digits."""

    code = "parcel_taken"


class ParcelBusyError(DojangError):
    """Too many parcels are waiting."""

    code = "parcel_busy"


class ParcelNotFoundError(DojangError):
    """No parcel waits here: unknown, fetched before and late look alike."""

    code = "parcel_not_found"


class PatternUnchangedError(DojangError):
    """The pattern was not changed; `reason` as in `Proof`, or ``same`` when the new one is the old one."""

    code = "pattern_unchanged"
