"""The keys a database was sealed with: found again at every start, or the start is refused.

A lost key file is made anew without a word (a data folder has to begin somewhere). With another key nothing
that was sealed opens and nothing that was indexed is found: every lock would be open and every customer a
stranger. So the database keeps a mark of each key, written by the first start.
"""

from __future__ import annotations

import hmac
from typing import ClassVar

from dojang.guard.models import KeyMark
from dojang.guard.sealing import sealer
from dojang.pki.errors import DojangError


class KeyReplacedError(DojangError):
    """The database was sealed with another key than the one at hand; data ``name`` is the key's file."""

    code: ClassVar[str] = "key_replaced"


def require_keys() -> None:
    """Compare the keys at hand with the marks in the database, and leave marks where there are none yet.

    Raises `KeyReplacedError`.
    """
    marks = sealer().marks
    KeyMark.objects.bulk_create(
        [KeyMark(name=name, mark=mark) for name, mark in marks.items()], ignore_conflicts=True
    )
    for row in KeyMark.objects.filter(name__in=marks).order_by("name"):
        if not hmac.compare_digest(bytes(row.mark), marks[row.name]):
            raise KeyReplacedError(name=row.name)
