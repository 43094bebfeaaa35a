"""What a proxy, a supervisor or a monitor asks: is the process alive, can it serve, is everything well."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from dojang.config import wiring
from dojang.config.condition import Condition, look
from dojang.pki.errors import DojangError

if TYPE_CHECKING:
    from django.http import HttpRequest

#: Where `Front` puts the figures of its pools for the metrics.
POOLS = "dojang.pools"


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as this process answers at all."""
    del request
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when customers can be served (database, signer, tables, authorities, outside), else 503.

    The other parts are told and leave the status alone: a proxy must not take every process away because a
    list is late. `well` is whether all are; says which is not, never why.
    """
    del request
    found = _look()
    told = {"ready": found.ready, "well": all(found.parts.values()), **found.parts}
    return JsonResponse(told, status=200 if found.ready else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Tell the same in the text format of Prometheus, to callers on this machine alone."""
    if not _is_near(request):
        raise Http404
    found = _look()
    lines = [f"dojang_{name} {value:g}" for name, value in sorted(found.figures.items())]
    lines += [f'dojang_well{{part="{name}"}} {int(well)}' for name, well in found.parts.items()]
    for name, (inside, shed) in sorted(request.META.get(POOLS, {}).items()):
        lines += [
            f'dojang_requests_inside{{pool="{name}"}} {inside}',
            f'dojang_requests_shed{{pool="{name}"}} {shed}',
        ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")


def _look() -> Condition:
    try:
        world = wiring.get_world()
    except DojangError:  # an outside nobody has an adapter for
        world = None
    return look(world, settings.DOJANG_OPTIONS.folder.path)


def _is_near(request: HttpRequest) -> bool:
    """Whether the caller is on this machine and no proxy's customer."""
    try:
        source = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return source.is_loopback and "HTTP_X_FORWARDED_FOR" not in request.META
