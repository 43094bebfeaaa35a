"""One writing for each kind of value, whatever keyboards, contacts, papers and old systems make of it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dojang.ports import writing

LRO, PDF, RLM = "\u202d", "\u202c", "\u200f"  # marks of direction
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u30fc\u3161\u2500"
SPACES = " \t\u00a0\u2002\u2009\u202f\u3000\u3164\u2800"
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202c\u2066\u2069"
LONG_DOMAIN = ".".join(["a" * 60] * 3)


@pytest.mark.parametrize(
    "between", [*DASHES, *SPACES, *UNSEEN, ".", "\u00b7", "\u30fb", " \u2013 ", f"{RLM}-{RLM}"]
)
def test_nothing_between_digits_counts(between: str) -> None:
    """Any dash, space, dot or sign that does not show may stand between the digits of a number."""
    assert writing.plain_digits(f"931102{between}2763445") == "9311022763445"


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("９３１１０２－２７６３４４５", "9311022763445"),
        ("931102+2763445", "931102+2763445"),
        ("٩٣١١٠٢", "٩٣١١٠٢"),
        ("123²", "123²"),
        ("１2３4５6", "123456"),
        ("12a4", "12a4"),
        ("", ""),
    ],
)
def test_digits(typed: str, plain: str) -> None:
    """Full-width digits are digits; what is none stays, to be refused."""
    assert writing.plain_digits(typed) == plain
    assert writing.is_digits(plain, len(plain)) == (plain.isascii() and plain.isdecimal())


@pytest.mark.parametrize(
    "typed",
    [
        f"{LRO}010-0000-0201{PDF}",
        "(010) 0000-0201",
        "010.0000.0201",
        "010·0000·0201",
        "010/0000/0201",
        "+82 (0)10-0000-0201",
        "+82-10-0000-0201",
        "0082 10 0000 0201",
        "82-10-0000-0201",
        "＋８２　１０－００００－０２０１",
        "tel:+82-10-0000-0201",
        "010\u201300000201",
    ],
)
def test_telephones(typed: str) -> None:
    """A number is the same one in every way telephones, cards and papers write it."""
    assert writing.plain_phone(typed) == "01000000201"


@pytest.mark.parametrize("typed", ["", "abc", "1000000201", "+81 10 0000 0201", "010-0000-02O1"])
def test_no_telephone(typed: str) -> None:
    """What is another number, or none, does not become one of ours."""
    assert writing.MOBILE.fullmatch(writing.plain_phone(typed)) is None


@pytest.mark.parametrize(
    "typed", ["110–0000–00002", "１１００００００００02", "110 0000 00002", "110\u200b000000002"]
)
def test_accounts(typed: str) -> None:
    """Account numbers as passbooks print and keyboards type them."""
    assert writing.plain_account(typed) == "110000000002"


@pytest.mark.parametrize(
    "typed",
    [
        "19931102",
        "1993-11-02",
        "1993.11.02",
        "1993. 11. 2.",
        "1993/11/2",
        "1993년 11월 2일",
        "１９９３１１０２",
    ],
)
def test_days(typed: str) -> None:
    """A day in the forms people and papers write it, short months and days filled up."""
    assert writing.plain_date(typed) == "19931102"


@pytest.mark.parametrize("typed", ["1993112", "93.11.02", "11-02-1993", "1993-11", "1993-11-02-05", "soon"])
def test_no_days(typed: str) -> None:
    """A day that could be read in two ways is not read at all."""
    assert not writing.is_digits(writing.plain_date(typed), 8) or writing.plain_date(typed)[:4] != "1993"


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        (unicodedata.normalize("NFD", "한서연"), "한서연"),
        ("윤　도담", "윤 도담"),
        ("  윤 \u00a0 도담\u3000\u3000", "윤 도담"),
        ("O’BRIEN PATRICK", "O'BRIEN PATRICK"),
        ("ＯʼＢＲＩＥＮ　ＰＡＴＲＩＣＫ", "O'BRIEN PATRICK"),
        ("JEAN–LUC", "JEAN-LUC"),
        ("𠮷田 太郎", "𠮷田 太郎"),
        ("ルーシー", "ルーシー"),
        ("ﾙｰｼｰ", "ルーシー"),
        ("\u202d홍길동\u202c", "홍길동"),
        ("홍\u3164길동", "홍 길동"),
        ("\uf90a 하나", "金 하나"),
    ],
)
def test_names(typed: str, plain: str) -> None:
    """A name is written in one way: composed, with plain spaces, apostrophes and hyphens, nothing unseen."""
    assert writing.plain_name(typed) == plain
    assert writing.is_name(plain)


@pytest.mark.parametrize("name", ["", "홍\x00길동", "홍\x1b길동", "a" * 201, "홍\ud800"])
def test_no_names(name: str) -> None:
    """Controls, halves of characters, nothing at all and a book are nobody's name."""
    assert not writing.is_name(writing.plain_name(name))


