"""Deciding OCSP answers: from memory, from the row signed ahead, or signed live. No HTTP in here.

1. the very same bytes were answered less than a second ago → that answer;
2. one certificate asked about, no nonce, a usual CertID → the row signed ahead, if it is in its time;
3. otherwise the state is read and the answer signed live by the delegated responder;
4. a signer that does not answer → the row signed ahead after all (without the nonce), else *try later*.

A serial that was never stored is *unknown*, never good, and raises an alarm.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from functools import cached_property
from typing import TYPE_CHECKING

from dojang.pki import ocsp
from dojang.pki.errors import DojangError, MalformedError
from dojang.pki.ocsp import CertId, OcspRequest, Single
from dojang.ports.acting import Acting
from dojang.ports.signer_errors import SignerError, SignerUnavailableError
from dojang.ports.trail import event_body
from dojang.va.store import StoreLostError

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ports.clock import Clock
    from dojang.ports.signer import Signer
    from dojang.va.store import AuthorityRow, StateRow, StatusStore

log = logging.getLogger("dojang.va")

MEMORY_LIFE = 1.0  #: seconds an answer is repeated from memory: bounds how late a revocation shows
MEMORY_SIZE = 20_000  #: answers in memory
MAX_REMEMBERED = 512  #: octets of a request worth remembering
AUTHORITIES_LIFE = 5.0  #: seconds
SIGNER_REST = 2.0  #: seconds a signer that did not answer is not asked again: callers must not queue up
ALARMS_A_MINUTE = 5  #: serials nobody issued told by themselves; the others of the minute are one event
ALARM_MINUTE = 60.0  #: seconds
ALARM_ONCE_IN = 3600.0  #: seconds before the same serial is told again

_HASHES = ("sha1", "sha256", "sha384", "sha512")


@dataclass(frozen=True)  # without slots: what follows from the bytes is worked out once, and kept here
class Reply:
    """An OCSPResponse, and until when it may be repeated (None: not by anybody)."""

    body: bytes
    this_update: datetime | None = None
    next_update: datetime | None = None

    @cached_property
    def tag(self) -> str:
        """Entity tag of these bytes (RFC 9110 §8.8.3)."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'

    @cached_property
    def modified(self) -> str:
        """Last-Modified: when what is told here was known (RFC 5019 §6.2). Not for an error."""
        assert self.this_update is not None
        return format_datetime(self.this_update, usegmt=True)


@dataclass(frozen=True, slots=True)
class _Issuer:
    """An issuer asked about, with the responder that speaks for it."""

    row: AuthorityRow
    responder: AuthorityRow | None


MALFORMED = Reply(ocsp.error_response("malformedRequest"))
TRY_LATER = Reply(ocsp.error_response("tryLater"))
UNAUTHORIZED = Reply(ocsp.error_response("unauthorized"))
INTERNAL = Reply(ocsp.error_response("internalError"))


