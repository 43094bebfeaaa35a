"""Addresses of the house. The rooms bring their own; the sandbox only when it is on."""

from __future__ import annotations

import importlib.util

from django.conf import settings
from django.urls import include, path

_rooms = ["dojang.api.urls", "dojang.web.urls"]
if settings.DOJANG_OPTIONS.sandbox:
    _rooms.insert(0, "dojang.sandbox.urls")

urlpatterns = [path("", include(room)) for room in _rooms if importlib.util.find_spec(room) is not None]
