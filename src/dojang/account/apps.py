"""Django's description of the customer's account."""

from __future__ import annotations

from django.apps import AppConfig


class AccountConfig(AppConfig):
    """The customer's own place: log-in with a certificate, sessions, changing, stopping, every use."""

    name = "dojang.account"
    label = "account"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to the steps of journeys: certificates are used there, too."""
        from dojang.account.journeys import record_step
        from dojang.ra.signals import step_answered  # rooms are only there when all are loaded

        step_answered.connect(record_step, dispatch_uid="account.record_step")
