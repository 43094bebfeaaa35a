"""Django's description of the guard."""

from __future__ import annotations

from django.apps import AppConfig


class GuardConfig(AppConfig):
    """Guard: counters, budgets, locks, challenges and sealing, beneath every room that needs them."""

    name = "dojang.guard"
    label = "guard"
    default_auto_field = "django.db.models.BigAutoField"
