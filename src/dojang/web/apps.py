"""Registration of the web room with Django."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The web room: templates, tags and static files; no rows of its own."""

    name = "dojang.web"
    label = "web"
