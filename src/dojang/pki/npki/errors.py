"""What can be wrong with a customer's certificate files. The sentences are in area ``errors_npki``."""

from __future__ import annotations

from dojang.pki.errors import DojangError


class WrongPasswordError(DojangError):
    """The password does not open the file, or the encrypted part is damaged: the two cannot be told apart."""

    code = "wrong_password"


class FileDamagedError(DojangError):
    """The file is not what it claims to be, or asks for more work than an honest one."""

    code = "file_damaged"


class FormUnsupportedError(DojangError):
    """The file is sound as far as can be told, and in a form that is not read here. Data: `form`."""

    code = "form_unsupported"


class RandomMissingError(DojangError):
    """The key has no R, so no virtual identification can be proven: the certificate has to be re-issued."""

    code = "r_missing"


class KeyMismatchError(DojangError):
    """The private key does not belong to the certificate."""

    code = "key_mismatch"
