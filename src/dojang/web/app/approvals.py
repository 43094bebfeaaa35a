"""Approving on the telephone what goes on elsewhere: the number of the other screen, and the pattern."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from dojang.edge.refusals import refuse
from dojang.edge.visitor import acting_of, device_of, world_of
from dojang.edge.wording import product_name, reader_locale, write_time
from dojang.ports.writing import is_digits, plain_digits
from dojang.wallet.devices.actions import approvals
from dojang.wallet.devices.errors import ApprovalNotFoundError, ApprovalRefusedError
from dojang.web.app.biometrics import stand_in
from dojang.web.app.views import place
from dojang.web.me import read_octets

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_ENDINGS = frozenset({"approved", "rejected", "wrong_number", "gone"})
#: Reasons of a refusal the page has a sentence for; every other is told as a wrong pattern.
_REASONS = frozenset({"late", "locked", "blocked", "biometric_wrong", "biometric_off"})


@require_GET
def waiting(request: HttpRequest) -> HttpResponse:
    """List what waits for this telephone, and say how the last question ended."""
    locale = reader_locale()
    device = device_of(request)
    found = approvals.approvals_for(device, world=world_of(request)) if device else ()
    rows = [
        {
            "id": one.id,
            "product": product_name(one.product, locale),
            "until": write_time(one.until, locale),
        }
        for one in found
    ]
    ended = request.GET.get("ended", "")
    return place(request, "approvals", "approvals", rows=rows, ended=ended if ended in _ENDINGS else "")


@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, approval: str) -> HttpResponse:
    """Show one question with a fresh challenge; POST approves or refuses it."""
    try:
        if request.method != "POST":
            return _ask(request, approval, "")
        if request.POST.get("action") == "reject":
            approvals.reject_approval(
                approval, device_id=device_of(request), acting=acting_of(request), world=world_of(request)
            )
            return _ended("rejected")
        return _approve(request, approval)
    except ApprovalNotFoundError as error:
        refuse(error)
        return _ended("gone")


def _approve(request: HttpRequest, approval: str) -> HttpResponse:
    number = plain_digits(request.POST.get("number", ""))
    mac, assertion, signature = (read_octets(request, name) for name in ("mac", "assertion", "signature"))
    if not is_digits(number, world_of(request).policy.approvals.digits):
        return _ask(request, approval, "number")
    if not signature or not (mac or assertion):
        return _ask(request, approval, "wrong")
    try:
        view = approvals.answer_approval(
            approval,
            device_id=device_of(request),
            number=number,
            challenge_id=request.POST.get("challenge", ""),
            mac=mac,
            assertion=assertion,
            signature=signature,
            acting=acting_of(request),
            world=world_of(request),
        )
    except ApprovalRefusedError as error:
        refuse(error)
        reason = str(error.data.get("reason", ""))
        return _ask(request, approval, reason if reason in _REASONS else "wrong")
    return _ended(view.state if view.state in _ENDINGS else "gone")


def _ask(request: HttpRequest, approval: str, problem: str) -> HttpResponse:
    world, locale = world_of(request), reader_locale()
    device = device_of(request)
    view = next((one for one in approvals.approvals_for(device, world=world) if one.id == approval), None)
    if view is None or problem in {"locked", "blocked"}:
        if problem not in {"locked", "blocked"}:
            raise ApprovalNotFoundError
        return place(request, "approvals", "approvals", rows=[], ended="", problem=problem)
    made = approvals.begin_answer(approval, device_id=device, world=world)
    response = place(
        request,
        "approval",
        "approvals",
        approval=view,
        problem=problem,
        product=product_name(view.product, locale),
        until=write_time(view.until, locale),
        challenge_id=made.id,
        challenge=base64.b64encode(made.challenge).decode(),
        biometric=stand_in(made.biometric),
        least=world.policy.devices.min_app_version,
        least_points=world.policy.pattern.min_points,
    )
    if problem:
        response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    return response


def _ended(state: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('web:app-approvals')}?ended={state}", status=HTTPStatus.SEE_OTHER)
