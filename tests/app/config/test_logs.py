"""Logs: one JSON object a line, and no personal number in any of them."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from dojang.config.logs import REQUEST, FloodFilter, JsonFormatter, MaskingFilter, mask


@pytest.mark.parametrize(
    "personal",
    ["900101-1234567", "9001011234567", "010-0000-0101", "01000000101", "110-222-333444", "12345678901234"],
)
def test_personal_numbers_are_masked(personal: str) -> None:
    """An RRN, a telephone or an account number is replaced wherever it stands."""
    assert mask(f"said {personal}, twice {personal}.") == "said [masked], twice [masked]."


@pytest.mark.parametrize(
    "personal", ["900101-1234567", "010-0000-0101", "010 0000 0101", "01000000101", "110-222-333444"]
)
def test_numbers_with_korean_around_them_are_masked(personal: str) -> None:
    """A particle right behind a number, or a word right before it, hides nothing."""
    assert mask(f"번호{personal}로 보냈어요") == "번호[masked]로 보냈어요"


@pytest.mark.parametrize(
    "plain", ["2026-11-22", "step 17 of 18", "port 8000", "run 4f09ab", "1.3.6.1.4.1.32473"]
)
def test_plain_numbers_stay(plain: str) -> None:
    """Dates, counts, ports and identifiers are left readable."""
    assert mask(plain) == plain


def test_arguments_and_traces_are_masked() -> None:
    """What came in as an argument or inside an exception is masked as well."""
    try:
        int("wrong: 900101-1234567")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "typed %s", ("01000000101",), sys.exc_info())
    assert MaskingFilter().filter(record)
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "typed [masked]"
    assert "900101" not in line["trace"]
    assert line["level"] == "error"


def test_what_the_caller_adds_is_in_the_line() -> None:
    """The code of a failure, a count, and the request it happened in; never a personal number."""
    log = logging.getLogger("tests.extras")
    record = log.makeRecord(
        log.name, logging.ERROR, "f", 1, "request failed", (), None,
        extra={"code": "signer_unavailable", "held_back": 3, "about": "01000000101"},
    )  # fmt: skip
    told = REQUEST.set("4f09ab12")
    try:
        line = json.loads(JsonFormatter().format(record))
    finally:
        REQUEST.reset(told)
    del line["at"]
    assert line == {
        "level": "error",
        "logger": "tests.extras",
        "message": "request failed",
        "request": "4f09ab12",
        "code": "signer_unavailable",
        "held_back": 3,
        "about": "[masked]",
    }


def test_a_flood_of_lines_is_held_back_and_counted() -> None:
    """A logger says so many lines a minute; the next minute's first tells how many there were besides."""
    now = [0.0]
    flood = FloodFilter(most=3, clock=lambda: now[0])

    def say(name: str, level: int = logging.ERROR) -> logging.LogRecord | None:
        record = logging.LogRecord(name, level, "", 0, "said", (), None)
        return record if flood.filter(record) else None

    assert [say("loud") is not None for _ in range(5)] == [True] * 3 + [False] * 2
    assert say("quiet") is not None
    assert say("loud", logging.CRITICAL) is not None
    now[0] = 60.0
    first, second = say("loud"), say("loud")
    assert first is not None
    assert second is not None
    assert json.loads(JsonFormatter().format(first))["held_back"] == 2
    assert "held_back" not in json.loads(JsonFormatter().format(second))
