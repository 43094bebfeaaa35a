"""Authority keys: made once, used for certificates, revocation lists and status answers within their role.

A root signs itself and issuing authorities, an issuing authority signs subscribers and its OCSP responders
and lists, a responder signs status answers. Nothing else, whatever is asked. A transport key signs nothing:
what a customer's device must say to the signer alone (the R of a virtual ID) is encrypted to it.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from dojang.pki.certificate import Tbs, read_certificate, read_tbs
from dojang.pki.crl import check_crl_number, check_tbs_crl
from dojang.pki.errors import MalformedError, ProfileError
from dojang.pki.npki.vid import compute_vid
from dojang.pki.ocsp import check_response_data
from dojang.pki.profiles import PROFILES, check_tbs
from dojang.pki.signing import KEY_ALGORITHMS, describe_key, public_key_bytes, sign, signature_algorithm
from dojang.ports.signer_errors import (
    CrlNumberError,
    KeyConflictError,
    KeyPurposeError,
    KeyUnknownError,
    SerialUsedError,
    SignerError,
    WeakAlgorithmError,
)
from dojang.ports.signer_keys import TRANSPORT, age_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dojang.pki.signing import PrivateKey
    from dojang.signer.store import SignerStore, Tx
    from dojang.signer.switch import Switch
    from dojang.signer.timekeeping import TimeKeeper
    from dojang.signer.vault import Vault

#: Which profiles' roles a key of a role may sign.
MAY_SIGN: Final = {
    "root": frozenset({"root", "issuing"}),
    "issuing": frozenset({"subscriber", "ocsp"}),
    "ocsp": frozenset[str](),
    TRANSPORT: frozenset[str](),
}
_RSA_BITS: Final = {"rsa-2048": 2048, "rsa-3072": 3072, "rsa-4096": 4096}
_CURVES: Final[dict[str, ec.EllipticCurve]] = {"ec-p256": ec.SECP256R1(), "ec-p384": ec.SECP384R1()}
_MAX_CERTIFICATE: Final = 16_384
#: Octets of R as a device makes it (KCAC.TS.SIVID asks for at least 160 bits).
_R: Final = 20


@dataclass(frozen=True, slots=True)
class AuthorityKey:
    """One key in memory. Its `repr` does not show the private part (pyca's objects do not print theirs)."""

    label: str
    role: str
    algorithm: str
    public_key: bytes
    certificate: bytes | None
    private: PrivateKey

    def facts(self) -> dict[str, Any]:
        """Describe the key as it crosses the wire."""
        return {
            "label": self.label,
            "role": self.role,
            "algorithm": self.algorithm,
            "public_key": self.public_key,
            "certificate": self.certificate,
        }


def generate(algorithm: str) -> PrivateKey:
    """Make a private key. Raises `WeakAlgorithmError` for anything not above the floor."""
    if algorithm in _CURVES and algorithm in KEY_ALGORITHMS:
        return ec.generate_private_key(_CURVES[algorithm])
    if algorithm in _RSA_BITS and algorithm in KEY_ALGORITHMS:
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS[algorithm])
    raise WeakAlgorithmError("no such algorithm, or below the floor")


