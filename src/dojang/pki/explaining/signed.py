"""Certificates, SignedData and time-stamps, each with its verdict."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dojang.pki import der, oids
from dojang.pki.cms import CmsSigner, VerifiedData, verify_signed_data
from dojang.pki.errors import DojangError, IndeterminateError, MalformedError, VerificationError
from dojang.pki.explaining.model import (
    Explanation,
    Inquiry,
    Reason,
    Subject,
    TimeLine,
    describe,
    in_order,
    judged,
    refused,
    together,
)
from dojang.pki.paths import Demands, VerifiedPath, verify_path
from dojang.pki.signing import HASH_NAMES

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.pki.paths import Trust

_STAMPING: Final = Demands(purpose=oids.EKU_TIME_STAMPING, profile=False)
_ENCODINGS: Final = (("UTF-8", "utf-8"), ("EUC-KR", "cp949"))
_SHOWN: Final = 2000  # characters of a signed text


def explain_certificate(data: bytes, asked: Inquiry) -> Explanation:
    """Explain a certificate: its life, its path, its status."""
    try:
        subject, life = describe(data)
    except MalformedError as error:
        return refused("certificate", error)
    times = (*life, TimeLine(asked.at, "checked"))
    if not asked.trust.roots:
        return Explanation("certificate", "indeterminate", (Reason("no_trust"),), in_order(times), (subject,))
    try:
        path = verify_path(data, trust=asked.trust, at=asked.at)
    except DojangError as error:
        verdict, reason = judged(error)
        return Explanation("certificate", verdict, (reason,), in_order((*times, *_told(error))), (subject,))
    return Explanation("certificate", "valid", _right(asked), in_order(times), (_with_path(subject, path),))


def _right(asked: Inquiry) -> tuple[Reason, ...]:
    """Say that it is right, and where status was not asked for, that too."""
    return (Reason("ok"), *((Reason("status_not_checked"),) if asked.trust.status == "none" else ()))


def _with_path(subject: Subject, path: VerifiedPath) -> Subject:
    return replace(subject, weak=path.weak, policies=tuple(sorted(path.policies or ())))


def _told(error: DojangError) -> tuple[TimeLine, ...]:
    """Return the moment of a revocation, if the error tells one."""
    at = error.data.get("at")
    return () if at is None else (TimeLine(at, "revoked", {"reason": error.data.get("reason", "")}),)


# --- SignedData ---


def explain_signed_data(data: bytes, asked: Inquiry, *, kind: str = "signature") -> Explanation:
    """Explain SignedData, attached or detached, with signed attributes or none, or a time-stamp token."""
    try:
        verified = _verify(data, asked)
    except DojangError as error:
        return refused(kind, error)
    if verified.content_type == oids.TST_INFO:
        return _explain_stamp(data, verified, asked)
    certificates = (*asked.trust.intermediates, *verified.carried)
    wider = replace(asked, trust=replace(asked.trust, intermediates=certificates))
    parts = tuple(_explain_signer(signer, wider) for signer in verified.signers)
    encoding, text = _as_text(verified.content)
    return replace(together(kind, parts), text=text, encoding=encoding)


def _verify(data: bytes, asked: Inquiry) -> VerifiedData:
    """Verify the signature itself. Content that was given counts only where none is attached."""
    others = asked.trust.intermediates
    try:
        return verify_signed_data(data, content=asked.content, certificates=others)
    except VerificationError as error:
        if error.data.get("why") != "content_twice":
            raise
    verified = verify_signed_data(data, certificates=others)
    if verified.content != asked.content and verified.content_type != oids.TST_INFO:
        raise VerificationError("another content was signed", why="content_changed")
    return verified


def _as_text(content: bytes) -> tuple[str | None, str | None]:
    """Return (encoding, text) of content that is text, in the encodings Korean clients sign."""
    for name, codec in _ENCODINGS:
        try:
            text = content.decode(codec)
        except UnicodeDecodeError:
            continue
        if all(sign.isprintable() or sign in "\r\n\t" for sign in text):
            return name, text[:_SHOWN]
    return None, None


def _explain_signer(signer: CmsSigner, asked: Inquiry) -> Explanation:
    subject, life = describe(signer.certificate)
    subject = replace(subject, weak=signer.weak)
    times = [*life, TimeLine(asked.at, "checked")]
    if signer.signed_at is not None:
        times.append(TimeLine(signer.signed_at, "claimed"))
    if not asked.trust.roots:
        return Explanation("signature", "indeterminate", (Reason("no_trust"),), in_order(times), (subject,))
    proven = _proven(signer, asked)
    if proven is not None:
        times.append(TimeLine(proven, "stamped"))
    try:
        path = _path_of(signer, asked, proven)
    except DojangError as error:
        verdict, reason = judged(error)
        return Explanation("signature", verdict, (reason,), in_order((*times, *_told(error))), (subject,))
    return Explanation("signature", "valid", _right(asked), in_order(times), (_with_path(subject, path),))


def _path_of(signer: CmsSigner, asked: Inquiry, proven: datetime | None) -> VerifiedPath:
    """Verify the signer's path at the moment the signature is proven to have been there, else now.

    A certificate that has ended since says nothing about a signature that may be older: undecided, not wrong.
    """
    if proven is not None:
        trust = replace(asked.trust, status_at=asked.at)
        return verify_path(signer.certificate, trust=trust, at=proven)
    try:
        return verify_path(signer.certificate, trust=asked.trust, at=asked.at)
    except VerificationError as error:
        ended = {"expired": "expired_unproven", "revoked": "revoked_unproven"}.get(str(error.data.get("why")))
        if ended is None or signer.signed_at is None:
            raise
        try:
            trust = replace(asked.trust, status_at=asked.at)
            verify_path(signer.certificate, trust=trust, at=signer.signed_at)
        except IndeterminateError:
            pass
        except DojangError:
            raise error from None  # wrong even at the moment it claims
        raise IndeterminateError("nothing proves when it was signed", **error.data | {"why": ended}) from None


# --- time-stamps ---


def _proven(signer: CmsSigner, asked: Inquiry) -> datetime | None:
    """Earliest moment a right time-stamp over the signature proves."""
    found = []
    for token in signer.stamps:
        try:
            moment, certificate = read_stamp(token, over=signer.signature)
            verify_path(certificate, trust=_of_stamp(token, asked), at=asked.at, demands=_STAMPING)
        except DojangError:
            continue
        found.append(moment)
    return min(found, default=None)


def _of_stamp(token: bytes, asked: Inquiry) -> Trust:
    carried = verify_signed_data(token, certificates=asked.trust.intermediates).carried
    return replace(asked.trust, intermediates=(*asked.trust.intermediates, *carried), policies=None)


def read_stamp(token: bytes, *, over: bytes | None, known: tuple[bytes, ...] = ()) -> tuple[datetime, bytes]:
    """(moment, the authority's certificate) of a time-stamp token (RFC 3161 §2.4.2) whose signature verifies.

    With `over` the token must be about these octets. Raises `VerificationError` or `MalformedError`.
    """
    verified = verify_signed_data(token, certificates=known)
    if verified.content_type != oids.TST_INFO or len(verified.signers) != 1:
        raise MalformedError("not a time-stamp")
    info = der.whole(verified.content)
    if info.small() != 1:
        raise MalformedError("an unknown version")
    info.oid()  # the authority's policy
    imprint = info.enter()
    algorithm, digest = imprint.enter(), imprint.octets()
    imprint.done()
    name = HASH_NAMES.get(algorithm.oid())
    info.integer()  # serial
    moment = _moment(info)
    if over is not None:
        if name is None or name == "sha1":
            raise VerificationError("a time-stamp by a hash that is not trusted", why="stamp_wrong")
        if not hmac.compare_digest(hashlib.new(name, over).digest(), digest):
            raise VerificationError("the time-stamp is about something else", why="stamp_wrong")
    return moment, verified.signers[0].certificate


def _moment(info: der.Reader) -> datetime:
    """GeneralizedTime with fractions of a second, which are dropped (RFC 3161 §2.4.2)."""
    content = info.value(der.GENERALIZED_TIME)
    whole, point, fraction = content[:-1].partition(b".")
    if point and not (fraction.isdigit() and len(fraction) <= 9):  # noqa: PLR2004 - nanoseconds are plenty
        raise MalformedError("not a time as RFC 3161 writes it")
    return der.read_time(der.GENERALIZED_TIME, whole + content[-1:])


def _explain_stamp(data: bytes, verified: VerifiedData, asked: Inquiry) -> Explanation:
    """Explain a time-stamp token; its content is the file that was stamped, where one was given."""
    certificate = verified.signers[0].certificate
    subject, life = describe(certificate)
    times = [*life, TimeLine(asked.at, "checked")]
    try:
        moment, _ = read_stamp(data, over=asked.content, known=asked.trust.intermediates)
        times.append(TimeLine(moment, "stamped"))
        if asked.trust.roots:
            path = verify_path(certificate, trust=_of_stamp(data, asked), at=asked.at, demands=_STAMPING)
            subject = _with_path(subject, path)
    except DojangError as error:
        verdict, reason = judged(error)
        return Explanation("timestamp", verdict, (reason,), in_order((*times, *_told(error))), (subject,))
    if not asked.trust.roots:
        return Explanation("timestamp", "indeterminate", (Reason("no_trust"),), in_order(times), (subject,))
    return Explanation("timestamp", "valid", _right(asked), in_order(times), (subject,))
