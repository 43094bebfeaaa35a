"""The cast: who lives in the simulated country, and everything they carry.

Everybody is invented. All values follow from one fixed word, so that the documentation can name them and
a country cast again is the same country. An identification number of the cast cannot be anyone's: it
carries the form of one issued before October 2020, when its last digit was still a check digit, and that
digit is wrong on purpose. Telephone numbers lie in 010-0000 and 010-0001, which no carrier hands out.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from datetime import date

CARD_CELLS = 35
CARD_DIGITS = 4
_LAST_MADE = 2024  #: nobody of the cast got a card later than in this year
_WORD = b"dojang sandbox cast, first edition"
_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """A telephone number a person has had registered since `days` before the casting.

    `gone` marks a number that was replaced one day before the casting.
    """

    number: str
    days: int
    gone: bool = False


@dataclass(frozen=True, slots=True)
class CastAccount:
    """A bank account. `kind`: ``withdrawal`` (usable for identification) | ``savings``."""

    number: str
    kind: str
    balance: int  #: won
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Card:
    """A security card: 8-digit serial and 35 cells of 4 digits, the first cell being number 1."""

    serial: str = field(repr=False)
    cells: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A one-time-password token: serial on its back and the secret inside."""

    serial: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Paper:
    """An identity card. `type`: ``resident`` | ``driver`` | ``foreigner``."""

    type: str
    number: str = field(repr=False)
    issued: date = field(repr=False)


@dataclass(frozen=True, slots=True)
class OtherAccount:
    """An account at one of the other banks (`OTHER_BANKS`), in the person's own name."""

    bank: str
    number: str


@dataclass(frozen=True, slots=True)
class Bank:
    """One of the other banks: three digits, and its name in both languages."""

    code: str
    name_ko: str
    name_en: str


OTHER_BANKS = (
    Bank("901", "나루은행", "Naru Bank"),
    Bank("902", "한결은행", "Hangyeol Bank"),
    Bank("903", "솔빛은행", "Solbit Bank"),
)
CARRIERS = ("garam", "narae", "daon", "thrifty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One member of the cast. `handle` is the short name in addresses; `id` the bank's customer number."""

    handle: str
    place: int  #: order on the overview
    id: str
    user_id: str
    rrn: str = field(repr=False)
    name: str
    name_en: str
    birth: date
    kind: str = "person"
    ebanking: bool = True
    locked: bool = False
    email: str | None
    address: str | None
    branch_code: str = "0101"
    devices: int = 1  #: telephones with the bank's app, which take push messages
    lines: tuple[PhoneLine, ...]
    accounts: tuple[CastAccount, ...]
    card: Card | None = None
    token: Token | None = None
    papers: tuple[Paper, ...] = ()
    others: tuple[OtherAccount, ...] = ()


def derive(label: str, size: int = 32) -> bytes:
    """Bytes that follow from the cast's fixed word and a label. At most 32."""
    return hmac.digest(_WORD, label.encode(), hashlib.sha256)[:size]


def derive_digits(label: str, count: int) -> str:
    """Decimal digits that follow from the cast's fixed word and a label."""
    return f"{int.from_bytes(derive(label), 'big') % 10**count:0{count}d}"


def invent_rrn(handle: str, birth: date, *, female: bool, foreign: bool = False) -> str:
    """13 digits with a true birth date and a last digit that is wrong by both published check rules."""
    century = 2 if birth.year >= 2000 else 0  # noqa: PLR2004 - the century is coded in the seventh digit
    seventh = 1 + century + (4 if foreign else 0) + (1 if female else 0)
    head = f"{birth:%y%m%d}{seventh}{derive_digits(f'rrn|{handle}', 5)}"
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, head, strict=True))
    right = {(11 - total % 11) % 10, (13 - total % 11) % 10}  # citizens; registered foreigners
    return head + next(digit for digit in "5839" if int(digit) not in right)


def carrier_of(number: str) -> str:
    """Name the carrier of a mobile number; a number keeps its carrier."""
    return CARRIERS[derive(f"carrier|{number}", 1)[0] % len(CARRIERS)]


def gender_of(rrn: str) -> str:
    """Read ``male`` or ``female`` out of an identification number: the seventh digit is odd or even."""
    return "male" if int(rrn[6]) % 2 else "female"


def _papers(handle: str, rrn: str, birth: date, kind: str, media: str) -> tuple[Paper, ...]:
    """Give everybody of seventeen years (the age a card is made at) a card, and some a driver's licence."""
    made = date(birth.year + 18, 1 + derive(f"paper|{handle}", 1)[0] % 12, 1 + len(handle))
    if made.year > _LAST_MADE:
        return ()
    first = Paper("foreigner" if kind == "foreigner" else "resident", rrn, made)
    if "licence" not in media:
        return (first,)
    number = f"11{made:%y}{derive_digits(f'licence|{handle}', 8)}"
    return (first, Paper("driver", number, made.replace(year=made.year + 1)))


def _card(handle: str) -> Card:
    cells = tuple(derive_digits(f"card|{handle}|{cell}", CARD_DIGITS) for cell in range(1, CARD_CELLS + 1))
    return Card(derive_digits(f"card-serial|{handle}", 8), cells)


def _token(handle: str) -> Token:
    return Token(derive_digits(f"token-serial|{handle}", 10), derive(f"token|{handle}"))


def _account(handle: str, number: str, balance: int, kind: str = "withdrawal") -> CastAccount:
    return CastAccount(number, kind, balance, derive_digits(f"account|{number}|{handle}", 4))