class Responder:
    """Answers OCSP requests. Thread-safe."""

    def __init__(self, store: StatusStore, signer: Signer, clock: Clock, *, life: int) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._life = timedelta(seconds=life)
        self._memory: dict[bytes, tuple[float, Reply]] = {}
        self._issuers: dict[tuple[str, bytes, bytes], _Issuer] = {}
        self._issuers_at = -AUTHORITIES_LIFE
        self._loading = threading.Lock()
        self._signer_rests_until = 0.0
        self._alarms = _Alarms(store, clock)

    def close(self) -> None:
        """Tell what is still held back. No question may come afterwards."""
        self._alarms.settle()

    def answer(self, request: bytes) -> Reply:
        """Answer an OCSPRequest (DER). Never raises: what goes wrong has an OCSP error of its own."""
        # 1. from memory
        held = self.remembered(request)
        if held is not None:
            return held
        try:
            asked = ocsp.parse_request(request)
        except MalformedError:
            return MALFORMED
        try:
            reply = self._decide(asked)
        except StoreLostError as error:
            log.error("status cannot be read: %s", error.detail)  # noqa: TRY400 - a sentence, not a trace
            return TRY_LATER
        except DojangError:
            log.exception("an OCSP answer could not be made")
            return INTERNAL
        if asked.nonce is None and reply.this_update is not None and len(request) <= MAX_REMEMBERED:
            self._remember(request, reply)
        return reply

    def remembered(self, request: bytes) -> Reply | None:
        """Return what the very same bytes were answered less than a second ago; never waits."""
        held = self._memory.get(request)
        return held[1] if held is not None and held[0] > time.monotonic() else None

    def _remember(self, request: bytes, reply: Reply) -> None:
        if len(self._memory) >= MEMORY_SIZE:
            self._memory.clear()  # entries live a second: starting over costs less than keeping order
        self._memory[request] = (time.monotonic() + MEMORY_LIFE, reply)

    def _decide(self, asked: OcspRequest) -> Reply:
        first = asked.certs[0]
        issuer = self._issuer(first)
        if issuer is None or issuer.responder is None:
            if len(asked.certs) == 1:
                return UNAUTHORIZED
            found = next((i for i in map(self._issuer, asked.certs) if i and i.responder), None)
            if found is None:
                return UNAUTHORIZED
            issuer = found
        assert issuer.responder is not None
        now = self._clock.now().replace(microsecond=0)
        # 2. signed ahead
        if asked.nonce is None and len(asked.certs) == 1:
            ready = self._signed_ahead(issuer, first, now)
            if ready is not None:
                return ready
        # 3. live
        singles = [self._single(issuer, cert, now) for cert in asked.certs]
        try:
            return self._sign(issuer.responder, singles, asked.nonce, now)
        except SignerError as error:
            # 4. the signer is lost; status goes on from what was signed ahead
            log.warning("the signer does not sign OCSP answers: %s", error.code)
            ready = self._signed_ahead(issuer, first, now) if len(asked.certs) == 1 else None
            return ready or TRY_LATER

    def _signed_ahead(self, issuer: _Issuer, cert: CertId, now: datetime) -> Reply | None:
        if cert.hash_alg not in {"sha1", "sha256"}:
            return None
        if cert.der != ocsp.cert_id(issuer.row.certificate, cert.serial, cert.hash_alg).der:
            return None  # an unusual spelling must be echoed as it was asked: live
        if cert.serial <= 0:
            return None
        row = self._store.answer(issuer.row.id, _text(cert.serial), cert.hash_alg)
        if row is None or not row.body or not row.this_update <= now < row.next_update:
            return None
        return Reply(row.body, row.this_update, row.next_update)

    def _single(self, issuer: _Issuer, cert: CertId, now: datetime) -> Single:
        """Tell the state of one certificate at this moment."""
        until = now + self._life
        asked = self._issuer(cert)
        if asked is None or asked.row.id != issuer.row.id:
            return Single(cert, "unknown", None, None, now, until)
        state = self._store.state(issuer.row.id, _text(cert.serial)) if cert.serial > 0 else None
        if state is None:
            self._alarms.unissued(issuer.row.label, cert.serial)
            return Single(cert, "unknown", None, None, now, now + timedelta(seconds=1))
        if state.state == "active" and state.revoked_at is None:
            return Single(cert, "good", None, None, now, until)
        at, reason = _end_of(state)
        return Single(cert, "revoked", at.replace(microsecond=0), reason, now, until)

    def _sign(
        self, responder: AuthorityRow, singles: list[Single], nonce: bytes | None, now: datetime
    ) -> Reply:
        key_hash = ocsp.issuer_hashes(responder.certificate, "sha1")[1]
        body = ocsp.build_response_data(
            responder_key_hash=key_hash, produced_at=now, singles=singles, nonce=nonce
        )
        if time.monotonic() < self._signer_rests_until:
            raise SignerUnavailableError("not asked again so soon")
        try:
            signature = self._signer.sign_ocsp(responder=responder.label, tbs=body)
        except SignerUnavailableError:
            self._signer_rests_until = time.monotonic() + SIGNER_REST
            raise
        der = ocsp.assemble_response(body, signature, responder.algorithm, responder.certificate)
        ends = [single.next_update for single in singles if single.next_update is not None]
        return Reply(der, now, min(ends)) if nonce is None else Reply(der)

    # --- authorities ---------------------------------------------------------------------------------

    def _issuer(self, cert: CertId) -> _Issuer | None:
        """Find the authority a CertID points at; a new one is found within a second of the first question."""
        key = (cert.hash_alg, cert.name_hash, cert.key_hash)
        age = time.monotonic() - self._issuers_at
        found = self._issuers.get(key)
        if age > AUTHORITIES_LIFE or (found is None and age > 1.0):
            self._load()
            found = self._issuers.get(key)
        return found

    def _load(self) -> None:
        with self._loading:
            if time.monotonic() - self._issuers_at < MEMORY_LIFE:
                return  # another thread just did
            rows = self._store.authorities()
            now = self._clock.now()
            issuers: dict[tuple[str, bytes, bytes], _Issuer] = {}
            for row in rows:
                if row.role == "ocsp":
                    continue
                speaks = (r for r in rows if r.role == "ocsp" and r.parent_id == row.id)
                responder = next((r for r in speaks if r.not_before <= now <= r.not_after), None)
                for name in _HASHES:
                    issuers[name, *ocsp.issuer_hashes(row.certificate, name)] = _Issuer(row, responder)
            self._issuers, self._issuers_at = issuers, time.monotonic()


