"""The run cookie: which journeys this browser may open.

Value: up to three ``<run>.<token>`` pairs, newest first, joined by ``~``. The token is a bearer secret;
only its SHA-256 is known to the registration authority. A new run gets a new token, always.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

KEPT = 3
_PAIR = re.compile(r"([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{16,128})")


def cookie_name(request: HttpRequest) -> str:
    """Name of the cookie: host-bound where the connection is encrypted."""
    return "__Host-dojang_run" if request.is_secure() else "dojang_run"


def known_runs(request: HttpRequest) -> dict[str, str]:
    """Return token by run id, newest first; anything malformed is left out."""
    value = request.COOKIES.get(cookie_name(request), "")[:2048]
    matches = (_PAIR.fullmatch(pair) for pair in value.split("~")[:KEPT])
    return {match[1]: match[2] for match in matches if match}


def _set(request: HttpRequest, response: HttpResponse, runs: dict[str, str]) -> None:
    name = cookie_name(request)
    if not runs:
        # A ``__Host-`` cookie is only replaced by one that is itself marked secure.
        response.set_cookie(
            name, "", max_age=0, path="/", httponly=True, samesite="Lax", secure=request.is_secure()
        )
        return
    response.set_cookie(
        name,
        "~".join(f"{run}.{token}" for run, token in list(runs.items())[:KEPT]),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )


def remember_run(request: HttpRequest, response: HttpResponse, run: str, token: str) -> None:
    """Add a new run's token to the cookie, pushing out the oldest."""
    others = {key: value for key, value in known_runs(request).items() if key != run}
    _set(request, response, {run: token, **others})


def forget_runs(request: HttpRequest, response: HttpResponse) -> None:
    """Drop every run from the cookie."""
    _set(request, response, {})
