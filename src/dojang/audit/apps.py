"""Django's registration of the audit trail."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The append-only, hash-chained audit trail."""

    name = "dojang.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"