def private_bytes(key: PrivateKey) -> bytes:
    """Return the private key as PKCS#8, for sealing and nothing else."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Authorities:
    """All authority keys of a store, decrypted once at start."""

    def __init__(
        self,
        store: SignerStore,
        vault: Vault,
        switch: Switch,
        time: TimeKeeper,
        *,
        policy_arc: str | None = None,
    ) -> None:
        self._store = store
        self._vault = vault
        self._switch = switch
        self._time = time
        self._policy_arc = policy_arc
        self._keys: dict[str, AuthorityKey] = {}
        self._making = threading.Lock()
        self._claims: set[tuple[str, int]] = set()
        self._claiming = threading.Lock()
        self._numbering = threading.Lock()
        for row in store.read(
            "SELECT label, role, algorithm, public_key, sealed, certificate FROM authority_key"
        ):
            self._keys[row[0]] = self._load(row)

    def _load(self, row: tuple[Any, ...]) -> AuthorityKey:
        label, role, algorithm, public_key, sealed, certificate = row
        # The loader checks an RSA key's numbers: slow (50 ms), which is why keys stay loaded.
        private = serialization.load_der_private_key(self._vault.open(f"authority|{label}", sealed), None)
        if not isinstance(private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise SignerError("a stored key is of another kind", label=label)
        if public_key_bytes(private) != public_key or describe_key(public_key).algorithm != algorithm:
            raise SignerError("a stored key does not fit its description", label=label)
        return AuthorityKey(label, role, algorithm, public_key, certificate, private)

    # ------------------------------------------------------------------ keys

    def describe(self) -> list[dict[str, Any]]:
        """Describe every key, by label."""
        return [key.facts() for _, key in sorted(self._keys.items())]

    def create(self, label: str, role: str, algorithm: str) -> dict[str, Any]:
        """Make a key; the same arguments again give the same key, others `KeyConflictError`."""
        if role not in MAY_SIGN:
            raise MalformedError("no such role")
        if role == TRANSPORT and algorithm not in _RSA_BITS:
            raise WeakAlgorithmError("a transport key is an RSA key")
        with self._making:
            held = self._keys.get(label)
            if held is not None:
                if (held.role, held.algorithm) != (role, algorithm):
                    raise KeyConflictError("the label belongs to another key", label=label)
                return held.facts()
            private = generate(algorithm)
            key = AuthorityKey(label, role, algorithm, public_key_bytes(private), None, private)
            sealed = self._vault.seal(f"authority|{label}", private_bytes(private))

            def keep(tx: Tx) -> None:
                tx.run(
                    "INSERT INTO authority_key (label, role, algorithm, public_key, sealed)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (label, role, algorithm, key.public_key, sealed),
                )
                spki = hashlib.sha256(key.public_key).hexdigest()
                tx.record(
                    "create_authority_key", label=label, role=role, algorithm=algorithm, spki_sha256=spki
                )

            self._store.commit(keep)
            self._keys[label] = key
            return key.facts()

    def install(self, label: str, certificate: bytes) -> None:
        """Give a key its certificate, once. Raises `KeyConflictError` for a second one or another key's."""
        if len(certificate) > _MAX_CERTIFICATE:
            raise MalformedError("the certificate is too large")
        facts = read_certificate(certificate).facts
        with self._making:
            key = self._key(label)
            if key.role == TRANSPORT:
                raise KeyPurposeError("a transport key has no certificate", label=label)
            if key.certificate == certificate:
                return
            if key.certificate is not None:
                raise KeyConflictError("the key has another certificate already", label=label)
            if facts.spki != key.public_key:
                raise KeyConflictError("the certificate is for another key", label=label)

            def keep(tx: Tx) -> None:
                tx.run("UPDATE authority_key SET certificate = ? WHERE label = ?", (certificate, label))
                digest = hashlib.sha256(certificate).hexdigest()
                tx.record("install_certificate", label=label, certificate_sha256=digest)

            self._store.commit(keep)
            self._keys[label] = replace(key, certificate=certificate)

    def _key(self, label: str) -> AuthorityKey:
        key = self._keys.get(label)
        if key is None:
            raise KeyUnknownError("no such authority key", label=label)
        return key

    # ------------------------------------------------------------------ virtual IDs

    def compute_vid(self, idn: str, sealed_r: bytes) -> bytes:
        """Return the VID of an identification number with an R that only this process can read.

        `sealed_r` is RSA-OAEP (SHA-256 for both, no label; RFC 8017 §7.1) under a transport key. Nothing is
        kept: neither number nor R, and the journal has a digest of the VID alone. Goes on while signing is
        stopped, because nothing is signed. Raises `MalformedError` for anything but exactly 20 octets.
        """
        r = self._opened_r(sealed_r)
        vid = compute_vid(idn, r)
        digest = hashlib.sha256(vid).hexdigest()
        self._store.commit(lambda tx: tx.record("compute_vid", vid_sha256=digest))
        return vid

    def _opened_r(self, sealed_r: bytes) -> bytes:
        labels = sorted(self._keys, key=age_order, reverse=True)
        keys = [self._keys[label] for label in labels if self._keys[label].role == TRANSPORT]
        if not keys:
            raise KeyUnknownError("no transport key")
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        for key in keys:
            if not isinstance(key.private, rsa.RSAPrivateKey):
                continue
            try:
                r = key.private.decrypt(sealed_r, oaep)
            except ValueError:
                continue
            if len(r) == _R:
                return r
        raise MalformedError("not an R sealed for this signer")

    # ------------------------------------------------------------------ certificates

    def sign_certificate(self, issuer: str, profile: str, tbs: bytes) -> bytes:
        """Sign a TBSCertificate in the order below; the signature leaves only after step 7."""
        # 1. Signing is not stopped.
        self._switch.check()
        # 2. The key exists, and the profile is within its role.
        key = self._key(issuer)
        facts = self._check_role(key, profile, tbs)
        # 3. The clock did not go back behind the journal, and did not leap.
        now = self._time.check()
        # 4. The body keeps to its profile, at this moment, under this issuer (RFC 5280 §4).
        self_signed = PROFILES[profile].role == "root"
        if not self_signed and key.certificate is None:
            raise KeyPurposeError("the issuer has no certificate yet", label=issuer)
        check_tbs(
            PROFILES[profile],
            tbs,
            issuer_certificate=None if self_signed else key.certificate,
            now=now,
            policy_arc=self._policy_arc,
        )
        # 5. The serial is new: neither in the journal nor being signed at this moment.
        with self._claim(issuer, facts.serial):
            # 6. Sign.
            signature = sign(key.private, key.algorithm, tbs)
            # 7. Record, durably. Until here nobody has seen the signature.
            body = {
                "profile": profile,
                "tbs_sha256": hashlib.sha256(tbs).hexdigest(),
                "signature": signature.hex(),
            }
            self._store.commit(lambda tx: self._record(tx, issuer, facts.serial, **body))
        return signature

    def _check_role(self, key: AuthorityKey, profile: str, tbs: bytes) -> Tbs:
        """Return what the body says. Raises `KeyPurposeError` or `ProfileError`."""
        known = PROFILES.get(profile)
        if known is None:
            raise ProfileError("no such profile")
        if known.role not in MAY_SIGN[key.role]:
            raise KeyPurposeError("the key may not sign this profile", label=key.label, profile=profile)
        try:
            facts = read_tbs(tbs)
        except MalformedError as error:
            raise ProfileError(f"the body is malformed: {error.detail}") from None
        if facts.algorithm != signature_algorithm(key.algorithm).der:
            raise ProfileError("the body names another signature algorithm than the key's")
        if known.role == "root" and facts.spki != key.public_key:
            # Otherwise a root could be talked into certifying somebody else's root.
            raise ProfileError("a root signs itself only")
        return facts

    @contextmanager
    def _claim(self, issuer: str, serial: int) -> Iterator[None]:
        """Hold a serial while it is being signed. Raises `SerialUsedError`."""
        claim = (issuer, serial)
        with self._claiming:
            if claim in self._claims:
                raise SerialUsedError("the serial is being signed")
            self._claims.add(claim)
        try:
            if self._store.read(
                "SELECT 1 FROM journal WHERE issuer = ? AND serial = ? AND serial IS NOT NULL",
                (issuer, f"{serial:x}"),
            ):
                raise SerialUsedError("the serial was signed before")
            yield
        finally:
            with self._claiming:
                self._claims.discard(claim)

    def _record(self, tx: Tx, issuer: str, serial: int, **body: str) -> None:
        self._switch.check()  # again, inside the transaction: after a halt nothing more gets out
        try:
            tx.record("sign_certificate", issuer=issuer, serial=f"{serial:x}", **body)
        except sqlite3.IntegrityError:
            raise SerialUsedError("the serial was signed before") from None

    def recall(self, issuer: str, serial: int) -> dict[str, Any] | None:
        """Tell what the journal recorded for a serial, or None."""
        rows = self._store.read(
            "SELECT at, json_extract(body, '$.tbs_sha256'), json_extract(body, '$.signature') FROM journal"
            " WHERE issuer = ? AND serial = ? AND serial IS NOT NULL",
            (issuer, f"{serial:x}"),
        )
        if not rows:
            return None
        at, digest, signature = rows[0]
        return {"at": at, "tbs_sha256": bytes.fromhex(digest), "signature": bytes.fromhex(signature)}

    # ------------------------------------------------------------------ status

    def sign_crl(self, issuer: str, tbs: bytes) -> bytes:
        """Sign a TBSCertList (RFC 5280 §5); goes on while signing is stopped.

        The number of a scope (issuer and distribution point) only rises; the very same body again gives
        the recorded signature. Raises `CrlNumberError`.
        """
        key = self._key(issuer)
        if not MAY_SIGN[key.role] or key.certificate is None:
            raise KeyPurposeError("the key may not sign revocation lists", label=issuer)
        now = self._time.check()
        facts = check_tbs_crl(tbs, issuer_certificate=key.certificate, now=now)
        if facts.algorithm != signature_algorithm(key.algorithm).der:
            raise ProfileError("the list names another signature algorithm than the key's")
        scope = hashlib.sha256((facts.idp_url or "").encode()).hexdigest()
        digest = hashlib.sha256(tbs).digest()
        with self._numbering:
            rows = self._store.read(
                "SELECT number, tbs_sha256, signature FROM crl_number WHERE issuer = ? AND scope = ?",
                (issuer, scope),
            )
            last = int.from_bytes(rows[0][0], "big") if rows else -1
            if rows:
                if rows[0][1] == digest:
                    return bytes(rows[0][2])
                if facts.number <= last:
                    raise CrlNumberError("the number of a list only rises", last=str(last))
            check_crl_number(facts.number, last=last, now=now)
            signature = sign(key.private, key.algorithm, tbs)

            def keep(tx: Tx) -> None:
                number = facts.number.to_bytes(20, "big")
                tx.run(
                    "INSERT INTO crl_number (issuer, scope, number, tbs_sha256, signature)"
                    " VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (issuer, scope) DO UPDATE SET number = excluded.number,"
                    " tbs_sha256 = excluded.tbs_sha256, signature = excluded.signature",
                    (issuer, scope, number, digest, signature),
                )
                tx.record(
                    "sign_crl",
                    issuer=issuer,
                    scope=facts.idp_url or "",
                    number=str(facts.number),
                    tbs_sha256=digest.hex(),
                )

            self._store.commit(keep)
        return signature

    def sign_ocsp(self, responder: str, tbs: bytes) -> bytes:
        """Sign a ResponseData (RFC 6960 §4.2.1) for whoever asks now; goes on while signing is stopped.

        The journal counts such answers, a sum for each minute: strangers decide how many there are.
        """
        signatures, digests = self._sign_answers(responder, [tbs])
        self._store.commit(lambda tx: tx.tally_ocsp(responder, digests[0]))
        return signatures[0]

    def sign_ocsp_many(self, responder: str, tbs: Sequence[bytes]) -> list[bytes]:
        """Sign several ResponseData ahead; all are looked at before the first is signed.

        They share one journal entry, which lists the hash of each.
        """
        signatures, digests = self._sign_answers(responder, tbs)
        listed = [digest.hex() for digest in digests]
        self._store.commit(
            lambda tx: tx.record("sign_ocsp", responder=responder, count=len(listed), tbs_sha256=listed)
        )
        return signatures

    def _sign_answers(self, responder: str, tbs: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Return signatures and hashes. Raises `ProfileError` for what this responder may not say now."""
        key = self._key(responder)
        if key.role != "ocsp":
            raise KeyPurposeError("the key may not sign status answers", label=responder)
        now = self._time.check()
        named = describe_key(key.public_key).identifier
        for body in tbs:
            check_response_data(body, responder_key_hash=named, now=now)
        return [sign(key.private, key.algorithm, body) for body in tbs], [
            hashlib.sha256(body).digest() for body in tbs
        ]
