"""States of a certificate, for whoever compares them."""

from __future__ import annotations

from django.db import models


class CertificateState(models.TextChoices):
    """``issued`` (signed, not yet confirmed) → ``active`` → ``revoked``; ``held`` goes both ways."""

    ISSUED = "issued"
    ACTIVE = "active"
    HELD = "held"
    REVOKED = "revoked"
