"""The parts of the app that need no browser: its icon, its codes, its versions, its manifest and worker."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING

import pytest

from dojang.web.app.device import read_version
from dojang.web.forms import read_field
from dojang.web.qr import qr_svg
from dojang.web.raster import seal_png

if TYPE_CHECKING:
    from django.test import Client


def _chunks(png: bytes) -> dict[bytes, bytes]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    found, at = {}, 8
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        name, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size)[0] == zlib.crc32(name + body)
        found[name] = body
        at += 12 + size
    return found


@pytest.mark.parametrize("size", [192, 512])
def test_the_icon_is_a_picture_of_the_seal(size: int) -> None:
    """Right size and checksums; paper at the edge, ink inside, both mixed only along edges."""
    chunks = _chunks(seal_png("도장", size))
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (size, size, 8, 2, 0, 0, 0)
    rows = zlib.decompress(chunks[b"IDAT"])
    assert len(rows) == size * (1 + 3 * size)
    pixels = [
        rows[y * (1 + 3 * size) + 1 + 3 * x :][:3] for y in range(0, size, 4) for x in range(0, size, 4)
    ]
    ink, paper = bytes.fromhex("c5301c"), bytes.fromhex("fffdf9")
    assert pixels[0] == paper
    assert pixels.count(ink) > len(pixels) * 0.25
    assert pixels.count(ink) + pixels.count(paper) > len(pixels) * 0.85


def test_a_qr_code_needs_no_style_and_speaks() -> None:
    """Plain SVG with a name for screen readers and nothing that a strict policy would refuse."""
    drawn = qr_svg("https://bank.example/app/joint/", "For the <phone>")
    assert drawn.startswith('<svg role="img" ')
    assert "<title>For the &lt;phone&gt;</title>" in drawn
    assert "style=" not in drawn
    assert "<script" not in drawn


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.0.0", (1, 0, 0)),
        ("1.10.2", (1, 10, 2)),
        ("", None),
        ("1.0", None),
        ("1.0.0-x", None),
        ("١.0.0", None),
    ],
)
def test_versions_are_compared_as_numbers(text: str, version: tuple[int, ...] | None) -> None:
    """Three numbers; anything else is no version."""
    assert read_version(text) == version


def test_no_field_is_cut_in_silence() -> None:
    """What was posted arrives whole, however long: the step refuses it, and never sees another value."""
    from django.http import QueryDict

    from dojang.journeys.page import Field, Message

    post = QueryDict(f"a={'x' * 9000}")
    assert read_field(post, Field("a", "hidden", Message("x"), secret=True)) == "x" * 9000
    assert read_field(post, Field("a", "text", Message("x"))) == "x" * 9000


@pytest.mark.django_db
def test_the_manifest_describes_an_installable_app(client: Client, world: object) -> None:
    """Id, start, scope and both icons, in the reader's language."""
    del world
    for language, name in (("ko", "도장은행"), ("en", "Dojang Bank")):
        answer = client.get("/app/manifest.webmanifest", headers={"accept-language": language})
        assert answer.headers["Content-Type"].startswith("application/manifest+json")
        body = json.loads(answer.content)
        assert (body["id"], body["start_url"], body["scope"], body["display"]) == (
            "/app/", "/app/", "/app/", "standalone",
        )  # fmt: skip
        assert body["short_name"] == name
        assert {icon["sizes"] for icon in body["icons"]} == {"192x192", "512x512"}
        for icon in body["icons"]:
            assert client.get(icon["src"]).headers["Content-Type"] == "image/png"
    assert client.get("/app/icon-4096.png").status_code == 404


@pytest.mark.django_db
def test_what_is_not_there_is_not_found(client: Client, world: object) -> None:
    """Unknown products, journeys and approvals; nothing tells whether they exist for somebody else."""
    del world
    for path in ("/app/nothing/", "/app/joint/steal/", "/app/joint/steal/guide/", "/certs/nothing/"):
        assert client.get(path).status_code == 404
    answer = client.get("/app/approvals/0123/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/app/approvals/?ended=gone")
    assert client.post("/app/parcels/fetch/", {"locator": "0" * 64}).status_code == 404
    assert client.post("/app/parcels/put/", {"locator": "zz", "content": "!"}).status_code == 400
