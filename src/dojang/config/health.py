"""Two questions a proxy or a supervisor asks: is the process alive, and can it do its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import DatabaseError, connection
from django.http import JsonResponse
from django.views.decorators.http import require_safe

from dojang.config import wiring
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as this process answers at all."""
    del request
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database and signer answer, else 503; says which, never why."""
    del request
    parts = {"database": _database(), "signer": _signer()}
    ready = all(parts.values())
    return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _signer() -> bool:
    try:
        return bool(wiring.get_world().signer.keys())
    except DojangError:
        return False
