"""One writing for each kind of value: strict about what it means, generous about how it is typed.

The same number, name or address is typed, pasted, texted and kept in many forms: decomposed letters,
full-width digits, any of two dozen dashes, spaces that do not show, marks of direction around a number from
the contacts. Every door, every answer of the bank's systems and every comparison goes through the one
function here for its kind of value. These functions never refuse and never shorten: what they cannot read
stays in the text, so that the check behind them (`ACCOUNT`, `MOBILE`, `mail_fault` …) refuses it and says
what to change.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from dojang.pki.names import is_writable
from dojang.pki.npki.vid import MAX_NAME

_DASHES: Final = "\u2212\u02d7\u2043"  # drawn as a dash, besides those that are one
#: What is typed for a dash between digits: long vowels of Japanese and Korean keyboards, the line of a box.
_STROKES: Final = dict.fromkeys(map(ord, "\u30fc\u3161\u2500\u2501"), "-")
_APOSTROPHES: Final = "\u2018\u2019\u201b\u02bc\u02b9\u02bb\u2032\u00b4`"
_MIDDLE_DOTS: Final = "\u30fb\u2027\u2022\u2219\u22c5\u318d\u0387"
#: Letters that show as nothing: the fillers of Hangul and the empty Braille cell.
_BLANKS: Final = "\u3164\uffa0\u2800"
_SHOWN_AS: Final = {
    **dict.fromkeys(map(ord, _DASHES), "-"),
    **dict.fromkeys(map(ord, _APOSTROPHES), "'"),
    **dict.fromkeys(map(ord, _MIDDLE_DOTS), "\u00b7"),
}
_WIDE: Final = re.compile("[\uff01-\uffee]+")  # full-width ASCII, half-width Korean and Japanese
_SEPARATORS: Final = re.compile(r"[\s.\u00b7-]")
_DATE: Final = re.compile(r"([0-9]{4})[^0-9]{1,3}([0-9]{1,2})[^0-9]{1,3}([0-9]{1,2})[^0-9]{0,2}")

ACCOUNT: Final = re.compile(r"[0-9]{10,16}")
MOBILE: Final = re.compile(r"010[0-9]{8}")
USER_ID: Final = re.compile(r"[A-Za-z0-9]{6,12}")
RRN: Final = re.compile(r"[0-9]{13}")
#: Characters of an address, so that it fits wherever a bank keeps one; RFC 5321 would allow 254.
MAIL_LONGEST: Final = 200
_LOCAL_LONGEST: Final = 64  # RFC 5321 section 4.5.3.1.1
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,63}|xn--[A-Za-z0-9-]{1,59})"
)
NAME_LONGEST: Final = MAX_NAME  #: characters of a person's name, in a record and in identifyData


def plain_text(text: str) -> str:
    """Free text: NFC, full-width forms plain, nothing that does not show, one space where there was any."""
    shown = "".join(_shown(sign) for sign in _WIDE.sub(lambda found: _narrow(found[0]), text))
    return unicodedata.normalize("NFC", " ".join(shown.split()))


def _narrow(text: str) -> str:
    """Return full-width and half-width forms as the letters they stand for; a filler is a blank."""
    return unicodedata.normalize("NFKC", text.translate(dict.fromkeys(map(ord, _BLANKS), " ")))


def _shown(sign: str) -> str:
    """Leave out what is never drawn (zero width, soft hyphen, direction, tags); draw a blank as one."""
    if sign in _BLANKS:
        return " "
    return "" if unicodedata.category(sign) == "Cf" else sign


def plain_name(text: str) -> str:
    """Return a person's name as free text with the plain apostrophe, hyphen and middle dot."""
    return "".join(map(_simple, plain_text(text)))


def _simple(sign: str) -> str:
    return "-" if unicodedata.category(sign) == "Pd" else _SHOWN_AS.get(ord(sign), sign)


def is_name(name: str) -> bool:
    """Tell whether a plain name can be somebody's, and stand in a certificate."""
    return bool(name) and len(name) <= NAME_LONGEST and is_writable(name)


