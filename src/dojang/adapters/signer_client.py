"""The signer over its Unix socket: one method a verb, a small pool of connections, typed errors.

Thread-safe, and safe to carry across a fork (a child opens its own connections). Every call ends within
`timeout` seconds. Only verbs that may be repeated without harm are repeated after a broken connection;
for the others `SignerUnavailableError` means *unknown*: ask `recall_certificate` before trying again.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dojang.pki.errors import MalformedError
from dojang.ports import signer_wire as wire
from dojang.ports.signer import JournalEntry, KeyInfo, Signed, WalletKeyOffer
from dojang.ports.signer_errors import SignerUnavailableError, error_from_wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dojang.pki.errors import DojangError

_POOL = 8
_LONGEST_PAUSE = 0.2
_NO_MOMENT = datetime.fromtimestamp(0, UTC)


def _entry(item: dict[str, Any]) -> JournalEntry:
    """Read one line of the journal; one that is damaged comes as such."""
    seq, verb, value = item["seq"], item["verb"], item["hash"]
    try:
        at, body = datetime.fromisoformat(item["at"]), json.loads(item["body"])
    except (ValueError, TypeError, RecursionError):
        at, body = None, None
    if at is None or at.tzinfo is None or not isinstance(body, dict) or not isinstance(verb, str):
        return JournalEntry(seq, _NO_MOMENT, "", {}, bytes(value or b""), readable=False)
    return JournalEntry(seq, at, verb, body, value)


class SocketSigner:
    """`dojang.ports.signer.Signer` as spoken to a `python -m dojang.signer` process.

    `path` is the socket, `timeout` the seconds a call may take in all, `patience` the part of it spent on
    reaching a signer that is just being started again.
    """

    def __init__(self, path: Path, timeout: float = 10.0, *, patience: float = 3.0) -> None:
        self._path = path
        self._timeout = timeout
        self._patience = min(patience, timeout)
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []
        self._pid = os.getpid()

    # ------------------------------------------------------------------ authorities

    def keys(self) -> tuple[KeyInfo, ...]:
        """Describe every authority key held."""
        return tuple(_key_info(item) for item in self._repeatable("keys"))

    def create_authority_key(self, *, label: str, role: str, algorithm: str) -> KeyInfo:
        """Make an authority key; a repeated call with the same arguments returns the same key."""
        return _key_info(
            self._repeatable("create_authority_key", label=label, role=role, algorithm=algorithm)
        )

    def install_certificate(self, *, label: str, certificate: bytes) -> None:
        """Give an authority key its certificate; once, and only if the public keys agree."""
        self._repeatable("install_certificate", label=label, certificate=certificate)

    def sign_certificate(self, *, issuer: str, profile: str, tbs: bytes) -> bytes:
        """Sign a TBSCertificate. Refuses a serial it has seen for this issuer and a body off its profile."""
        return bytes(self._once("sign_certificate", issuer=issuer, profile=profile, tbs=tbs))

    def sign_certificates(
        self, *, issuer: str, wanted: Sequence[tuple[str, bytes]]
    ) -> tuple[bytes | DojangError, ...]:
        """Sign 1 to 256 TBSCertificates in one exchange; a refusal stands in its signature's place."""
        answers = self._once("sign_certificates", issuer=issuer, wanted=[list(item) for item in wanted])
        if len(answers) != len(wanted):
            raise SignerUnavailableError("not as many answers as were asked for")
        return tuple(
            bytes(answer["signature"]) if "signature" in answer else _error_of(answer) for answer in answers
        )

    def recall_certificate(self, *, issuer: str, serial: int) -> Signed | None:
        """Tell what the journal knows about a serial: used after a crash to finish or void an intent."""
        if not 0 < serial < 1 << 160:
            raise MalformedError("the serial is not positive or too long")
        found = self._repeatable("recall_certificate", issuer=issuer, serial=serial.to_bytes(20, "big"))
        if found is None:
            return None
        return Signed(
            issuer=issuer,
            serial=serial,
            tbs_sha256=found["tbs_sha256"],
            signature=found["signature"],
            at=datetime.fromisoformat(found["at"]),
        )

    def sign_crl(self, *, issuer: str, tbs: bytes) -> bytes:
        """Sign a TBSCertList; the CRL number of a scope only rises.

        The same body again gives the same signature.
        """
        return bytes(self._repeatable("sign_crl", issuer=issuer, tbs=tbs))

    def sign_ocsp(self, *, responder: str, tbs: bytes) -> bytes:
        """Sign an OCSP ResponseData with a delegated responder key."""
        return bytes(self._repeatable("sign_ocsp", responder=responder, tbs=tbs))

    def sign_ocsp_many(self, *, responder: str, tbs: Sequence[bytes]) -> tuple[bytes, ...]:
        """Sign 1 to 512 ResponseData in one exchange; none when one is refused."""
        return tuple(self._repeatable("sign_ocsp_many", responder=responder, tbs=list(tbs)))

    # ------------------------------------------------------------------ customer keys

    def compute_vid(self, *, idn: str, sealed_r: bytes) -> bytes:
        """Return the VID of a number with an R sealed to the transport key. Nothing is kept."""
        return bytes(self._repeatable("compute_vid", idn=idn, sealed_r=sealed_r))

    def create_wallet_key(
        self, *, key_id: str, customer_id: str, pin: str, idn: str, previous: tuple[str, bytes] | None
    ) -> WalletKeyOffer:
        """Make a customer key gated by the PIN and a signer-held secret; idempotent by `key_id`.

        Not repeated here after a broken connection: a repeat counts as a PIN attempt, so it is the caller's.
        """
        made = self._once(
            "create_wallet_key",
            key_id=key_id,
            customer_id=customer_id,
            pin=pin,
            idn=idn,
            previous=None if previous is None else list(previous),
        )
        return WalletKeyOffer(public_key=made["public_key"], vid=made["vid"], sealed=made["sealed"])

    def sign_with_wallet(self, *, key_id: str, sealed: bytes, pin: str, digest: bytes, purpose: str) -> bytes:
        """Sign a SHA-256 digest. Counts the attempt durably before the PIN is tried; five wrong lock the key.

        One digest may be signed for one purpose once: put the transaction's own id into `purpose`.
        """
        return bytes(
            self._once(
                "sign_with_wallet", key_id=key_id, sealed=sealed, pin=pin, digest=digest, purpose=purpose
            )
        )

    def change_wallet_pin(self, *, key_id: str, sealed: bytes, pin: str, new_pin: str) -> bytes:
        """Seal a customer key under another PIN; return the new sealed part.

        After a broken connection the part before still works: nothing is repeated here, it counts attempts.
        """
        return bytes(self._once("change_wallet_pin", key_id=key_id, sealed=sealed, pin=pin, new_pin=new_pin))

    def settle_wallet_pin(self, *, key_id: str, sealed: bytes) -> None:
        """Say that the new sealed part is kept: the parts before it never open again."""
        self._repeatable("settle_wallet_pin", key_id=key_id, sealed=sealed)

    def retire_wallet_key(self, *, key_id: str) -> None:
        """Make a customer key unusable for ever."""
        self._repeatable("retire_wallet_key", key_id=key_id)

    # ------------------------------------------------------------------ journal and switch

    def anchor(self, *, heads: dict[str, str]) -> None:
        """Write the audit trail's present heads (chain id → "count:hash") into the journal."""
        self._once("anchor", heads=heads)

    def journal(self, *, after: int = 0, limit: int = 1000) -> tuple[JournalEntry, ...]:
        """Read the journal, in order."""
        entries: list[JournalEntry] = []
        while len(entries) < limit:
            # The signer ends a page early when it would not fit a frame: only an empty page is the end.
            page = self._repeatable("journal", after=after, limit=min(limit - len(entries), 10_000))
            if not page:
                break
            entries.extend(_entry(item) for item in page)
            after = entries[-1].seq
        return tuple(entries)

    def halt(self, *, reason: str) -> None:
        """Stop all signing of certificates and with wallet keys at once; status services go on."""
        self._repeatable("halt", reason=reason)

    def resume(self, *, reason: str) -> None:
        """Allow signing again; also acknowledges a clock that leapt."""
        self._repeatable("resume", reason=reason)

    def is_halted(self) -> bool:
        """Tell whether the switch has stopped signing."""
        return bool(self._repeatable("status")["halted"])

    def close(self) -> None:
        """Close the idle connections; the object stays usable."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    # ------------------------------------------------------------------ the wire

    def _once(self, verb: str, **args: Any) -> Any:
        return self._call(verb, args, deadline=time.monotonic() + self._timeout)

    def _repeatable(self, verb: str, **args: Any) -> Any:
        deadline = time.monotonic() + self._timeout
        try:
            return self._call(verb, args, deadline=deadline)
        except SignerUnavailableError:
            if time.monotonic() >= deadline:
                raise
        return self._call(verb, args, deadline=deadline)

    def _call(self, verb: str, args: dict[str, Any], *, deadline: float) -> Any:
        """Send one request and return its value. Raises the signer's error, or `SignerUnavailableError`."""
        frame = wire.pack({"verb": verb, "args": args})
        with self._connection(deadline) as connection:
            try:
                connection.settimeout(max(deadline - time.monotonic(), 0.001))
                with contextlib.suppress(BrokenPipeError):  # a signer that hangs up may have said why
                    connection.sendall(frame)
                connection.settimeout(max(deadline - time.monotonic(), 0.001))
                body = wire.read_frame(connection, within=max(deadline - time.monotonic(), 0.001))
            except OSError as failure:
                # The frame may hold a PIN: only the kind of failure is told, never the request.
                raise SignerUnavailableError(f"no answer to {verb} ({type(failure).__name__})") from None
            if body is None:
                raise SignerUnavailableError(f"no answer to {verb} (the connection was closed)")
            answer = wire.unpack(body)
        if "ok" in answer:
            return answer["ok"]
        raise _error_of(answer)

    @contextlib.contextmanager
    def _connection(self, deadline: float) -> Iterator[socket.socket]:
        """Lend one connection; it goes back to the pool only when the exchange was complete."""
        connection = self._take() or self._open(deadline)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if self._pid == os.getpid() and len(self._idle) < _POOL:
                self._idle.append(connection)
                return
        connection.close()

    def _take(self) -> socket.socket | None:
        """Return an idle connection that is still open at the other end, or None."""
        while True:
            with self._lock:
                if self._pid != os.getpid():
                    # A fork copied the parent's connections: using them would mix up the answers.
                    self._pid = os.getpid()
                    for inherited in self._idle:
                        inherited.close()
                    self._idle = []
                if not self._idle:
                    return None
                connection = self._idle.pop()
            try:
                connection.setblocking(False)
                connection.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                return connection  # silent and open: what an idle connection should be
            except OSError:
                pass
            connection.close()

    def _open(self, deadline: float) -> socket.socket:
        """Connect, waiting a little for a signer that is just starting. Nothing has been sent yet."""
        until = min(deadline, time.monotonic() + self._patience)
        pause = 0.01
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(max(until - time.monotonic(), 0.001))
                connection.connect(os.fspath(self._path))
                if not wire.trusted_peer(connection):
                    connection.close()
                    raise SignerUnavailableError("the process at the signer's socket belongs to another user")
            except OSError as failure:
                connection.close()
                if time.monotonic() + pause >= until:
                    raise SignerUnavailableError(
                        f"the signer cannot be reached ({type(failure).__name__})",
                        socket=os.fspath(self._path),
                    ) from None
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return connection


def _error_of(answer: dict[str, Any]) -> DojangError:
    return error_from_wire(
        str(answer.get("code", "")), str(answer.get("detail", "")), dict(answer.get("data") or {})
    )


def _key_info(item: dict[str, Any]) -> KeyInfo:
    return KeyInfo(
        label=item["label"],
        role=item["role"],
        algorithm=item["algorithm"],
        public_key=item["public_key"],
        certificate=item["certificate"],
    )
