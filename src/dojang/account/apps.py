"""Django's description of the customer's account."""

from __future__ import annotations

from django.apps import AppConfig


class AccountConfig(AppConfig):
    """The customer's own place: log-in with a certificate, sessions, browsers, changing, stopping."""

    name = "dojang.account"
    label = "account"
    default_auto_field = "django.db.models.BigAutoField"
