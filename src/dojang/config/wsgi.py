"""The WSGI entry: certificate status and assets in front, Django behind.

Status requests (OCSP, CRL, issuer certificates) never pass through Django's middleware; a process that
serves nothing else (`DOJANG_SERVE=va`) does not even load Django.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from dojang.config.options import load_options
from dojang.config.processes import follow_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_STATUS = ("/ocsp", "/crl/", "/aia/")
_STATIC = "/static/"
_LONGEST_BODY = 262_144  #: octets of a body sent in pieces; what a form may have, and more than any request

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dojang.config.settings")


def _measure(environ: dict[str, Any]) -> None:
    """Give a body sent in pieces (RFC 9112 section 7.1) the length that everybody behind goes by.

    Of one that is too long, one octet more than allowed is kept: it is refused as too large further on.
    """
    if environ.get("HTTP_TRANSFER_ENCODING", "").strip().lower() != "chunked":
        return
    body = environ["wsgi.input"].read(_LONGEST_BODY + 1)
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))


def _build_django() -> tuple[Application, Application]:
    """Return Django's application and the one for its assets."""
    from django.core.wsgi import get_wsgi_application  # a status process does without

    from dojang.config.assets import Assets, collect  # the same

    behind = get_wsgi_application()
    return behind, Assets(_STATIC, collect())


def _build_status() -> Application:
    from dojang.config.wiring import build_status  # pulls the adapters in

    return build_status(_options)


follow_parent()
_options = load_options()
_status = _build_status() if _options.serve in {"va", "all"} else None
_django, _assets = _build_django() if _options.serve != "va" else (None, None)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Send a request where it belongs, by the beginning of its path."""
    _measure(environ)
    place = environ.get("PATH_INFO", "")
    if _status is not None and (_django is None or place.startswith(_STATUS)):
        return _status(environ, start_response)
    if _assets is not None and place.startswith(_STATIC):
        return _assets(environ, start_response)
    assert _django is not None
    return _django(environ, start_response)
