"""Django's description of the registration room."""

from __future__ import annotations

from django.apps import AppConfig


class RaConfig(AppConfig):
    """Registration authority: runs of journeys, each ending in an order or in nothing."""

    name = "dojang.ra"
    label = "ra"
    default_auto_field = "django.db.models.BigAutoField"
