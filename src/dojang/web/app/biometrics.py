"""Finger or face in place of the pattern, on the telephone of a bank certificate: turning it on and off."""

from __future__ import annotations

import base64
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from dojang.edge.refusals import refuse
from dojang.edge.visitor import acting_of, device_of, world_of
from dojang.edge.wording import reader_locale, write_moment
from dojang.pki.passkeys import text_of
from dojang.products import opened_by
from dojang.wallet.devices.actions import enrolment
from dojang.wallet.devices.errors import BiometricRefusedError, BiometricUnavailableError
from dojang.web.app.views import place
from dojang.web.me import read_octets

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from dojang.ports.credentials import BiometricCredential

_SAID = frozenset({"on", "off"})
#: Reasons a page has a sentence for; every other is told as a wrong pattern.
_PROBLEMS = frozenset({"wrong", "late", "locked", "blocked", "registration"})


def stand_in(offer: BiometricCredential | None) -> dict[str, str] | None:
    """Write what stands in for the pattern as the page's element reads it."""
    if offer is None:
        return None
    return {"credential_id": text_of(offer.credential_id), "rp_id": offer.rp_id}


@require_http_methods(["GET", "HEAD", "POST"])
def setting(request: HttpRequest, product: str) -> HttpResponse:
    """Show how it stands; POST proves the pattern, registers the telephone's keeper, or turns it off."""
    if product not in opened_by("pattern"):
        raise Http404
    if request.method != "POST":
        return _page(request, product)
    action = request.POST.get("action", "")
    acting, world, device = acting_of(request), world_of(request), device_of(request)
    if action == "off":
        done = enrolment.turn_off(device, acting=acting, world=world)
        return _done(product, "off" if done else "")
    where: dict[str, Any] = {"origin": acting.origin, "acting": acting, "world": world}
    challenge, signature = request.POST.get("challenge", "")[:64], read_octets(request, "signature")
    try:
        if action != "register":
            made = enrolment.prove_pattern(
                device, challenge, mac=read_octets(request, "mac"), signature=signature, **where
            )
            return _page(request, product, registration=made)
        credential = read_octets(request, "credential")
        enrolment.turn_on(device, challenge, credential=credential, signature=signature, **where)
    except BiometricRefusedError as error:
        refuse(error)
        reason = str(error.data.get("reason", ""))
        return _page(request, product, problem=reason if reason in _PROBLEMS else "wrong")
    except BiometricUnavailableError as error:
        refuse(error)
        return _done(product, "")
    return _done(product, "on")


def _page(
    request: HttpRequest,
    product: str,
    *,
    registration: enrolment.Registration | None = None,
    problem: str = "",
) -> HttpResponse:
    world, locale, origin = world_of(request), reader_locale(), acting_of(request).origin
    found = enrolment.read_setting(device_of(request), origin=origin, world=world)
    said = request.GET.get("said", "")
    context: dict[str, Any] = {
        "setting": found,
        "product": product,
        "since": write_moment(found.since, locale) if found.since else "",
        "used": write_moment(found.used, locale) if found.used else "",
        "problem": problem,
        "said": said if said in _SAID else "",
        "seconds": world.policy.devices.challenge_ttl,
        "tries": world.policy.wrong_entries.biometric.count,
        "least_points": world.policy.pattern.min_points,
    }
    if registration is not None:
        context |= {
            "challenge_id": registration.challenge_id,
            "challenge": base64.b64encode(registration.challenge).decode(),
            "options": json.dumps(registration.options),
        }
    elif found.state == "off":
        made = enrolment.ask_pattern(device_of(request), origin=origin, world=world)
        context |= {"challenge_id": made.id, "challenge": base64.b64encode(made.challenge).decode()}
    response = place(request, "biometric", "menu", **context)
    if problem:
        response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    return response


def _done(product: str, said: str) -> HttpResponse:
    there = reverse("web:app-biometric", args=[product])
    return HttpResponseRedirect(f"{there}?said={said}" if said else there, status=HTTPStatus.SEE_OTHER)
