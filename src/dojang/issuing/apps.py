"""Django's description of the issuing room."""

from __future__ import annotations

from django.apps import AppConfig


class IssuingConfig(AppConfig):
    """Orders: placed, carried out, delivered, held, revoked."""

    name = "dojang.issuing"
    label = "issuing"
    default_auto_field = "django.db.models.BigAutoField"
