"""Django's description of the relying party's room."""

from __future__ import annotations

from django.apps import AppConfig


class RpConfig(AppConfig):
    """Relying party: log-in with a certificate, and every use of one."""

    name = "dojang.rp"
    label = "rp"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to the steps of journeys: certificates are used there, too."""
        from dojang.ra.signals import step_answered  # rooms are only there when all are loaded
        from dojang.rp.journeys import record_step

        step_answered.connect(record_step, dispatch_uid="rp.record_step")
