"""`dojang verify-path --jsonl`: a case a line in, a verdict a line out. Needs no centre and no folder.

A case is a JSON object. Certificates and lists are base64 of DER:

* ``trusted`` (list), ``intermediates`` (list), ``leaf``, ``crls`` (list), ``responses`` (list; OCSP);
* ``time``: RFC 3339, now without one;
* ``purpose``: ``server`` ``client`` ``email`` ``code`` ``time-stamp`` ``ocsp``, an OID, or nothing for any;
* ``peer_name``: a text, or an object with ``kind`` (``DNS`` ``IP`` ``RFC822``) and ``value``, or a list;
* ``policies``: an object with ``initial`` (list of OIDs), ``explicit``, ``inhibit_mapping``, ``inhibit_any``;
* ``max_depth``: authorities between leaf and anchor at most, self-issued ones not counted;
* ``status``: ``all`` ``leaf`` ``none``; without it ``all`` where lists or answers are given, else ``none``;
* ``id``: anything; it comes back.

The answer has ``verdict`` (``success`` ``failure`` ``indeterminate``), ``reason`` (a stable code), ``rule``,
``chain`` (leaf first, base64 of DER), ``ms``, and ``detail``, ``policies``, ``weak`` where there is something
to tell. A line that is no case is answered too, as ``indeterminate`` with the reason ``request``.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import ipaddress
import json
import sys
import time
from datetime import UTC, datetime
from typing import IO, Any, Final, Literal

from dojang.pki import oids
from dojang.pki.errors import DojangError, IndeterminateError, MalformedError, VerificationError
from dojang.pki.paths import RULES, Demands, PeerName, PolicyDemands, Trust, VerifiedPath, verify_path

MAX_LINE: Final = 64 * 1024 * 1024  #: octets; a longer line is answered unread
_MAX_LISTED: Final = 100_000  # certificates or lists in one case
_STATUS: Final[tuple[Literal["all", "leaf", "none"], ...]] = ("all", "leaf", "none")
_PURPOSES: Final = {
    "server": oids.EKU_SERVER_AUTH,
    "client": oids.EKU_CLIENT_AUTH,
    "email": oids.EKU_EMAIL_PROTECTION,
    "code": oids.EKU_CODE_SIGNING,
    "timestamp": oids.EKU_TIME_STAMPING,
    "ocsp": oids.EKU_OCSP_SIGNING,
}
#: Other ways to write them, after letters are made small and everything but letters is dropped.
_PURPOSE_WORDS: Final = {
    "serverauth": "server",
    "tlsserver": "server",
    "sslserver": "server",
    "clientauth": "client",
    "tlsclient": "client",
    "sslclient": "client",
    "emailprotection": "email",
    "smime": "email",
    "codesigning": "code",
    "timestamping": "timestamp",
    "ocspsigning": "ocsp",
}
_PEER_KINDS: Final = {"dns": "dns", "ip": "ip", "rfc822": "email", "email": "email"}


class CaseError(MalformedError):
    """A line is no case: not JSON, or a field of another type than it has. Its reason is ``request``."""

    def __init__(self, detail: str = "", **data: Any) -> None:
        super().__init__(detail, **{"why": "request", **data})


def main(arguments: list[str]) -> int:
    """Answer standard input line by line. Returns 0 when everything was answered, 2 for a wrong call."""
    parser = argparse.ArgumentParser(
        prog="dojang verify-path",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--jsonl", action="store_true", help="a case a line (the only form there is)")
    try:
        parser.parse_args(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    try:
        answer_lines(sys.stdin.buffer, sys.stdout)
    except BrokenPipeError:
        # Who reads has gone; what is left in the buffer is nobody's.
        sys.stdout = None
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def answer_lines(lines: IO[bytes], out: IO[str]) -> None:
    """Answer every line that is not blank, each as soon as it is read."""
    while line := lines.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            while not line.endswith(b"\n") and (line := lines.readline(MAX_LINE)):
                pass
            answer = _refused(CaseError("the line is too long"), None)
        elif line.isspace():
            continue
        else:
            answer = answer_line(line)
        out.write(json.dumps(answer) + "\n")
        out.flush()


def answer_line(line: bytes) -> dict[str, Any]:
    """Return the answer to one case. Never raises: whatever the line holds, there is a verdict."""
    began = time.perf_counter()
    case: Any = None
    try:
        case = _load(line)
        answer = _found(_verify(case))
    except DojangError as error:
        answer = _refused(error, case)
    except Exception as error:  # noqa: BLE001 - a stream of cases must not end at one of them
        answer = _refused(CaseError(f"{type(error).__name__} while verifying"), case) | {"reason": "internal"}
    answer["ms"] = round((time.perf_counter() - began) * 1000, 3)
    if isinstance(case, dict) and "id" in case:
        answer["id"] = case["id"]
    return answer


def _load(line: bytes) -> dict[str, Any]:
    try:
        case = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise CaseError("the line is not JSON") from None
    if not isinstance(case, dict):
        raise CaseError("a case is a JSON object")
    return case


def _no_number(text: str) -> None:
    raise ValueError(text)  # NaN and Infinity are no JSON, and would come back in `id`


def _verify(case: dict[str, Any]) -> VerifiedPath:
    demands = Demands(
        purpose=_purpose(case.get("purpose")),
        peers=tuple(_peers(case.get("peer_name"))),
        policies=_policies(case.get("policies")),
        max_intermediates=_count(case.get("max_depth"), "max_depth"),
    )
    at = _moment(case.get("time"))
    crls, responses = _listed(case, "crls"), _listed(case, "responses")
    # A list that cannot be read was still meant to be looked at.
    asked = any(case.get(name) for name in ("crls", "responses"))
    status = _status(case.get("status") or ("all" if asked else "none"))
    trust = Trust(
        roots=_listed(case, "trusted"),
        intermediates=_listed(case, "intermediates"),
        crls=crls,
        responses=responses,
        status=status,
    )
    leaf = case.get("leaf")
    if not isinstance(leaf, str):
        raise CaseError("leaf is base64")
    decoded = _decode(leaf)
    if decoded is None:
        raise MalformedError("the leaf is not base64")
    return verify_path(decoded, trust=trust, at=at, demands=demands)


def _status(asked: Any) -> Literal["all", "leaf", "none"]:
    for known in _STATUS:
        if asked == known:
            return known
    raise CaseError("status is one of: all, leaf, none")


def _decode(text: str) -> bytes | None:
    lines = (line for line in text.splitlines() if not line.startswith("-----"))  # the frame of PEM
    try:
        return base64.b64decode("".join("".join(lines).split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _listed(case: dict[str, Any], name: str) -> tuple[bytes, ...]:
    """Return what a field lists; what is not base64 is of no use, as what is not DER."""
    found = case.get(name)
    if found is None:
        return ()
    if not isinstance(found, list) or len(found) > _MAX_LISTED or not all(isinstance(t, str) for t in found):
        raise CaseError(f"{name} is a list of base64 texts")
    return tuple(data for data in map(_decode, found) if data is not None)


def _moment(text: Any) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text.strip().upper())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (AttributeError, ValueError, OverflowError):
        raise CaseError("time is RFC 3339") from None


def _purpose(asked: Any) -> str | None:
    if isinstance(asked, list) and len(asked) <= 1:
        asked = asked[0] if asked else None
    if asked is None or asked == "":
        return None
    if not isinstance(asked, str):
        raise CaseError("purpose is one text")
    if asked[0].isdigit():
        return None if asked == oids.EKU_ANY else asked
    word = "".join(letter for letter in asked.lower().removeprefix("id-kp-") if letter.isalpha())
    if word in ("any", "none", "anyextendedkeyusage"):
        return None
    found = _PURPOSES.get(_PURPOSE_WORDS.get(word, word))
    if found is None:
        raise CaseError("an unknown purpose")
    return found


def _peers(asked: Any) -> list[PeerName]:
    if asked is None or asked == "":
        return []
    if isinstance(asked, list):
        return [peer for one in asked for peer in _peers(one)]
    if isinstance(asked, str):
        return [_peer(_kind_of(asked), asked)]
    if isinstance(asked, dict) and isinstance(asked.get("value"), str):
        kind = _PEER_KINDS.get(str(asked.get("kind")).lower())
        if kind is not None:
            return [_peer(kind, asked["value"])]
    raise CaseError("peer_name is a text, or has kind (DNS, IP, RFC822) and value")


def _kind_of(text: str) -> str:
    if "@" in text:
        return "email"
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return "dns"
    return "ip"


def _peer(kind: str, text: str) -> PeerName:
    if kind == "ip":
        text = text.strip("[]")
    elif kind == "dns":
        text = text.removesuffix(".")
        if not text.isascii():
            try:
                text = text.encode("idna").decode("ascii")
            except UnicodeError:
                raise _no_peer() from None
    try:
        return PeerName(kind, text)
    except MalformedError:
        # Nobody has such a name, so no certificate is for it.
        raise _no_peer() from None


def _no_peer() -> VerificationError:
    return VerificationError("not a name a peer can have", why="peer_name", rule=RULES["peer_name"])


def _policies(asked: Any) -> PolicyDemands:
    if asked is None:
        return PolicyDemands()
    if not isinstance(asked, dict):
        raise CaseError("policies is an object")
    initial = asked.get("initial") or None
    if isinstance(initial, str):
        initial = [initial]
    if initial is not None and not (isinstance(initial, list) and all(isinstance(p, str) for p in initial)):
        raise CaseError("policies.initial is a list of OIDs")
    flags = {}
    for name in ("explicit", "inhibit_mapping", "inhibit_any"):
        flags[name] = asked.get(name) or False
        if not isinstance(flags[name], bool):
            raise CaseError(f"policies.{name} is true or false")
    chosen = None if initial is None or "any" in initial or oids.ANY_POLICY in initial else frozenset(initial)
    return PolicyDemands(initial=chosen, **flags)


def _count(asked: Any, name: str) -> int | None:
    if asked is None:
        return None
    if not isinstance(asked, int) or isinstance(asked, bool) or asked < 0:
        raise CaseError(f"{name} is a number, zero or more")
    return asked


def _found(path: VerifiedPath) -> dict[str, Any]:
    policies = None if path.policies is None else sorted(path.policies)
    return {
        "verdict": "success",
        "reason": "ok",
        "rule": "RFC 5280 §6.1.6",
        "chain": [base64.b64encode(certificate).decode() for certificate in path.certificates],
        "policies": policies,
        "weak": list(path.weak),
    }


def _refused(error: DojangError, case: Any) -> dict[str, Any]:
    open_question = isinstance(error, IndeterminateError | CaseError)
    reason = str(error.data.get("why", error.code))
    if reason == "invalid":
        reason = "signature"  # from below the paths: a key that cannot have made it
    leaf = case.get("leaf") if isinstance(case, dict) else None
    return {
        "verdict": "indeterminate" if open_question else "failure",
        "reason": reason,
        "rule": str(error.data.get("rule", RULES.get(reason, ""))),
        "chain": [leaf] if isinstance(leaf, str) else [],
        "detail": error.detail,
    }
