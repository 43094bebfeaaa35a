"""The seal: which letters, always the same, safe to put into a page."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dojang.web.seal import draw_seal, seal_letters


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("홍길동", "홍길동인"),
        ("이산", "이산의인"),
        ("남궁민수", "남궁민수"),
        ("황보관우진", "황보관우진"),
        ("John Smith", "JS"),
        ("Anna-Maria Lopez", "AML"),
        ("Lee", "LE"),
        ("Ólafur Ágústsson", "OA"),
        ("李小龍", ""),
    ],
)
def test_a_name_is_stamped_as_a_seal_cutter_would(name: str, letters: str) -> None:
    """Hangul names fill a square, other names are stamped by their initials."""
    assert seal_letters(name) == letters


def test_decomposed_hangul_makes_the_same_letters() -> None:
    """A name typed as single letters is the same name."""
    decomposed = "\u1112\u1169\u11bc\u1100\u1175\u11af\u1103\u1169\u11bc"
    assert seal_letters(decomposed) == "홍길동인"


def test_the_same_name_always_gives_the_same_seal() -> None:
    """The seal is the certificate's face: it never changes, and differs from another's."""
    assert draw_seal("홍길동") == draw_seal("홍길동")
    assert draw_seal("홍길동") != draw_seal("홍길순")


def test_a_label_makes_it_an_image_and_none_hides_it() -> None:
    """A screen reader hears the label, or nothing."""
    spoken = ET.fromstring(draw_seal("홍길동", label='<"홍길동"> & 도장'))  # noqa: S314 - made by us
    assert spoken.get("role") == "img"
    assert spoken.get("aria-label") == '<"홍길동"> & 도장'
    silent = ET.fromstring(draw_seal("홍길동"))  # noqa: S314 - made by us
    assert silent.get("aria-hidden") == "true"
    assert silent.get("aria-label") is None


@given(st.text(max_size=40))
def test_any_name_gives_well_formed_svg_without_style_or_script(name: str) -> None:
    """Whatever the name, the drawing is well formed and fits a strict content security policy."""
    drawn = draw_seal(name, label=name.encode("ascii", "ignore").decode().strip() and "seal")
    root = ET.fromstring(drawn)  # noqa: S314 - made by us
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert kinds == {"svg", "path", "g", "rect"}
    assert all("style" not in element.attrib for element in root.iter())
    assert "nan" not in drawn


@given(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3))
def test_every_syllable_stays_inside_the_frame(syllable: str) -> None:
    """All 11,172 syllables can be cut, and no stroke leaves the stamp."""
    root = ET.fromstring(draw_seal(syllable * 3))  # noqa: S314 - made by us
    strokes = next(
        e for e in root.iter() if e.tag.endswith("path") and e.get("stroke-width") not in {None, "3"}
    )
    numbers = [float(n) for n in _absolute_points(strokes.get("d") or "")]
    assert min(numbers) >= 20
    assert max(numbers) <= 180


def _absolute_points(path: str) -> list[str]:
    """Coordinates of moves and lines; arcs are relative and left out."""
    kept = []
    for part in path.replace("L", "M").split("M"):
        kept.extend(part.split("a")[0].split())
    return kept
