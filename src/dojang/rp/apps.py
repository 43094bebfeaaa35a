"""Django's description of the relying party's room."""

from __future__ import annotations

from django.apps import AppConfig


class RpConfig(AppConfig):
    """Relying party: log-in with a certificate, and every use of one."""

    name = "dojang.rp"
    label = "rp"
    default_auto_field = "django.db.models.BigAutoField"
