"""What may be asked of the signer: a closed table of verbs, each with the exact arguments it takes.

Nothing reaches a verb whose arguments are not exactly of the names, types and sizes given here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from dojang.pki.errors import MalformedError
from dojang.ports.signer_wire import HALT_ORDER
from dojang.ports.trail import read_chain, read_head
from dojang.signer.authority import Authorities
from dojang.signer.customers import CustomerLimits, Customers
from dojang.signer.store import SignerStore, set_meta
from dojang.signer.switch import Switch
from dojang.signer.timekeeping import TimeKeeper
from dojang.signer.vault import Vault, VaultLockedError, new_salt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dojang.ports.clock import Clock

_LABEL: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,127}")
_IDN: Final = re.compile(r"[0-9]{6,32}")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]{1,256}")
_DIGEST: Final = 32
_SERIAL: Final = 20
_MAX_PIN: Final = 64
_MAX_REASON: Final = 512
_MAX_SEALED: Final = 4096
_MAX_TBS: Final = 65_536
_MAX_HEADS: Final = 256
_MAX_BODIES: Final = 512
_MAX_CERTIFICATES: Final = 256
_MAX_PAGE: Final = 10_000
_PAGE_BYTES: Final = 600_000  # a page of the journal must fit a frame
_MAX_SEQ: Final = (1 << 63) - 1


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise MalformedError("an argument is not of its form")
        return value

    return check


def _text(longest: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= longest or not value.isprintable():
            raise MalformedError("an argument is not of its form")
        return value

    return check


def _octets(shortest: int, longest: int) -> Callable[[Any], bytes]:
    def check(value: Any) -> bytes:
        if not isinstance(value, bytes) or not shortest <= len(value) <= longest:
            raise MalformedError("an argument is not of its size")
        return value

    return check


def _number(lowest: int, highest: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise MalformedError("an argument is out of its range")
        return value

    return check


def _serial(value: Any) -> int:
    number = int.from_bytes(_octets(_SERIAL, _SERIAL)(value), "big")
    if number == 0:
        raise MalformedError("an argument is out of its range")
    return number


_label, _id = _matching(_LABEL), _matching(_ID)
_sealed = _octets(1, _MAX_SEALED)


def _previous(value: Any) -> tuple[str, bytes] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - key id and sealed part
        raise MalformedError("an argument is not of its form")
    return _id(value[0]), _sealed(value[1])


def _bodies(value: Any) -> list[bytes]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MAX_BODIES:
        raise MalformedError("an argument is not of its form")
    body = _octets(1, _MAX_TBS)
    return [body(item) for item in value]


def _certificates(value: Any) -> list[tuple[str, bytes]]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MAX_CERTIFICATES:
        raise MalformedError("an argument is not of its form")
    body = _octets(1, _MAX_TBS)
    wanted = []
    for item in value:
        if not isinstance(item, list) or len(item) != 2:  # noqa: PLR2004 - profile and body
            raise MalformedError("an argument is not of its form")
        wanted.append((_label(item[0]), body(item[1])))
    return wanted


def _heads(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > _MAX_HEADS:
        raise MalformedError("an argument is not of its form")
    for chain, head in value.items():
        # Kept for ever and compared by everybody who verifies: nothing but an anchor comes in.
        if not isinstance(chain, str) or not isinstance(head, str):
            raise MalformedError("an argument is not of its form")
        read_chain(chain)
        read_head(head)
    return dict(value)


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: what does it, and a check for each of its arguments."""

    run: Callable[..., Any]
    args: Mapping[str, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerConfig:
    """What may be set when the process is started. Durations in seconds."""

    limits: CustomerLimits = field(default_factory=CustomerLimits)
    max_leap: float = 60.0
    max_absence: float = 31 * 86_400.0
    policy_arc: str | None = None


class Signing:
    """An open store with its verbs.

    Raises `VaultLockedError` or `JournalBrokenError` rather than open a doubtful store.
    """

    def __init__(self, database: Path, passphrase: bytes, clock: Clock, config: SignerConfig) -> None:
        time = TimeKeeper(clock, max_leap=config.max_leap, max_absence=config.max_absence)
        self.store = store = SignerStore(database, time.stamp)
        vault = _open_vault(store, passphrase)
        store.guard_head(vault.head_key)
        last, offset = store.last_trusted_time(), store.meta("clock_offset")
        time.remember(
            None if last is None else datetime.fromisoformat(last), timedelta(seconds=float(offset or b"0"))
        )
        self.switch = Switch(store, time, database.with_name(HALT_ORDER))
        self._authorities = Authorities(store, vault, self.switch, time, policy_arc=config.policy_arc)
        self._customers = Customers(store, vault, self.switch, time, config.limits)
        self._verbs = self._table()

    def _table(self) -> dict[str, Verb]:
        keys, customers = self._authorities, self._customers
        reason = _text(_MAX_REASON)
        return {
            "keys": Verb(keys.describe, {}),
            "create_authority_key": Verb(keys.create, {"label": _label, "role": _label, "algorithm": _label}),
            "install_certificate": Verb(keys.install, {"label": _label, "certificate": _octets(1, _MAX_TBS)}),
            "sign_certificate": Verb(
                keys.sign_certificate, {"issuer": _label, "profile": _label, "tbs": _octets(1, _MAX_TBS)}
            ),
            "sign_certificates": Verb(keys.sign_certificates, {"issuer": _label, "wanted": _certificates}),
            "recall_certificate": Verb(keys.recall, {"issuer": _label, "serial": _serial}),
            "sign_crl": Verb(keys.sign_crl, {"issuer": _label, "tbs": _octets(1, 1 << 30)}),
            "sign_ocsp": Verb(keys.sign_ocsp, {"responder": _label, "tbs": _octets(1, _MAX_TBS)}),
            "sign_ocsp_many": Verb(keys.sign_ocsp_many, {"responder": _label, "tbs": _bodies}),
            "compute_vid": Verb(
                keys.compute_vid, {"idn": _matching(_IDN), "sealed_r": _octets(1, _MAX_SEALED)}
            ),
            "create_wallet_key": Verb(
                customers.create,
                {
                    "key_id": _id,
                    "customer_id": _id,
                    "pin": _text(_MAX_PIN),
                    "idn": _matching(_IDN),
                    "previous": _previous,
                },
            ),
            "sign_with_wallet": Verb(
                customers.sign,
                {
                    "key_id": _id,
                    "sealed": _sealed,
                    "pin": _text(_MAX_PIN),
                    "digest": _octets(_DIGEST, _DIGEST),
                    "purpose": _matching(_PRINTABLE),
                },
            ),
            "change_wallet_pin": Verb(
                customers.change_pin,
                {"key_id": _id, "sealed": _sealed, "pin": _text(_MAX_PIN), "new_pin": _text(_MAX_PIN)},
            ),
            "settle_wallet_pin": Verb(customers.settle_pin, {"key_id": _id, "sealed": _sealed}),
            "retire_wallet_key": Verb(customers.retire, {"key_id": _id}),
            "anchor": Verb(self._anchor, {"heads": _heads}),
            "journal": Verb(self._journal, {"after": _number(0, _MAX_SEQ), "limit": _number(0, _MAX_PAGE)}),
            "status": Verb(self._status, {}),
            "halt": Verb(self.switch.halt, {"reason": reason}),
            "resume": Verb(self.switch.resume, {"reason": reason}),
        }

    def answer(self, request: dict[str, Any]) -> Any:
        """Do what a decoded request asks and return its value. Raises `DojangError` subclasses."""
        name, given = request.get("verb"), request.get("args")
        verb = self._verbs.get(name) if isinstance(name, str) else None
        if verb is None or len(request) != 2 or not isinstance(given, dict):  # noqa: PLR2004 - verb and args
            raise MalformedError("no such verb")
        if given.keys() != verb.args.keys():
            raise MalformedError("not the arguments of the verb")
        return verb.run(**{argument: check(given[argument]) for argument, check in verb.args.items()})

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def _status(self) -> dict[str, Any]:
        return {"halted": self.switch.halted, "entries": self.store.entries}

    def _anchor(self, heads: dict[str, str]) -> None:
        self.store.commit(lambda tx: tx.record("anchor", heads=heads))

    def _journal(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Return entries behind `after`; fewer than `limit` when more would not fit a frame."""
        page: list[dict[str, Any]] = []
        size = 0
        for seq, at, verb, body, digest in self.store.journal(after, limit):
            size += len(str(body).encode()) + 200
            if page and size > _PAGE_BYTES:
                break
            page.append({"seq": seq, "at": at, "verb": verb, "body": body, "hash": digest})
        return page


def _open_vault(store: SignerStore, passphrase: bytes) -> Vault:
    """Open the vault of a store, or make it when the store is new. Raises `VaultLockedError`."""
    salt, check = store.meta("vault_salt"), store.meta("vault_check")
    if salt is not None and check is not None:
        vault = Vault(passphrase, salt)
        vault.check(check)
        return vault
    if store.read(
        "SELECT 1 FROM authority_key UNION ALL SELECT 1 FROM wallet_key UNION ALL SELECT 1 FROM journal"
    ):
        raise VaultLockedError("the store has lost its salt")
    salt = new_salt()
    vault = Vault(passphrase, salt)
    store.guard_head(vault.head_key)
    fresh, made = salt, vault.make_check()

    def keep(tx: Any) -> None:
        set_meta(tx, "vault_salt", fresh)
        set_meta(tx, "vault_check", made)
        tx.record("open_store")

    store.commit(keep)
    return vault
