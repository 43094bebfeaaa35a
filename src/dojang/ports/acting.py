"""Who is acting: passed to every state change and written into the audit trail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """The person or process behind a change. `id` is a customer id, an operator id or a job's name."""

    kind: str  #: ``customer`` | ``operator`` | ``system``
    id: str = ""
    session: str = ""  #: SHA-256 (hex) of the run token, never the token
    source: str = ""  #: network address
    channel: str = ""  #: ``web`` | ``app`` | ``api`` | ``cli`` | ``job``
    locale: str = "ko"
    origin: str = ""  #: of the page this came from, such as ``https://cert.example``
    agent: str = ""  #: browser and system in a few words
    device: str = ""  #: id the app gave its device; it proves nothing
    work: str = ""  #: proof of work the client brought, if any (`guard.brakes`)


def job(name: str) -> Acting:
    """Return who is acting when a background job runs."""
    return Acting(kind="system", id=name, channel="job")
