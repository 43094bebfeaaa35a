"""Issuing, up to the confirmation: intent before signature, never none, never two.

1. build the to-be-signed bytes from the profile, lint them;
2. one transaction: reserve the serial, store the intent with the exact bytes, audit ``certificate:intended``;
3. the signer signs; the answer is checked byte for byte and its signature verified;
4. one transaction: store the certificate as ``issued``, audit ``certificate:issued``.

Step 5, the confirmation, is `activation.activate_certificate`. A crash anywhere is for `reconciling`.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from dojang.audit.actions import record_event
from dojang.ca import authorities
from dojang.ca.actions.status import DUE, SignedAnswer, put_answers
from dojang.ca.bodies import build_body
from dojang.ca.errors import (
    AuthorityMissingError,
    IntentVoidError,
    OrderConflictError,
    SignatureMismatchError,
)
from dojang.ca.linting import lint_before_signing
from dojang.ca.models import Certificate, Intent
from dojang.ca.orders import holding_order
from dojang.ca.serials import serial_number, serial_text
from dojang.pki import oids
from dojang.pki.build import assemble_certificate
from dojang.pki.certificate import read_certificate
from dojang.pki.errors import ProfileError
from dojang.pki.profiles import PROFILES
from dojang.pki.signing import verify_signature
from dojang.ports.signer_errors import SerialUsedError

if TYPE_CHECKING:
    from datetime import datetime

    from dojang.ca.authorities import Issuer
    from dojang.ca.bodies import CertificateBody
    from dojang.ca.orders import Wanted
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def intend_certificate(order: Wanted, *, acting: Acting, world: World) -> Intent:
    """Store what is going to be signed for an order (steps 1 and 2); a repeat returns the same intent.

    Raises `OrderConflictError` when the key was used for something else, `ProfileError` when the order does
    not fit its profile, `AuthorityMissingError` before the ceremony. Commits by itself.
    """
    with holding_order(order.key):
        known = _known_intent(order)
        if known is not None:
            return known
        now = world.clock.now()
        issuer = authorities.in_force("issuing", now)
        # 1. build, lint
        body = build_body(order, issuer, world=world)
        lint_before_signing(
            body.profile,
            body.tbs,
            issuer=issuer,
            algorithm=issuer.algorithm,
            policy_arc=world.policy.bank.policy_arc,
            now=now,
        )
        # 2. reserve the serial and store the exact bytes, durably, before any key is used
        try:
            return _store_intent(order, body, acting=acting, world=world)
        except IntegrityError:
            # Another session got in between the look and the insert: its intent is the order's.
            known = _known_intent(order)
            if known is None:
                raise
            return known


def _known_intent(order: Wanted) -> Intent | None:
    known = Intent.objects.filter(
        order_key=order.key, state__in=[Intent.State.OPEN, Intent.State.STORED]
    ).first()
    if known is not None and not hmac.compare_digest(bytes(known.order_sha256), order.sha256()):
        raise OrderConflictError(order=order.key)
    return known


def _store_intent(order: Wanted, body: CertificateBody, *, acting: Acting, world: World) -> Intent:
    now = world.clock.now()
    with transaction.atomic(durable=True):
        intent = Intent.objects.create(
            order_key=order.key,
            order_sha256=order.sha256(),
            issuer_id=body.issuer.id,
            serial=serial_text(body.serial),
            profile=order.profile,
            product=order.product,
            customer_id=order.customer_id,
            number=body.number,
            tbs=body.tbs,
            evidence=list(order.evidence),
            replaces=order.replaces or "",
            shard=body.shard,
            created_at=now,
        )
        record_event(
            "certificate:intended",
            acting=acting,
            subject=intent.serial,
            at=now,
            issuer=body.issuer.label,
            order=order.key,
            customer=order.customer_id,
            product=order.product,
            tbs_sha256=hashlib.sha256(body.tbs).hexdigest(),
            evidence=list(order.evidence),
        )
    return intent


def issue_certificate(intent: Intent, *, acting: Acting, world: World) -> Certificate:
    """Have an intent signed and store the certificate as ``issued`` (steps 3 and 4); a repeat returns it.

    Raises `SignerUnavailableError` when the signer's answer is not known: the intent stays and calling again
    (or `reconcile`) finishes it. Raises `IntentVoidError` when the intent was given up. Commits by itself.
    """
    with holding_order(intent.order_key):
        if not Intent.objects.filter(pk=intent.pk, state=Intent.State.OPEN).exists():
            # A certificate closes its intent in the transaction that stores it.
            done = Certificate.objects.filter(intent_id=intent.pk).first()
            if done is None:
                raise IntentVoidError(order=intent.order_key)
            return done
        # 3. sign
        issuer = _issuer_of(intent)
        der = checked_certificate(intent, issuer, sign_intent(intent, issuer, world=world))
        # 4. store
        return store_certificate(intent, issuer, der, acting=acting, world=world)


def _issuer_of(intent: Intent) -> Issuer:
    """Return what checking needs of an intent's issuer; a root in the making is not among the remembered."""
    try:
        return authorities.signing_side(authorities.by_id(intent.issuer_id))
    except AuthorityMissingError:
        return authorities.signing_side(intent.issuer)


