"""Errors of the keys made in the signer."""

from __future__ import annotations

from dojang.pki.errors import DojangError


class WalletKeyNotFoundError(DojangError):
    """No usable key of this person has this id: absent, another's and retired look alike."""

    code = "wallet_key_not_found"


class WalletLockedError(DojangError):
    """The key is locked after too many wrong PINs: the way out is a re-issue."""

    code = "wallet_locked"


class WalletPinWrongError(DojangError):
    """The PIN was wrong; `left` tries remain."""

    code = "wallet_pin_wrong"


class WalletKeyMismatchError(DojangError):
    """A certificate was offered to a key it was not made for."""

    code = "wallet_key_mismatch"


class WalletKeyMovedError(DojangError):
    """The key's PIN was changed, or the key ended, while this change was under way; nothing was changed."""

    code = "wallet_key_moved"


class WalletHeldError(DojangError):
    """The certificate is suspended: nothing is signed with its key until it is restored or replaced."""

    code = "wallet_held"
