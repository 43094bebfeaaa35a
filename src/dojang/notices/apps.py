"""Django's description of the notices room."""

from __future__ import annotations

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    """Notices: whom to tell what, when, by which channel."""

    name = "dojang.notices"
    label = "notices"
    default_auto_field = "django.db.models.BigAutoField"