@pytest.mark.parametrize(
    ("given", "true", "english"),
    [
        (unicodedata.normalize("NFD", "한서연"), "한서연", "HAN SEOYEON"),
        ("한서연", unicodedata.normalize("NFD", "한서연"), ""),
        ("윤도담", "윤　도담", ""),
        ("윤 도담", "윤도담", ""),
        ("O’BRIEN PATRICK", "O'BRIEN PATRICK", ""),
        ("patrick o'brien", "O'BRIEN PATRICK", ""),
        ("Seoyeon Han", "한서연", "HAN SEOYEON"),
        ("𠮷田太郎", "𠮷田 太郎", ""),
        ("葛\U000e0100城", "葛城", ""),
    ],
)
def test_names_that_are_the_same(given: str, true: str, english: str) -> None:
    """Form, spaces, case and the order of words do not make another person."""
    assert writing.same_name(given, true, english)


@pytest.mark.parametrize(
    ("given", "true"),
    [("", ""), ("\u200b", ""), ("서연한", "한서연"), ("吉田 太郎", "𠮷田 太郎"), ("한서", "한서연")],
)
def test_names_that_are_not_the_same(given: str, true: str) -> None:
    """Another letter is another name, and no name is nobody's."""
    assert not writing.same_name(given, true)


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("han@example.test", "han@example.test"),
        (" Han.Kim@EXAMPLE.Test\u3000", "Han.Kim@example.test"),
        ("han＠example．test", "han@example.test"),
        ("han@example。test", "han@example.test"),
        ("mailto:han@example.test", "han@example.test"),
        ("\u202dhan@example.test\u202c", "han@example.test"),
        ("han@한글.test", "han@xn--bj0bj06e.test"),
        (unicodedata.normalize("NFD", "han@한글.test"), "han@xn--bj0bj06e.test"),
    ],
)
def test_mail_addresses(typed: str, plain: str) -> None:
    """An address has its domain in lower case and as A-labels; the part before the @ is left alone."""
    assert writing.plain_mail(typed) == plain
    assert writing.mail_fault(plain) is None


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        (f"x@{LONG_DOMAIN}.co.com.example.test", "long"),
        ("x" * 65 + "@example.test", "long"),
        ("홍@example.test", "local"),
        ("han@straße.test", "domain"),
        ("han@☃\u2028.test", "format"),
        ("han", "format"),
        ("@example.test", "format"),
        ("han@", "format"),
        ("han@example", "format"),
        ("han kim@example.test", "format"),
        ("han\x00@example.test", "format"),
    ],
)
def test_mail_addresses_that_are_refused(typed: str, fault: str) -> None:
    """An address we could not write to unchanged is refused, and it is known what to say."""
    assert writing.mail_fault(writing.plain_mail(typed)) == fault


def test_a_long_address_is_never_a_shorter_one() -> None:
    """Of two hundred and ten characters none is left out on the way to the refusal."""
    typed = f"x@{LONG_DOMAIN}.co.com.example.test"
    assert writing.plain_mail(typed) == typed


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("50", "50"),
        (" ５０ ", "50"),
        ("5 0", "50"),
        ("[50]", "50"),
        ("50번이요", "50"),
        ("50\n-- 홍길동 드림 010-0000-0101", "50"),
        ("네\n50", "50"),
        ("50 (010-0000-0101)", "50"),
        ("네, 알겠습니다", None),
        ("5", None),
        ("500", None),
        ("010-0000-0101\n50", None),
        ("", None),
    ],
)
def test_replies(text: str, number: str | None) -> None:
    """The first number of the first line that has any is the reply's; one of another length is none."""
    assert writing.reply_number(text, 2) == number


@given(st.text(max_size=80))
def test_every_writing_is_final(text: str) -> None:
    """Writing a value plainly twice changes nothing more, whatever it is."""
    for plain in (
        writing.plain_text,
        writing.plain_name,
        writing.plain_digits,
        writing.plain_user_id,
    ):
        once = plain(text)
        assert plain(once) == once, plain.__name__
        assert unicodedata.is_normalized("NFC", once)
