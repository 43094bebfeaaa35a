"""The sandbox as Django sees it: templates and static files, no models."""

from __future__ import annotations

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """The simulated country."""

    name = "dojang.sandbox"
    label = "sandbox"
