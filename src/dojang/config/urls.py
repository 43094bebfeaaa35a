"""Addresses of the house. The rooms bring their own; the sandbox only when it is on."""

from __future__ import annotations

import importlib.util

from django.conf import settings
from django.urls import include, path

from dojang.config import health
from dojang.edge import problems
from dojang.edge.middleware import PAGES
from dojang.edge.statuses import STATUS

#: Rooms by what a process serves; `all` is every one.
_ROOMS = {
    "api": ("dojang.api.urls",),
    "web": ("dojang.web.urls",),
    "sandbox": ("dojang.sandbox.urls",),
}


def _serving() -> tuple[str, ...]:
    only = settings.DOJANG_OPTIONS.serve
    rooms = ("api", "web") if only == "all" else (only,)
    return ("sandbox", *rooms) if settings.DOJANG_OPTIONS.sandbox else rooms


if settings.DOJANG_OPTIONS.sandbox:
    from dojang.sandbox.api import api as sandbox_api  # an app that is not there without it
    from dojang.sandbox.api import reference
    from dojang.sandbox.pages import show_refusal

    problems.install(sandbox_api)
    PAGES["/sandbox/"] = show_refusal
    reference.statuses = STATUS

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    *(
        path("", include(module))
        for room in _serving()
        for module in _ROOMS[room]
        if importlib.util.find_spec(module) is not None
    ),
]

if "web" in _serving():
    handler400 = "dojang.web.errors.bad_request"
    handler403 = "dojang.web.errors.permission_denied"
    handler404 = "dojang.web.errors.not_found"
    handler500 = "dojang.web.errors.server_error"
else:
    handler400 = "dojang.edge.problems.bad_request"
    handler403 = "dojang.edge.problems.permission_denied"
    handler404 = "dojang.edge.problems.not_found"
    handler500 = "dojang.edge.problems.server_error"
