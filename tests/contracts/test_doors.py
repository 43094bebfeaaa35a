"""The doors as the network sees them: bodies in pieces, HEAD, status questions in pieces."""

from __future__ import annotations

import contextlib
import http.client
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography.x509 import ocsp

from dojang.pki import der, oids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.centres import Centre

pytestmark = pytest.mark.live


def in_pieces(data: bytes) -> Iterator[bytes]:
    """Send a body in two pieces, without saying how long it is."""
    yield data[: len(data) // 2]
    yield data[len(data) // 2 :]


def test_the_interface_takes_a_body_in_pieces(live: Centre) -> None:
    """A chunked request begins a run as one with a length does."""
    kind = {"Content-Type": "application/json"}
    body = b'{"journey": "financial-web-issue"}'
    answer = httpx.post(f"{live.url}/api/v1/runs", content=in_pieces(body), headers=kind)
    assert answer.request.headers["Transfer-Encoding"] == "chunked"
    assert (answer.status_code, answer.json()["step"]) == (201, "terms")


def test_a_form_takes_a_body_in_pieces(live: Centre) -> None:
    """A chunked form, with its token, leads on as one with a length does."""
    with httpx.Client(base_url=live.url) as visitor:
        page = visitor.get("/certs/financial/issue/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token is not None
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        body = f"csrfmiddlewaretoken={token[1]}".encode()
        answer = visitor.post("/certs/financial/issue/", content=in_pieces(body), headers=kind)
    assert answer.status_code == 303


def test_a_body_in_pieces_has_an_end_too(live: Centre) -> None:
    """More than a request may have is refused as too large, however it is sent."""
    kind = {"Content-Type": "application/json"}
    body = b'{"journey": "' + b"x" * 400_000 + b'"}'
    answer = httpx.post(f"{live.url}/api/v1/runs", content=in_pieces(body), headers=kind)
    assert answer.status_code == 413


def test_a_status_question_in_pieces_is_read(live: Centre) -> None:
    """A chunked question about a foreign authority is understood: unauthorized, as with a length."""
    kind = {"Content-Type": "application/ocsp-request"}
    identifier = der.sequence(der.oid(oids.SHA1), der.NULL_VALUE)
    asked = der.sequence(identifier, der.octet_string(bytes(20)), der.octet_string(bytes(20)), der.integer(5))
    body = der.sequence(der.sequence(der.sequence(der.sequence(asked))))
    for content in (body, in_pieces(body)):
        answer = httpx.post(f"{live.url}/ocsp", content=content, headers=kind)
        told = ocsp.load_der_ocsp_response(answer.content).response_status
        assert (answer.status_code, told) == (200, ocsp.OCSPResponseStatus.UNAUTHORIZED)


@pytest.mark.parametrize("place", ["/", "/certs/", "/help/", "/app/", "/api/v1/journeys", "/sandbox/"])
def test_head_sends_no_body(live: Centre, place: str) -> None:
    """On the wire too: the page's length, and the connection goes on with the next answer."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)) as link:
        link.request("HEAD", place)
        answer = link.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        assert int(answer.headers["Content-Length"]) > 0
        link.request("GET", "/healthz")
        other = link.getresponse()
        assert (other.status, other.read()) == (200, b'{"status": "ok"}')
