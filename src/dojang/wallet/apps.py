"""Django's description of the wallet room."""

from __future__ import annotations

from django.apps import AppConfig


class WalletConfig(AppConfig):
    """Wallet: cloud keys gated by a PIN."""

    name = "dojang.wallet"
    label = "wallet"
    default_auto_field = "django.db.models.BigAutoField"
