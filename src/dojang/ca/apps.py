"""Django's registration of the certification authority."""

from __future__ import annotations

from django.apps import AppConfig


class CaConfig(AppConfig):
    """Authorities, serials, intents, certificates, revocations, CRLs and OCSP answers."""

    name = "dojang.ca"
    label = "ca"
    default_auto_field = "django.db.models.BigAutoField"
