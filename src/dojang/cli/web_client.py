"""A small JSON client over HTTP, with time-outs, for the command line's own use."""

from __future__ import annotations

import http.client
import json
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from dojang.pki.errors import DojangError

_TIMEOUT = 30.0


class CentreUnreachableError(DojangError):
    """The centre does not answer over HTTP."""

    code: ClassVar[str] = "centre_unreachable"


class Client:
    """One keep-alive connection to a centre. `token` goes with every request once set."""

    def __init__(self, base_url: str, language: str) -> None:
        parts = urlsplit(base_url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._link = kind(parts.hostname or "127.0.0.1", parts.port, timeout=_TIMEOUT)
        self._url = base_url
        self._language = language
        self.token = ""

    def get(self, *place: str) -> Any:
        """GET a place given by its parts. Raises `CentreUnreachableError`; see `ask` for answers."""
        return self.ask("GET", place)[1]

    def post(self, *place: str, **body: Any) -> tuple[int, Any]:
        """POST a JSON object; return status and answer."""
        return self.ask("POST", place, body)

    def ask(self, method: str, place: tuple[str, ...], body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Send one request; return status and answer (JSON, or text for pages)."""
        headers = {"Accept": "application/json, text/html;q=0.5", "Accept-Language": self._language}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body)
        path = "/" + "/".join(part.strip("/") if "/" in part else quote(part, safe="@:") for part in place)
        try:
            self._link.request(method, path, body=data, headers=headers)
            answer = self._link.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as failure:
            self._link.close()
            raise CentreUnreachableError(str(failure), url=self._url) from failure
        if "json" in (answer.getheader("Content-Type") or ""):
            return answer.status, json.loads(content)
        return answer.status, content.decode("utf-8", "replace")
