"""What keeps an installation from serving, as errors. Free of Django: a command line can name them."""

from __future__ import annotations

from typing import ClassVar

from dojang.pki.errors import DojangError


class DatabaseBehindError(DojangError):
    """The database has not the tables this version needs; data ``missing`` counts the steps."""

    code: ClassVar[str] = "database_behind"


class CeremonyMissingError(DojangError):
    """There is no authority in force for a role; data ``roles`` names them."""

    code: ClassVar[str] = "ceremony_missing"