def same_name(given: str, true: str, english: str = "") -> bool:
    """Compare a typed name with the record's: spaces and case do not count, nor does the words' order.

    The order counts for a name written as one word, which Korean names are.
    """
    words, wanted = _words(given), _words(true)
    if not words:
        return False
    return "".join(words) == "".join(wanted) or sorted(words) in (sorted(wanted), sorted(_words(english)))


def _words(name: str) -> list[str]:
    """Return the words of a name for comparing, without the selectors that choose one drawing of a letter."""
    plain = "".join(sign for sign in plain_name(name).casefold() if not _is_selector(sign))
    return unicodedata.normalize("NFC", plain).split()


def _is_selector(sign: str) -> bool:
    return "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef"


def plain_digits(text: str) -> str:
    """Return digits without what stands between them (spaces, dashes, dots); anything else stays, to be seen.

    Digits of other scripts stay as well: they are on no key of a telephone and in no record.
    """
    return _SEPARATORS.sub("", _typed(text))


def _typed(text: str) -> str:
    return "".join(sign for sign in plain_name(text).translate(_STROKES) if not _is_selector(sign))


def is_digits(text: str, length: int) -> bool:
    """Tell whether this is exactly `length` ASCII digits."""
    return len(text) == length and text.isascii() and text.isdecimal()


def plain_phone(text: str) -> str:
    """Return a Korean number as it is dialled at home: ``+82 (0)10-0000-0201`` is ``01000000201``."""
    number = re.sub(r"[()\[\]]", "", plain_digits(text)).lower().removeprefix("tel:").replace("/", "")
    for abroad in ("+82", "0082", "82"):
        if number.startswith(abroad):
            return "0" + number.removeprefix(abroad).removeprefix("0")
    return number


def plain_account(text: str) -> str:
    """Return an account number, digits only."""
    return plain_digits(text)


def plain_user_id(text: str) -> str:
    """Return a user id: full-width letters plain, nothing that does not show, no space."""
    return plain_text(text).replace(" ", "")


def plain_date(text: str) -> str:
    """Return a day as ``YYYYMMDD``: also from ``1993. 11. 2.``, ``1993-11-02``, ``1993년 11월 2일``."""
    shown = _typed(text)
    if found := _DATE.fullmatch(shown):
        year, month, day = found.groups()
        return f"{year}{month:0>2}{day:0>2}"
    return _SEPARATORS.sub("", shown).replace("/", "")


def reply_number(text: str, digits: int) -> str | None:
    """Return the number a texted reply begins with, if it has that many digits; else the reply is none.

    The first line with a digit counts: some telephones add a signature, with a number of its own.
    """
    for line in text.splitlines():
        shown = _typed(line)
        if any("0" <= sign <= "9" for sign in shown):
            whole = _SEPARATORS.sub("", shown)
            if is_digits(whole, digits):
                return whole
            found = re.search(r"[0-9]+", shown)
            return found[0] if found and len(found[0]) == digits else None
    return None


def plain_mail(text: str) -> str:
    """Return an e-mail address: no spaces around, the domain in lower case and as A-labels (RFC 5890).

    A domain that has no such form, or would become another one's, stays as it is for `mail_fault` to refuse.
    """
    shown = re.sub(r"^mailto:", "", plain_text(text), flags=re.IGNORECASE).replace("\u3002", ".")
    local, at, domain = shown.rpartition("@")
    if not at:
        return shown
    return f"{local}@{domain.lower() if domain.isascii() else _a_labels(domain)}"


def _a_labels(domain: str) -> str:
    wanted = unicodedata.normalize("NFC", domain.lower())
    try:
        found = wanted.encode("idna").decode("ascii")
        # The older rules of this codec write some letters (ß, ς) as others: that would be another domain.
        same = found.encode("ascii").decode("idna") == wanted
    except UnicodeError:
        return domain
    return found if same else domain


def mail_fault(address: str) -> str | None:
    """Name what is wrong with a plain address: ``format long local domain``; ``None`` when nothing is.

    The everyday subset of RFC 5322 section 3.4.1: no quotes, no comments.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        return "format"
    if len(address) > MAIL_LONGEST or len(local) > _LOCAL_LONGEST:
        return "long"
    if not local.isascii():
        return "local"
    if not domain.isascii():
        return "domain"
    return None if _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) else "format"
