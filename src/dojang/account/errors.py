"""Errors of the relying party.

Where an answer could tell a stranger that somebody is a customer, all refusals are `LoginRefusedError`;
the others are only for those who proved the certificate or its browser.
"""

from __future__ import annotations

from dojang.pki.errors import DojangError


class LoginRefusedError(DojangError):
    """User id, certificate or PIN do not fit together: which of them is not told."""

    code = "login_refused"


class LoginPinWrongError(DojangError):
    """The PIN was wrong, on a browser that knows its customer; `left` tries remain."""

    code = "login_pin_wrong"


class LoginLockedError(DojangError):
    """The certificate is locked after wrong PINs; the way out is a re-issue."""

    code = "login_locked"


class LoginStoppedError(DojangError):
    """Too many wrong entries with this user id today, whether it exists or not."""

    code = "login_stopped"


class LoginPausedError(DojangError):
    """Too many wrong entries from this place today, all user ids together."""

    code = "login_paused"


class NewPinRefusedError(DojangError):
    """The new PIN breaks a rule (data ``rule``: ``length repeated sequential birth phone``)."""

    code = "new_pin_refused"


class PatternWrongError(DojangError):
    """The pattern drawn on the registered device was wrong; the device's tries are counted."""

    code = "login_pattern_wrong"


class PatternLockedError(DojangError):
    """The pattern is locked after wrong ones; the way out is a re-issue."""

    code = "login_pattern_locked"


class BiometricWrongError(DojangError):
    """Finger or face was not proven; its tries are counted, and the pattern opens as before."""

    code = "login_biometric_wrong"


class BiometricOffError(DojangError):
    """Finger or face does not open this certificate any more; the pattern does."""

    code = "login_biometric_off"


class ChallengeUnknownError(DojangError):
    """The challenge is not one of this browser, was used, or its time is over: all look alike."""

    code = "challenge_unknown"


class UseRefusedError(DojangError):
    """The certificate may not be used; `outcome` is the word kept in the record of uses."""

    code = "use_refused"
    outcome = "refused"


class CertificateExpiredError(UseRefusedError):
    """The certificate's life is over (`data`: ``until``, ``product``); the way out is a new one."""

    code = "use_expired"
    outcome = "expired"


class CertificateHeldError(UseRefusedError):
    """The certificate is on hold; the way out is a re-issue or the branch."""

    code = "use_held"
    outcome = "held"


class CertificateEndedError(UseRefusedError):
    """The certificate was revoked; the way out is a new one."""

    code = "use_revoked"
    outcome = "revoked"


class SignatureRefusedError(UseRefusedError):
    """The signature, its path or its policy does not hold."""

    code = "use_signature"
    outcome = "signature"


class SessionMissingError(DojangError):
    """Nobody is logged in here, or the time is over."""

    code = "session_missing"


class StopRefusedError(DojangError):
    """What was typed to stop everything does not fit together: which part of it is not told.

    Data ``wait`` and ``next``: how many seconds this answer took, and the next wrong one would.
    """

    code = "stop_refused"