def _other_account(place: int) -> OtherAccount:
    bank = OTHER_BANKS[place % len(OTHER_BANKS)]
    return OtherAccount(bank.code, f"{bank.code}{place:09d}")


def _person(  # one keyword a fact reads like the table it is
    handle: str,
    place: int,
    *,
    name: str,
    name_en: str,
    birth: date,
    female: bool,
    lines: tuple[PhoneLine, ...],
    media: str = "card",
    kind: str = "person",
    locked: bool = False,
    devices: int = 1,
    savings: bool = False,
) -> Person:
    accounts = [_account(handle, f"110000{place:06d}", 1_250_000 * place)]
    if savings:
        accounts.append(_account(handle, f"210000{place:06d}", 30_000_000, "savings"))
    rrn = invent_rrn(handle, birth, female=female, foreign=kind == "foreigner")
    return Person(
        handle=handle,
        place=place,
        id=f"10{derive_digits(f'customer|{handle}', 8)}",
        user_id=f"{handle}1234",
        rrn=rrn,
        name=name,
        name_en=name_en,
        birth=birth,
        kind=kind,
        locked=locked,
        email=f"{handle}@example.test",
        address=f"서울특별시 도장구 인주로 {place}길 {place * 7}",
        devices=devices,
        lines=lines,
        accounts=tuple(accounts),
        card=_card(handle) if "card" in media else None,
        token=_token(handle) if "otp" in media else None,
        papers=_papers(handle, rrn, birth, kind, media),
        others=(_other_account(place),),
    )


CAST: tuple[Person, ...] = (
    _person(
        "hong",
        1,
        name="홍길동",
        name_en="Hong Gildong",
        birth=date(1988, 3, 15),
        female=False,
        lines=(PhoneLine("01000000101", 400), PhoneLine("01000000102", 1500)),
        media="card licence",
        savings=True,
    ),
    _person(
        "han",
        2,
        name="한서연",
        name_en="Han Seoyeon",
        birth=date(1993, 11, 2),
        female=True,
        lines=(PhoneLine("01000000201", 800),),
    ),
    _person(
        "lee",
        3,
        name="이몽룡",
        name_en="Lee Mongryong",
        birth=date(1979, 6, 21),
        female=False,
        lines=(PhoneLine("01000000301", 2000),),
        media="otp",
    ),
    _person(
        "kim",
        4,
        name="김춘향",
        name_en="Kim Chunhyang",
        birth=date(1996, 5, 5),
        female=True,
        lines=(PhoneLine("01000000401", 1), PhoneLine("01000000402", 1200, gone=True)),
    ),
    _person(
        "park",
        5,
        name="박다온",
        name_en="Park Daon",
        birth=date(1967, 9, 9),
        female=True,
        lines=(PhoneLine("01000000501", 3000),),
        locked=True,
    ),
    _person(
        "choi",
        6,
        name="최하늘",
        name_en="Choi Haneul",
        birth=date(2019, 5, 27),
        female=False,
        lines=(PhoneLine("01000000601", 90),),
    ),
    _person(
        "smith",
        7,
        name="SMITH ALEX",
        name_en="Alex Smith",
        birth=date(1985, 12, 24),
        female=True,
        lines=(PhoneLine("01000000701", 600),),
        media="card otp",
        kind="foreigner",
        devices=0,
    ),
    _person(
        "jung",
        8,
        name="정가람",
        name_en="Jung Garam",
        birth=date(1974, 1, 30),
        female=False,
        lines=(PhoneLine("01000000801", 2500),),
    ),
    _person(
        "baek",
        9,
        name="백이든",
        name_en="Baek Ideun",
        birth=date(2001, 8, 17),
        female=True,
        lines=(PhoneLine("01000000901", 365),),
        media="card otp",
    ),
    _person(
        "yoon",
        10,
        name="윤도담",
        name_en="Yoon Dodam",
        birth=date(1982, 2, 11),
        female=True,
        lines=(PhoneLine("01000001001", 1800),),
        media="card licence",
        kind="sole_proprietor",
    ),
)

BY_HANDLE = {person.handle: person for person in CAST}


_SYLLABLES = ("영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구")
_LETTERS = ("yeong", "il", "i", "sam", "sa", "o", "yuk", "chil", "pal", "gu")


def find_person(handle: str) -> Person:
    """Return a member of the cast or of the crowd. Raises `KeyError`."""
    if handle in BY_HANDLE:
        return BY_HANDLE[handle]
    if not handle.startswith("x") or not handle[1:].isdigit():
        raise KeyError(handle)
    return invent_extra(int(handle[1:]))


def invent_extra(number: int) -> Person:
    """Return one of many further ordinary people (1 to 9,999), for trials with a crowd."""
    digits = [int(digit) for digit in f"{number:04d}"]
    person = _person(
        f"x{number:05d}",
        100_000 + number,
        name="나" + "".join(_SYLLABLES[digit] for digit in digits),
        name_en="Na " + "".join(_LETTERS[digit] for digit in digits).capitalize(),
        birth=date(1990, 1 + number % 12, 1 + number % 28),
        female=bool(number % 2),
        lines=(PhoneLine(f"0100001{number:04d}", 700),),
    )
    # Eight derived digits would collide in a crowd of thousands; a running number cannot.
    return replace(person, id=f"19{number:08d}", user_id=f"crowd{number:05d}")
