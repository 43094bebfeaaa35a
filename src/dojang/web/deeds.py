"""My certificates: a finished run of this browser proves whose they are; nobody else's can be reached."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dojang.ca.queries import certificates_of
from dojang.pki.errors import DojangError
from dojang.ra.access import access_run
from dojang.web.cookies import acting_for, known_runs
from dojang.web.presenting import certificate_rows
from dojang.web.runs import world_of
from dojang.web.wording import knows, phrase, write_day

if TYPE_CHECKING:
    from django.http import HttpRequest

    from dojang.ca.queries import CertificateView

_COMMON_NAME = re.compile(r"(?:^|,)\s*CN=((?:[^,\\]|\\.)*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Deed:
    """One certificate as its holder sees it."""

    view: CertificateView
    name: str
    usable: bool
    state: str
    product_name: str
    state_name: str
    not_after_text: str
    rows: list[dict[str, Any]]

    @property
    def serial(self) -> str:
        """Serial number, hexadecimal."""
        return self.view.serial


def common_name(name: str) -> str:
    """Return the common name out of a distinguished name (RFC 4514); the whole when it has none."""
    match = _COMMON_NAME.search(name)
    return (match[1] if match else name).replace("\\", "").strip()


def holder_name(subject: str) -> str:
    """Return the person's name out of a subject: what stands before the number in the common name."""
    return common_name(subject).split("(")[0].strip()


def _deed(view: CertificateView, request: HttpRequest, locale: str) -> Deed:
    now = world_of(request).clock.now()
    state = "expired" if view.state == "active" and view.not_after < now else view.state
    name = holder_name(view.subject)
    facts = {
        "holder": name,
        "product": view.product,
        "issuer": common_name(view.issuer),
        "not_before": view.not_before.isoformat(),
        "not_after": view.not_after.isoformat(),
        "revoked_at": view.revoked_at.isoformat() if view.revoked_at else "",
        "reason": phrase(f"web.reason.{view.reason}", locale)
        if view.reason and knows(f"web.reason.{view.reason}", locale)
        else (view.reason or ""),
        "serial": view.serial,
        "policy": view.policy,
        "sha256": view.sha256,
    }
    return Deed(
        view=view,
        name=name,
        usable=state == "active",
        state=state,
        product_name=phrase(f"web.product.{view.product}", locale),
        state_name=phrase(f"web.state.{state}", locale),
        not_after_text=write_day(view.not_after.date(), locale),
        rows=certificate_rows(facts, locale),
    )


def own_deeds(request: HttpRequest, locale: str) -> list[Deed]:
    """Every certificate of the people this browser has issued one for, newest first.

    Certificates signed but never confirmed are not shown: their holder never had them.
    """
    holders: dict[str, None] = {}
    for run_id, token in known_runs(request).items():
        try:
            run = access_run(run_id, acting_for(request, token))
        except DojangError:
            continue
        if run.state == "done" and run.customer_id:
            holders.setdefault(run.customer_id)
    views = [view for holder in holders for view in certificates_of(holder)]
    return [_deed(view, request, locale) for view in views if view.activated_at is not None]
