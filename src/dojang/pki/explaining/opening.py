"""What a file is: certificate, SignedData (also without its ContentInfo), time-stamp, PDF or JWS."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import Final

from dojang.pki import der, oids
from dojang.pki.cms import MAX_SIGNED_DATA
from dojang.pki.errors import MalformedError
from dojang.pki.explaining.jws import explain_jws, looks_like_jws
from dojang.pki.explaining.model import Explanation, Inquiry, Reason, together
from dojang.pki.explaining.signed import explain_certificate, explain_signed_data
from dojang.pki.npki.ber import plain_file, to_der

_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]+={0,2}\s*")
_RANGE: Final = re.compile(rb"/ByteRange\s*\[\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*\]")
_MAX_SIGNATURES: Final = 32  # in one PDF
_PADDED: Final = re.compile(rb"<\s*([0-9A-Fa-f\s]+)>")


def explain(data: bytes, asked: Inquiry) -> Explanation:
    """Verify a file and say what is so. Never raises for what a file holds."""
    if data.lstrip()[:5] == b"%PDF-":
        return _explain_pdf(data, asked)
    if looks_like_jws(data):
        return explain_jws(data, asked)
    opened = _open(data)
    if opened is None:
        return Explanation("unknown", "indeterminate", (Reason("unknown_kind"),))
    kind, body = opened
    if kind == "certificate":
        return explain_certificate(body, asked)
    return explain_signed_data(body, asked)


def _open(data: bytes) -> tuple[str, bytes] | None:
    """(kind, DER) of a file: PEM, base64 or binary, DER or BER; None for anything else."""
    plain = plain_file(data)
    if plain[:1] != b"\x30" and _BASE64.fullmatch(plain):
        try:
            plain = base64.b64decode(b"".join(plain.split()), validate=True)
        except binascii.Error:
            return None
    for body in _forms(plain):
        try:
            kind = _kind(body)
        except MalformedError:
            continue
        if kind == "bare":
            # Some Korean tools leave the outer ContentInfo out.
            wrapped = der.sequence(der.oid(oids.CMS_SIGNED_DATA), der.explicit(0, body))
            return "signature", wrapped
        if kind:
            return kind, body
    return None


def _forms(plain: bytes) -> tuple[bytes, ...]:
    try:
        return plain, to_der(plain, limit=MAX_SIGNED_DATA)
    except MalformedError:
        return (plain,)


def _kind(body: bytes) -> str:
    """Tell by the first elements; `MalformedError` for what is not DER."""
    outer = der.whole(body, limit=MAX_SIGNED_DATA)
    if outer.tag == der.OID:
        kind = "signature" if outer.oid() == oids.CMS_SIGNED_DATA else ""
        inner = outer.enter(0xA0)
        _step_through(inner.enter())
        return kind
    if outer.tag == der.INTEGER:
        outer.small()
        bare = outer.tag == der.SET
        _step_through(outer)
        return "bare" if bare else ""
    return "certificate" if outer.tag == der.SEQUENCE else ""


def _step_through(body: der.Reader) -> None:
    """Refuse what only the outermost layer of is DER, so that it is brought into form first."""
    while body.more:
        tag = body.tag
        raw = body.raw()
        if tag & 0x20:
            inner = der.Reader(raw).enter(tag)
            while inner.more:
                inner.raw()


# --- PDF ---


def _explain_pdf(data: bytes, asked: Inquiry) -> Explanation:
    """Explain the signatures of a PDF (ISO 32000-2 §12.8), each over the octets its ByteRange names."""
    parts = []
    covered = 0
    for found in list(_RANGE.finditer(data))[:_MAX_SIGNATURES]:
        first, before, second, after = map(int, found.groups())
        gap = data[first + before : second]
        padded = _PADDED.fullmatch(gap.strip())
        if first != 0 or second < before or second + after > len(data) or padded is None:
            parts.append(Explanation("pdf", "invalid", (Reason("malformed"),)))
            continue
        content = data[:before] + data[second : second + after]
        covered = max(covered, second + after)
        parts.append(_explain_pdf_signature(padded[1], replace(asked, content=content)))
    if not parts:
        return Explanation("pdf", "indeterminate", (Reason("unsigned"),))
    if data[covered:].strip(b"\r\n\0 "):
        # Something was put behind what the last signature covers: it may show what nobody signed.
        parts.append(Explanation("pdf", "indeterminate", (Reason("added_after"),)))
    return replace(together("pdf", tuple(parts)), text=None, encoding=None)


def _explain_pdf_signature(digits: bytes, asked: Inquiry) -> Explanation:
    try:
        padded = bytes.fromhex(digits.decode("ascii"))
        # The place is larger than the signature; zeros fill it.
        body = der.Reader(padded).raw(der.SEQUENCE) if padded[1:2] != b"\x80" else padded.rstrip(b"\0")
        opened = _open(body)
    except (ValueError, MalformedError):
        opened = None
    if opened is None or opened[0] != "signature":
        return Explanation("pdf", "invalid", (Reason("malformed"),))
    return explain_signed_data(opened[1], asked, kind="pdf")
