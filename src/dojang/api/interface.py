"""The JSON interface: the same Pages as the web, for apps and for anyone with a terminal."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Path  # noqa: TC002 - the framework reads annotations when it starts

from dojang import __version__
from dojang.api.description import Interface
from dojang.api.schemas import ActIn, ErrorOut, JourneyOut, PageOut, ProblemOut, StartedOut, StartIn, WorkOut
from dojang.edge import problems
from dojang.edge.holding import hold_refused
from dojang.edge.rendering import page_json
from dojang.edge.slowing import asked_by, asked_now, tell_wait
from dojang.edge.visitor import acting_of, world_of
from dojang.edge.wording import reader_locale
from dojang.products import JOURNEYS
from dojang.products.messages import catalog
from dojang.ra import actions
from dojang.ra.errors import RunNotFoundError

if TYPE_CHECKING:
    from dojang.journeys.page import Page

COOKIE = "dojang_api_run"
DESCRIPTION = """
One document, the **Page**, answers everything: what is asked now (`fields`), what to show (`show`), what is
being waited for (`wait`), what went wrong (`errors`) and what can be done (`actions`).

1. `POST /api/v1/runs` with a journey begins a run and tells its `token` once.
2. Send the token as `Authorization: Bearer …` (or keep the cookie) to read the page again:
   `GET /api/v1/runs/{run}`.
3. `POST /api/v1/runs/{run}/steps/{step}` with the page's `revision` and the `data` its fields ask for.

An error `too_many_errors` (and a 429) says that entries from your network are slowed: wait `Retry-After`
seconds, or do the `work` that is told with it (`GET /api/v1/work` explains).

An answer of **422** is the same page with `errors`: nothing has moved on. Repeating a request is harmless.
Sentences come in Korean or English by `Accept-Language`; ids stay the same.
"""

api = Interface(
    title="Dojang",
    version=__version__,
    description=DESCRIPTION,
    docs_url="/docs",
    openapi_url="/openapi.json",
    urls_namespace="api-v1",
)
problems.install(api)

PROBLEMS = frozenset({400, 404, 409, 413, 429, 503})


def token_of(request: HttpRequest) -> str:
    """Run token from the header, else from the cookie that is bound to the run's own path."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()[:200]
    return request.COOKIES.get(COOKIE, "")[:200]


def answer(page: Page, *, status: int | None = None, **more: Any) -> JsonResponse:
    """Make a Page a response: 422 when it says what is wrong, 200 otherwise."""
    if status is None:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if page.errors else HTTPStatus.OK
    response = JsonResponse(
        page_json(page) | more,
        status=status,
        json_dumps_params={"ensure_ascii": False},
    )
    response["Cache-Control"] = "no-store"
    return response


@api.post(
    "/runs",
    response={201: StartedOut, PROBLEMS: ProblemOut},
    by_alias=True,
    operation_id="startRun",
    tags=["runs"],
    summary="Begin a journey",
)
def start_run(request: HttpRequest, body: StartIn) -> HttpResponse:
    """Begin a journey and show its first page. The token is told only here."""
    started = actions.start_run(
        body.journey, locale=reader_locale(), acting=acting_of(request), world=world_of(request)
    )
    response = answer(started.page, status=HTTPStatus.CREATED, token=started.token)
    response["Location"] = f"/api/v1/runs/{started.page.run}"
    response.set_cookie(
        COOKIE,
        started.token,
        path=f"/api/v1/runs/{started.page.run}",
        httponly=True,
        secure=request.is_secure(),
        samesite="Strict",
    )
    return response


@api.get(
    "/runs/{run}",
    response={200: PageOut, 422: PageOut, PROBLEMS: ProblemOut},
    by_alias=True,
    operation_id="readRun",
    tags=["runs"],
    summary="Read the present page",
)
def read_run(request: HttpRequest, run: Path[str]) -> HttpResponse:
    """Show the present page of a run. Reading changes nothing a customer did; live states are fresh."""
    token = token_of(request)
    if not token:
        raise RunNotFoundError
    page = actions.open_page(run, acting=acting_of(request, token=token), world=world_of(request))
    return answer(page)


@api.post(
    "/runs/{run}/steps/{step}",
    response={200: PageOut, 422: PageOut, PROBLEMS: ProblemOut},
    by_alias=True,
    operation_id="actOnStep",
    tags=["runs"],
    summary="Answer a step",
)
def act_on_step(request: HttpRequest, run: Path[str], step: Path[str], body: ActIn) -> HttpResponse:
    """Do something at a step: submit its data, go back, ask for another call, open a side journey."""
    token = token_of(request)
    if not token:
        raise RunNotFoundError
    began = time.monotonic()
    page = actions.act(
        run,
        step,
        body.revision,
        body.action,
        dict(body.data),
        acting=acting_of(request, token=token),
        world=world_of(request),
    )
    if page.errors:
        hold_refused(request, began)
    asked = asked_by(request, page)
    response = answer(page) if asked is None else answer(page, work=asked)
    tell_wait(response, asked)
    return response


@api.get(
    "/work",
    response={200: WorkOut, PROBLEMS: ProblemOut},
    by_alias=True,
    operation_id="readWork",
    tags=["runs"],
    summary="What is asked before the next entry",
)
def read_work(request: HttpRequest) -> HttpResponse:
    """Tell whether entries from here are slowed, and the work that spares the waiting.

    Find a number `n` such that the SHA-256 of `challenge + "." + n` (ASCII, decimal) begins with `bits` zero
    bits, and send `challenge + "." + n` as `X-Dojang-Work` with the next entry. It serves once, for ten
    minutes, from the network that asked. Or wait `wait` seconds.
    """
    asked = asked_now(request)
    response = JsonResponse({"needed": asked is not None, "work": asked})
    response["Cache-Control"] = "no-store"
    tell_wait(response, asked)
    return response


@api.get(
    "/journeys",
    response=list[JourneyOut],
    operation_id="listJourneys",
    tags=["catalogue"],
    summary="Journeys offered",
)
def list_journeys(request: HttpRequest) -> list[dict[str, Any]]:  # noqa: ARG001 - ninja requires the name
    """Every journey that can be started, with the ids of its steps in order."""
    return [
        {
            "id": journey.id,
            "product": journey.product.id,
            "channel": journey.channel,
            "version": journey.version,
            "steps": [step.id for step in journey.steps],
        }
        for journey in JOURNEYS.values()
    ]


@api.get(
    "/errors",
    response=list[ErrorOut],
    operation_id="listErrors",
    tags=["catalogue"],
    summary="Error catalogue",
)
def list_errors(request: HttpRequest) -> list[dict[str, str]]:  # noqa: ARG001 - ninja requires the name
    """Every error code with its sentence in both languages; `{…}` stands for what the error fills in."""
    korean, english = catalog("ko"), catalog("en")
    prefix = "error."
    return [
        {"code": key.removeprefix(prefix), "ko": korean[key], "en": english[key]}
        for key in sorted(korean)
        if key.startswith(prefix) and key in english
    ]