def _end_of(state: StateRow) -> tuple[datetime, str]:
    """When and why a certificate that is not active must not be relied on."""
    if state.revoked_at is not None:
        return state.revoked_at, state.reason or "unspecified"
    # Signed and stored, not confirmed by its holder: known, and on hold until then.
    return state.issued_at, "certificateHold"


def _text(serial: int) -> str:
    """Spell a serial as the rows do: hexadecimal, two digits for each octet."""
    return serial.to_bytes((serial.bit_length() + 7) // 8, "big").hex()


class _Alarms:
    """Tells of serials nobody issued, in the log and in the audit trail.

    Strangers decide how often: in a minute the first `ALARMS_A_MINUTE` serials are told one by one, all
    others together at its end, by their number.
    """

    def __init__(self, store: StatusStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._told: dict[tuple[str, int], float] = {}
        self._left = ALARMS_A_MINUTE
        self._held_back: dict[str, int] = {}
        self._minute: threading.Timer | None = None

    def unissued(self, issuer: str, serial: int) -> None:
        """Raise the alarm for a serial, once an hour."""
        now = time.monotonic()
        with self._lock:
            if now - self._told.get((issuer, serial), -ALARM_ONCE_IN) < ALARM_ONCE_IN:
                return
            if self._minute is None:
                self._minute = threading.Timer(ALARM_MINUTE, self.settle)
                self._minute.daemon = True
                self._minute.start()
            if self._left == 0:
                self._held_back[issuer] = self._held_back.get(issuer, 0) + 1
                return
            self._left -= 1
            if len(self._told) >= MEMORY_SIZE:
                self._told.clear()
            self._told[issuer, serial] = now
        text = _text(serial) if 0 < serial.bit_length() <= 160 else "out of range"  # noqa: PLR2004 - 20 octets
        self._tell(issuer, text, 1)

    def settle(self) -> None:
        """End the minute: tell how many serials were not told by themselves."""
        with self._lock:
            held_back, self._held_back = self._held_back, {}
            self._left, self._minute = ALARMS_A_MINUTE, None
        for issuer, count in held_back.items():
            self._tell(issuer, "many", count)

    def _tell(self, issuer: str, serial: str, count: int) -> None:
        log.warning(
            "status of a serial nobody issued was asked: %s",
            serial,
            extra={"event": "status:unissued", "issuer": issuer, "serial": serial, "count": count},
        )
        acting = Acting(kind="system", id="va", channel="job")
        data = {"issuer": issuer, "count": count}
        body = event_body("status:unissued", acting=acting, subject=serial, at=self._clock.now(), data=data)
        try:
            self._store.append_event(body)
        except StoreLostError:
            log.warning("the alarm could not be written to the audit trail")
