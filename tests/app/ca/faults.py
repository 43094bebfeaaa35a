"""A signer that fails when told to: before the work, after it, or doing the work after the time-out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dojang.ports.signer_errors import SignerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dojang.pki.errors import DojangError
    from dojang.ports.signer import JournalEntry, KeyInfo, Signed, Signer, WalletKeyOffer

MOMENTS = ("before", "after", "late")


class FaultySigner:
    """Delegates every verb to a real signer. Each planned fault happens once."""

    def __init__(self, genuine: Signer) -> None:
        self.genuine = genuine
        self.calls: list[str] = []
        self._planned: dict[int, str] = {}
        self._late: list[Callable[[], Any]] = []
        self.watch: Callable[[str, dict[str, Any]], None] | None = None

    def fail_at(self, call: int, moment: str) -> None:
        """Plan a fault at the n-th call from now (0 is the next): ``before``, ``after`` or ``late``."""
        self._planned[len(self.calls) + call] = moment

    def forget(self) -> None:
        """Drop faults that did not happen."""
        self._planned.clear()

    def catch_up(self) -> None:
        """Do now what timed-out calls left to be done."""
        while self._late:
            self._late.pop(0)()

    def _do(self, verb: str, **values: Any) -> Any:
        number = len(self.calls)
        self.calls.append(verb)
        if self.watch is not None:
            self.watch(verb, values)
        moment = self._planned.pop(number, None)
        work = getattr(self.genuine, verb)
        if moment == "before":
            raise SignerUnavailableError("planned: before")
        if moment == "late":
            self._late.append(lambda: work(**values))
            raise SignerUnavailableError("planned: time-out")
        result = work(**values)
        if moment == "after":
            raise SignerUnavailableError("planned: after")
        return result

    def keys(self) -> tuple[KeyInfo, ...]:
        """See the port."""
        return self._do("keys")  # type: ignore[no-any-return]

    def create_authority_key(self, *, label: str, role: str, algorithm: str) -> KeyInfo:
        """See the port."""
        return self._do("create_authority_key", label=label, role=role, algorithm=algorithm)  # type: ignore[no-any-return]

    def install_certificate(self, *, label: str, certificate: bytes) -> None:
        """See the port."""
        self._do("install_certificate", label=label, certificate=certificate)

    def compute_vid(self, *, idn: str, sealed_r: bytes) -> bytes:
        """See the port."""
        return self._do("compute_vid", idn=idn, sealed_r=sealed_r)  # type: ignore[no-any-return]

    def sign_certificate(self, *, issuer: str, profile: str, tbs: bytes) -> bytes:
        """See the port."""
        return self._do("sign_certificate", issuer=issuer, profile=profile, tbs=tbs)  # type: ignore[no-any-return]

    def sign_certificates(
        self, *, issuer: str, wanted: Sequence[tuple[str, bytes]]
    ) -> tuple[bytes | DojangError, ...]:
        """See the port."""
        return self._do("sign_certificates", issuer=issuer, wanted=wanted)  # type: ignore[no-any-return]

    def recall_certificate(self, *, issuer: str, serial: int) -> Signed | None:
        """See the port."""
        return self._do("recall_certificate", issuer=issuer, serial=serial)  # type: ignore[no-any-return]

    def sign_crl(self, *, issuer: str, tbs: bytes) -> bytes:
        """See the port."""
        return self._do("sign_crl", issuer=issuer, tbs=tbs)  # type: ignore[no-any-return]

    def sign_ocsp(self, *, responder: str, tbs: bytes) -> bytes:
        """See the port."""
        return self._do("sign_ocsp", responder=responder, tbs=tbs)  # type: ignore[no-any-return]

    def sign_ocsp_many(self, *, responder: str, tbs: Sequence[bytes]) -> tuple[bytes, ...]:
        """See the port."""
        return self._do("sign_ocsp_many", responder=responder, tbs=tbs)  # type: ignore[no-any-return]

    def create_wallet_key(
        self, *, key_id: str, customer_id: str, pin: str, idn: str, previous: tuple[str, bytes] | None
    ) -> WalletKeyOffer:
        """See the port."""
        return self._do(  # type: ignore[no-any-return]
            "create_wallet_key", key_id=key_id, customer_id=customer_id, pin=pin, idn=idn, previous=previous
        )

    def sign_with_wallet(self, *, key_id: str, sealed: bytes, pin: str, digest: bytes, purpose: str) -> bytes:
        """See the port."""
        return self._do(  # type: ignore[no-any-return]
            "sign_with_wallet", key_id=key_id, sealed=sealed, pin=pin, digest=digest, purpose=purpose
        )

    def change_wallet_pin(self, *, key_id: str, sealed: bytes, pin: str, new_pin: str) -> bytes:
        """See the port."""
        return self._do(  # type: ignore[no-any-return]
            "change_wallet_pin", key_id=key_id, sealed=sealed, pin=pin, new_pin=new_pin
        )

    def settle_wallet_pin(self, *, key_id: str, sealed: bytes) -> None:
        """See the port."""
        self._do("settle_wallet_pin", key_id=key_id, sealed=sealed)

    def retire_wallet_key(self, *, key_id: str) -> None:
        """See the port."""
        self._do("retire_wallet_key", key_id=key_id)

    def anchor(self, *, heads: dict[str, str]) -> None:
        """See the port."""
        self._do("anchor", heads=heads)

    def journal(self, *, after: int = 0, limit: int = 1000) -> tuple[JournalEntry, ...]:
        """See the port."""
        return self._do("journal", after=after, limit=limit)  # type: ignore[no-any-return]

    def halt(self, *, reason: str) -> None:
        """See the port."""
        self._do("halt", reason=reason)

    def resume(self, *, reason: str) -> None:
        """See the port."""
        self._do("resume", reason=reason)
