"""Trust as data: the authorities a verifier believes, and what their policies are called. A TOML file.

[[anchor]]
name = "Example Root"
certificate = "MIIB…"        # base64 of DER
sha256 = "…"                 # of the certificate; must fit

[[between]]                  # authorities below, where files do not carry them
certificate = "MIIB…"

[policies."1.2.3.4"]
ko = "개인 범용"
en = "personal, for everything"
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dojang.pki.certificate import read_certificate
from dojang.pki.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class TrustList:
    """Anchors and further authorities (DER), and names of policies by OID and language."""

    anchors: tuple[bytes, ...] = ()
    between: tuple[bytes, ...] = ()
    policies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_trust_list(text: str) -> TrustList:
    """Read a trust list. Raises `MalformedError` for what is none, or a certificate other than its hash."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MalformedError("the trust list is not TOML", place=str(error)) from None
    policies = found.get("policies", {})
    if not isinstance(policies, dict) or not all(isinstance(names, dict) for names in policies.values()):
        raise MalformedError("the trust list names policies in another form")
    return TrustList(tuple(_certificates(found, "anchor")), tuple(_certificates(found, "between")), policies)


def _certificates(found: dict[str, Any], kind: str) -> Iterator[bytes]:
    listed = found.get(kind, [])
    if not isinstance(listed, list):
        raise MalformedError("a trust list has tables of authorities", kind=kind)
    for one in listed:
        try:
            data = base64.b64decode("".join(one["certificate"].split()), validate=True)
            told = one.get("sha256")
        except (binascii.Error, ValueError, KeyError, TypeError, AttributeError):
            raise MalformedError("an authority without a certificate in base64", kind=kind) from None
        read_certificate(data)
        own = hashlib.sha256(data).hexdigest()
        if told is None and kind == "anchor":
            raise MalformedError("an anchor is told with its hash")
        if told is not None and not hmac.compare_digest(own, str(told).replace(":", "").lower()):
            raise MalformedError("a certificate other than its hash", kind=kind)
        yield data