def sign_intent(intent: Intent, issuer: Issuer, *, world: World) -> bytes:
    """Ask for the signature of an intent; one that was made before (its answer lost) is recalled."""
    tbs = bytes(intent.tbs)
    try:
        return world.signer.sign_certificate(issuer=issuer.label, profile=intent.profile, tbs=tbs)
    except (SerialUsedError, ProfileError):
        # Signed before, or begun too long ago to be signed now: an earlier signature may be there.
        signature = recalled_signature(intent, issuer, world=world)
        if signature is None:
            raise
        return signature


def recalled_signature(intent: Intent, issuer: Issuer, *, world: World) -> bytes | None:
    """Fetch the signature the signer's journal holds for an intent; None when it never signed this serial."""
    signed = world.signer.recall_certificate(issuer=issuer.label, serial=serial_number(intent.serial))
    if signed is None:
        return None
    if not hmac.compare_digest(signed.tbs_sha256, hashlib.sha256(bytes(intent.tbs)).digest()):
        raise SignatureMismatchError(
            "the signer knows this serial, but not these bytes", serial=intent.serial
        )
    return signed.signature


def checked_certificate(intent: Intent, issuer: Issuer, signature: bytes) -> bytes:
    """Assemble the certificate; refuse it unless its body is the intent's, byte for byte, and verifies."""
    tbs = bytes(intent.tbs)
    der = assemble_certificate(tbs, signature, issuer.algorithm)
    if not hmac.compare_digest(read_certificate(der).tbs, tbs):
        raise SignatureMismatchError("not the bytes that were stored", serial=intent.serial)
    verify_signature(issuer.public_key, issuer.algorithm, tbs, signature)
    return der


def store_certificate(
    intent: Intent, issuer: Issuer, der: bytes, *, acting: Acting, world: World, recovered: bool = False
) -> Certificate:
    """Store a signed certificate as ``issued`` with its audit event, in one transaction (step 4)."""
    facts = read_certificate(der).facts
    now = world.clock.now()
    with transaction.atomic():
        done = _close_intent(intent, now, recovered=recovered)
        if done is not None:
            return done
        row = Certificate.objects.create(
            intent=intent,
            issuer_id=issuer.id,
            serial=intent.serial,
            der=der,
            sha256=hashlib.sha256(der).hexdigest(),
            subject=str(facts.subject_name),
            profile=intent.profile,
            product=intent.product,
            customer_id=intent.customer_id,
            policy=_policy_of(intent.profile, world=world),
            shard=intent.shard,
            state=Certificate.State.ISSUED,
            not_before=facts.not_before,
            not_after=facts.not_after,
            issued_at=now,
        )
        # Due at once and empty: the responder signs live until the state is decided.
        put_answers([(row.id, row.status_seq, SignedAnswer(facts.not_before, DUE, b"", b""))])
        record_event(
            "certificate:issued",
            acting=acting,
            subject=row.serial,
            at=now,
            issuer=issuer.label,
            order=intent.order_key,
            customer=row.customer_id,
            product=row.product,
            sha256=row.sha256,
            recovered=recovered,
        )
    return row


def _close_intent(intent: Intent, now: datetime, *, recovered: bool) -> Certificate | None:
    """Close an intent for the certificate that is stored next; return the one that is there already."""
    # An open intent has no certificate: both change in one transaction.
    ours = Intent.objects.filter(pk=intent.pk, state=Intent.State.OPEN)
    if ours.update(state=Intent.State.STORED, closed_at=now):
        return None
    locked = Intent.objects.select_for_update().get(pk=intent.pk)
    done = Certificate.objects.filter(intent_id=intent.pk).first()
    if done is None:
        if not recovered:
            raise IntentVoidError(order=intent.order_key)
        locked.state, locked.closed_at = Intent.State.LATE, now
        locked.save(update_fields=["state", "closed_at"])
    return done


def _policy_of(profile_id: str, *, world: World) -> str:
    policy = PROFILES[profile_id].policy
    if policy is None:
        return ""
    return oids.ANY_POLICY if policy == "any" else oids.policy_oid(world.policy.bank.policy_arc, policy)
