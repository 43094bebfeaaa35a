"""`dojang verify FILE`: a verdict about a signed file, why, and what happened when. Needs no centre."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dojang.cli.output import Json, Output, language
from dojang.pki.errors import MalformedError
from dojang.pki.explaining import Explanation, Inquiry, TrustList, explain, read_trust_list
from dojang.pki.npki.ber import plain_file
from dojang.pki.paths import Trust
from dojang.products.messages import render

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_FILE: Final = 64 * 1024 * 1024  #: octets
_EXIT: Final = {"valid": 0, "invalid": 1, "indeterminate": 3}
_PEM: Final = re.compile(rb"-----BEGIN [A-Z0-9 ]+-----.+?-----END [A-Z0-9 ]+-----", re.DOTALL)

_Files = list[Path] | None


def _option(name: str, text: str) -> Any:
    return typer.Option(name, help=text, exists=True, dir_okay=False)


def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What was signed, or is to be.")],
    *,
    content: Annotated[Path | None, _option("--content", "What a detached signature signs.")] = None,
    trust: Annotated[_Files, _option("--trust", "Roots to believe: PEM, DER or a trust list.")] = None,
    between: Annotated[_Files, _option("--between", "Authorities below the roots.")] = None,
    crl: Annotated[_Files, _option("--crl", "Revocation lists.")] = None,
    ocsp: Annotated[_Files, _option("--ocsp", "OCSP answers.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="The moment, RFC 3339; now without it.")] = None,
    no_status: Annotated[bool, typer.Option("--no-status", help="Do not ask about revocation.")] = False,
    as_json: Json = False,
) -> None:
    """Verify a certificate, signature, time-stamp, PDF or JWS. Exit 0 valid, 1 invalid, 3 undecided."""
    known = _trust_lists(trust or ())
    asked = Inquiry(
        Trust(
            roots=known.anchors,
            intermediates=(*known.between, *_all(between or ())),
            crls=tuple(_all(crl or ())),
            responses=tuple(_all(ocsp or ())),
            status="none" if no_status else "all",
        ),
        _moment(at),
        None if content is None else _read(content),
    )
    found = explain(_read(file), asked)
    out = Output(as_json)
    out.answer(as_data(found, known, language()), _sentence(found, language()))
    if not as_json:
        _print(out, found, known)
    raise typer.Exit(_EXIT[found.verdict])


def _read(place: Path) -> bytes:
    with place.open("rb") as opened:
        data = opened.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise MalformedError("too large", limit=MAX_FILE)
    return data


def _all(places: Iterable[Path]) -> list[bytes]:
    """Every element of some files: PEM may hold several, DER is one."""
    found: list[bytes] = []
    for place in places:
        data = _read(place)
        blocks = _PEM.findall(data)
        found += [plain_file(block) for block in blocks] if blocks else [plain_file(data)]
    return found


def _trust_lists(places: Iterable[Path]) -> TrustList:
    anchors: list[bytes] = []
    between: list[bytes] = []
    policies: dict[str, Any] = {}
    for place in places:
        if place.suffix == ".toml":
            try:
                one = read_trust_list(_read(place).decode("utf-8"))
            except UnicodeDecodeError:
                raise MalformedError("the trust list is not UTF-8") from None
            anchors += one.anchors
            between += one.between
            policies |= one.policies
        else:
            anchors += _all([place])
    return TrustList(tuple(anchors), tuple(between), policies)


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(text, param_hint="--at") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


# --- telling ---


def _sentence(found: Explanation, locale: str) -> str:
    kind = render(f"verify.kind.{found.kind}", locale)
    return f"{kind}: {render(f'verify.verdict.{found.verdict}', locale)}"


def as_data(found: Explanation, known: TrustList, locale: str) -> dict[str, Any]:
    """Return an explanation for programs: codes beside the sentences."""
    return {
        "kind": found.kind,
        "verdict": found.verdict,
        "sentence": _sentence(found, locale),
        "reasons": [
            {"code": r.code, "rule": r.rule, "sentence": render(f"verify.reason.{r.code}", locale)}
            for r in found.reasons
        ],
        "times": [
            {
                "at": t.at.isoformat(timespec="seconds"),
                "code": t.code,
                "sentence": render(f"verify.time.{t.code}", locale),
            }
            | ({"reason": t.args["reason"]} if "reason" in t.args else {})
            for t in found.times
        ],
        "subjects": [
            {
                "name": s.name,
                "issuer": s.issuer,
                "serial": s.serial,
                "weak": list(s.weak),
                "policies": {oid: _policy_name(oid, known, locale) for oid in s.policies},
            }
            for s in found.subjects
        ],
        "text": found.text,
        "encoding": found.encoding,
    }


def _policy_name(dotted: str, known: TrustList, locale: str) -> str:
    names = known.policies.get(dotted, {})
    return str(names.get(locale) or next(iter(names.values()), ""))


def _print(out: Output, found: Explanation, known: TrustList) -> None:
    data = as_data(found, known, language())
    for reason in data["reasons"]:
        rule = f" ({reason['code']}; {reason['rule']})" if reason["rule"] else f" ({reason['code']})"
        out.console.print(f"  {reason['sentence']}{rule}", markup=False)
    for subject in data["subjects"]:
        weak = render("verify.word.weak", language(), names=", ".join(subject["weak"]))
        rows = [subject["name"], subject["issuer"], subject["serial"]]
        words = ("signer", "issuer", "serial")
        for word, value in zip(words, rows, strict=True):
            out.console.print(f"  {render(f'verify.word.{word}', language())}: {value}", markup=False)
        for dotted, called in subject["policies"].items():
            label = render("verify.word.policy", language())
            out.console.print(f"  {label}: {dotted} {called}".rstrip(), markup=False)
        if subject["weak"]:
            out.console.print(f"  {weak}", markup=False)
    for moment in data["times"]:
        why = f" ({moment['reason']})" if "reason" in moment else ""
        out.console.print(f"  {moment['at']}  {moment['sentence']}{why}", markup=False)
    if found.text is not None:
        label = render("verify.word.text", language(), encoding=found.encoding)
        out.console.print(f"  {label}: {printable(found.text)}", markup=False)


def printable(text: str) -> str:
    """Return a stranger's text without what moves a terminal's cursor."""
    return "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text)
