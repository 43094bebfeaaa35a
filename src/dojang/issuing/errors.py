"""What can go wrong with an order. Nothing is changed when one of these is raised."""

from __future__ import annotations

from dojang.pki.errors import DojangError


class EvidenceRefusedError(DojangError):
    """The evidence does not carry the order (`data`: ``problems``, each ``name:reason``)."""

    code = "evidence_missing"


class OrderUnderWayError(DojangError):
    """Another order of this person and product is on its way."""

    code = "issuing_elsewhere"


class ReissueLimitError(DojangError):
    """The person's certificate of this product was re-issued too often lately (`data`: ``limit``)."""

    code = "reissue_limit"


class NothingWaitsError(DojangError):
    """No re-issue waits here: it was stopped, its time is over, or there never was one."""

    code = "nothing_waits"
