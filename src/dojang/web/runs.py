"""Runs as the browser knows them: by its cookie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dojang.edge.visitor import acting_of, world_of
from dojang.pki.errors import DojangError
from dojang.ra import actions
from dojang.web.cookies import known_runs

if TYPE_CHECKING:
    from django.http import HttpRequest

    from dojang.journeys.page import Page


_UNDER_WAY = frozenset({"open", "issuing", "delivering"})


@dataclass(frozen=True, slots=True)
class Live:
    """A journey this browser has begun and not ended."""

    page: Page

    @property
    def url(self) -> str:
        """Where it goes on."""
        return run_url(self.page)


def run_path(page: Page) -> str:
    """Address of a run's page; journeys of the app stay inside the app."""
    return f"{'/app' if page.channel == 'app' else ''}/runs/{page.run}/"


def run_url(page: Page) -> str:
    """Address of a run; the step is only there so that each has its own place in the browser's history."""
    path = run_path(page)
    return f"{path}?step={page.step}" if page.state == "open" else path


def own_pages(request: HttpRequest) -> list[Page]:
    """Present pages of this browser's runs, newest first; runs that are gone are left out."""
    pages = []
    for run, token in known_runs(request).items():
        try:
            pages.append(
                actions.open_page(run, acting=acting_of(request, token=token), world=world_of(request))
            )
        except DojangError:
            continue
    return pages


def live_run(request: HttpRequest) -> Live | None:
    """Return the newest journey that can be gone on with."""
    return next((Live(page) for page in own_pages(request) if page.state in _UNDER_WAY), None)
