"""Fixtures of the audit trail's tests: a centre whose signer's journal tells of one test alone."""

from __future__ import annotations

from tests.app.ca.conftest import centre, signer_process

__all__ = ["centre", "signer_process"]
