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
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction

from dojang.audit.actions import draft_event, record_events
from dojang.ca import authorities
from dojang.ca.actions.status import DUE, SignedAnswer, put_answers
from dojang.ca.apart import apart, sure
from dojang.ca.bodies import ask_earlier, build_body, read_earlier
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
from dojang.guard.statements import columns_of, pipelined, row_of
from dojang.pki import oids
from dojang.pki.build import assemble_certificate
from dojang.pki.certificate import read_certificate
from dojang.pki.errors import DojangError, MalformedError, ProfileError
from dojang.pki.profiles import PROFILES
from dojang.pki.signing import verify_signature
from dojang.ports.signer_errors import SerialUsedError, SignerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dojang.audit.actions import Draft
    from dojang.ca.authorities import Issuer
    from dojang.ca.bodies import CertificateBody, Earlier
    from dojang.ca.orders import Wanted
    from dojang.ports.acting import Acting
    from dojang.ports.world import World


def intend_certificate(order: Wanted, *, acting: Acting, world: World) -> Intent:
    """Store what is going to be signed for an order (steps 1 and 2); a repeat returns the same intent.

    Raises `OrderConflictError` when the key was used for something else, `ProfileError` when the order does
    not fit its profile, `AuthorityMissingError` before the ceremony. Commits by itself.
    """
    with holding_order(order.key):
        (made,) = intend_certificates([order], acting=[acting], world=world)
    return sure(made)


def intend_certificates(
    orders: Sequence[Wanted], *, acting: Sequence[Acting], world: World
) -> list[Intent | Exception]:
    """Do steps 1 and 2 for many orders whose locks the caller holds, together, each for who acts on it.

    For each, in order, its intent or what `intend_certificate` would have raised. Commits by itself.
    """
    made: list[Intent | Exception | None] = [None] * len(orders)
    # 0. one look for all
    with connection.cursor() as known, connection.cursor() as earlier:
        with pipelined():
            known.execute(_KNOWN, [[order.key for order in orders]])
            ask_earlier(earlier, orders)
        found = {intent.order_key: intent for intent in (row_of(Intent, row) for row in known.fetchall())}
        before = read_earlier(earlier)
    bodies: list[tuple[int, CertificateBody]] = []
    for place, order in enumerate(orders):
        try:
            intent = found.get(order.key)
            if intent is not None:
                made[place] = _same(intent, order)
            else:
                # 1. build, lint
                bodies.append((place, _linted_body(order, before[place], world=world)))
        except (OperationalError, InterfaceError):
            raise  # the database is away, for all of them
        except Exception as error:  # noqa: BLE001 - what one cannot have made stops none of the others
            made[place] = error
    # 2. reserve the serials and store the exact bytes, durably, before any key is used
    places = [place for place, _ in bodies]

    def store(part: Sequence[int]) -> list[Intent]:
        chosen = [bodies[index] for index in part]
        return _store_intents([(orders[place], body, acting[place]) for place, body in chosen], world=world)

    for place, intent_or_error in zip(places, apart(range(len(bodies)), store), strict=True):
        made[place] = intent_or_error
        if isinstance(intent_or_error, IntegrityError):
            # Another session got in between the look and the insert: its intent is the order's.
            made[place] = _intent_of(orders[place]) or intent_or_error
    return [one for one in made if one is not None]


def _linted_body(order: Wanted, earlier: Earlier, *, world: World) -> CertificateBody:
    now = world.clock.now()
    issuer = authorities.in_force("issuing", now)
    body = build_body(order, issuer, earlier, world=world)
    lint_before_signing(
        body.profile,
        body.tbs,
        issuer=issuer,
        algorithm=issuer.algorithm,
        policy_arc=world.policy.bank.policy_arc,
        now=now,
    )
    return body


def _same(known: Intent, order: Wanted) -> Intent:
    if not hmac.compare_digest(bytes(known.order_sha256), order.sha256()):
        raise OrderConflictError(order=order.key)
    return known


def _intent_of(order: Wanted) -> Intent | None:
    states = [Intent.State.OPEN, Intent.State.STORED]
    known = Intent.objects.filter(order_key=order.key, state__in=states).first()
    return None if known is None else _same(known, order)


_KNOWN: Final = (
    f"SELECT {columns_of(Intent, 'i')} FROM ca_intent i"  # noqa: S608 - our own columns, here and below
    " WHERE i.order_key = ANY(%b::text[]) AND i.state IN ('open', 'stored')"
)
_INTEND: Final = """
    INSERT INTO ca_intent (order_key, order_sha256, issuer_id, serial, profile, product, customer_id, number,
                           tbs, evidence, replaces, shard, state, created_at)
    SELECT w.key, w.digest, w.issuer, w.serial, w.profile, w.product, w.customer, w.number,
           w.tbs, w.evidence::jsonb, w.replaces, w.shard, 'open', w.at
    FROM unnest(%b::text[], %b::bytea[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[],
                %b::text[], %b::bytea[], %b::text[], %b::text[], %b::int[], %b::timestamptz[])
        AS w (key, digest, issuer, serial, profile, product, customer, number, tbs, evidence, replaces, shard,
              at)
    RETURNING serial, id
"""


def _store_intents(wanted: Sequence[tuple[Wanted, CertificateBody, Acting]], *, world: World) -> list[Intent]:
    """Store intents with their events, in one transaction; none when one cannot be."""
    now = world.clock.now()
    intents = [_intent_row(order, body, now) for order, body, _ in wanted]
    drafts = [
        draft_event(
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
        for intent, (order, body, acting) in zip(intents, wanted, strict=True)
    ]
    columns = (
        "order_key", "order_sha256", "issuer_id", "serial", "profile", "product", "customer_id", "number",
        "tbs", "evidence", "replaces", "shard", "created_at",
    )  # fmt: skip
    values = {name: [getattr(intent, name) for intent in intents] for name in columns}
    values["evidence"] = [json.dumps(item) for item in values["evidence"]]
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            with pipelined():  # with the transaction's beginning
                cursor.execute(_INTEND, list(values.values()))
            ids = dict(cursor.fetchall())
        record_events(drafts)
    for intent in intents:
        intent.pk = ids[intent.serial]
    return intents


def _intent_row(order: Wanted, body: CertificateBody, now: datetime) -> Intent:
    return Intent(
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


def issue_certificate(intent: Intent, *, acting: Acting, world: World) -> Certificate:
    """Have an intent signed and store the certificate as ``issued`` (steps 3 and 4); a repeat returns it.

    Raises `SignerUnavailableError` when the signer's answer is not known: the intent stays and calling again
    (or `reconcile`) finishes it. Raises `IntentVoidError` when the intent was given up. Commits by itself.
    """
    with holding_order(intent.order_key):
        (made,) = sign_intents([intent], world=world)
        made = sure(made)
        if not made.is_stored:
            store_certificates([made], acting=[acting], world=world)
        return made.row


@dataclass(slots=True)
class Made:
    """A certificate that was signed and checked: its row, and whether the row is in the database yet."""

    intent: Intent
    row: Certificate
    issuer_label: str
    is_stored: bool = False


_STANDS: Final = (
    f"SELECT i.id, i.state, {columns_of(Certificate, 'c')} FROM ca_intent i"  # noqa: S608
    " LEFT JOIN ca_certificate c ON c.intent_id = i.id WHERE i.id = ANY(%s::bigint[])"
)


def sign_intents(intents: Sequence[Intent], *, world: World) -> list[Made | Exception]:
    """Have intents signed whose orders' locks the caller holds, and check what comes back (step 3).

    One call of the signer for each issuer. For each intent, in order, what was made (stored already, when it
    was signed before) or what `issue_certificate` would have raised.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STANDS, [[intent.pk for intent in intents]])
        stands = {row[0]: (row[1], row[2:]) for row in cursor.fetchall()}
    made: dict[int, Made | Exception] = {}
    waiting: dict[int, list[Intent]] = {}
    for intent in intents:
        state, values = stands.get(intent.pk, ("", (None,)))
        if values[0] is not None:  # a certificate closes its intent in the transaction that stores it
            row = row_of(Certificate, values)
            row.intent = intent
            made[intent.pk] = Made(intent, row, "", is_stored=True)
        elif state != Intent.State.OPEN:
            made[intent.pk] = IntentVoidError(order=intent.order_key)
        else:
            waiting.setdefault(intent.issuer_id, []).append(intent)
    for group in waiting.values():
        made.update(_sign_group(group, world=world))
    return [made[intent.pk] for intent in intents]


def _sign_group(intents: Sequence[Intent], *, world: World) -> dict[int, Made | Exception]:
    """Sign the intents of one issuer."""
    made: dict[int, Made | Exception] = {}
    try:
        issuer = _issuer_of(intents[0])
        wanted = [(intent.profile, bytes(intent.tbs)) for intent in intents]
        answers = world.signer.sign_certificates(issuer=issuer.label, wanted=wanted)
    except MalformedError as error:
        # Each body was read by our own linters: it is the question the signer does not know, or not yet.
        unknown = SignerUnavailableError(error.detail)
        return {intent.pk: unknown for intent in intents}
    except DojangError as error:
        return {intent.pk: error for intent in intents}
    now = world.clock.now()
    for intent, answer in zip(intents, answers, strict=True):
        try:
            signature = _signature_of(intent, issuer, answer, world=world)
            der = checked_certificate(intent, issuer, signature)
            row = certificate_row(intent, issuer, der, now, world=world)
            made[intent.pk] = Made(intent, row, issuer.label)
        except Exception as error:  # noqa: BLE001 - the same
            made[intent.pk] = error
    return made


def _signature_of(intent: Intent, issuer: Issuer, answer: bytes | DojangError, *, world: World) -> bytes:
    """Return the signature of an intent; one that was made before (its answer lost) is recalled."""
    if isinstance(answer, SerialUsedError | ProfileError):
        # Signed before, or begun too long ago to be signed now: an earlier signature may be there.
        signature = recalled_signature(intent, issuer, world=world)
        if signature is not None:
            return signature
    if isinstance(answer, DojangError):
        raise answer
    return answer


def _issuer_of(intent: Intent) -> Issuer:
    """Return what checking needs of an intent's issuer; a root in the making is not among the remembered."""
    try:
        return authorities.signing_side(authorities.by_id(intent.issuer_id))
    except AuthorityMissingError:
        return authorities.signing_side(intent.issuer)


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


def certificate_row(
    intent: Intent, issuer: Issuer, der: bytes, now: datetime, *, world: World
) -> Certificate:
    """Make the row of a signed certificate (not saved)."""
    facts = read_certificate(der).facts
    return Certificate(
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


def store_certificates(made: Sequence[Made], *, acting: Sequence[Acting], world: World) -> None:
    """Store signed certificates as ``issued`` with their events, all in one transaction (step 4).

    Raises `IntentVoidError` when an intent was given up meanwhile; nothing is stored then.
    """
    now = world.clock.now()
    with transaction.atomic():
        with connection.cursor() as closed, connection.cursor() as stored:
            with pipelined():
                ask_to_close(closed, [one.intent for one in made], now)
                ask_to_insert(stored, [one.row for one in made])
            require_closed(closed, [one.intent for one in made])
            ids = dict(stored.fetchall())
        for one in made:
            one.row.pk = ids[one.intent.pk]
        # Due at once and empty: the responder signs live until the state is decided.
        put_answers(
            (one.row.pk, one.row.status_seq, SignedAnswer(one.row.not_before, DUE, b"", b"")) for one in made
        )
        record_events(
            issued_event(one.row, one.intent, one.issuer_label, acting=who, at=now)
            for one, who in zip(made, acting, strict=True)
        )
    for one in made:
        one.is_stored = True


def issued_event(
    row: Certificate, intent: Intent, issuer: str, *, acting: Acting, at: datetime, recovered: bool = False
) -> Draft:
    """Draft what the trail says of a certificate that is stored."""
    return draft_event(
        "certificate:issued",
        acting=acting,
        subject=row.serial,
        at=at,
        issuer=issuer,
        order=intent.order_key,
        customer=row.customer_id,
        product=row.product,
        sha256=row.sha256,
        recovered=recovered,
    )


def ask_to_close(cursor: Any, intents: Sequence[Intent], now: datetime) -> None:
    """Close intents for the certificates that are stored in the same transaction."""
    cursor.execute(_CLOSE, [now, [intent.pk for intent in intents]])


def require_closed(cursor: Any, intents: Sequence[Intent]) -> None:
    """Read the answer to `ask_to_close`. Raises `IntentVoidError` for one that was given up meanwhile."""
    closed = {row[0] for row in cursor.fetchall()}
    for intent in intents:
        if intent.pk not in closed:
            raise IntentVoidError(order=intent.order_key)


_CLOSE: Final = """
    UPDATE ca_intent SET state = 'stored', closed_at = %s
    WHERE id = ANY(%s::bigint[]) AND state = 'open' RETURNING id
"""
_INSERTED: Final = (
    "intent_id", "issuer_id", "serial", "der", "sha256", "subject", "profile", "product", "customer_id",
    "policy", "shard", "state", "status_seq", "not_before", "not_after", "issued_at", "activated_at",
)  # fmt: skip
_INSERT: Final = f"""
    INSERT INTO ca_certificate (id, {", ".join(_INSERTED)})
    SELECT coalesce(w.id, nextval(pg_get_serial_sequence('ca_certificate', 'id'))), {", ".join(_INSERTED)}
    FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::bytea[], %b::text[], %b::text[],
                %b::text[], %b::text[], %b::text[], %b::text[], %b::smallint[], %b::text[], %b::int[],
                %b::timestamptz[], %b::timestamptz[], %b::timestamptz[], %b::timestamptz[])
        AS w (id, {", ".join(_INSERTED)})
    RETURNING intent_id, id
"""  # noqa: S608


def ask_to_insert(cursor: Any, rows: Sequence[Certificate]) -> None:
    """Store new certificates, inside the caller's transaction; answers (intent id, id) for each."""
    cursor.execute(_INSERT, [[getattr(row, name) for row in rows] for name in ("id", *_INSERTED)])


def adopt_certificate(
    intent: Intent, issuer: Issuer, der: bytes, *, acting: Acting, world: World
) -> Certificate:
    """Store a certificate whose signature was found in the signer's journal, with its event.

    That of an intent that was given up is stored all the same (``late``); who adopts it revokes it.
    """
    now = world.clock.now()
    with transaction.atomic():
        done = _close_intent(intent, now)
        if done is not None:
            return done
        row = certificate_row(intent, issuer, der, now, world=world)
        row.save(force_insert=True)
        put_answers([(row.pk, row.status_seq, SignedAnswer(row.not_before, DUE, b"", b""))])
        record_events([issued_event(row, intent, issuer.label, acting=acting, at=now, recovered=True)])
    return row


def _close_intent(intent: Intent, now: datetime) -> Certificate | None:
    """Close an intent for the certificate that is stored next; return the one that is there already."""
    # An open intent has no certificate: both change in one transaction.
    ours = Intent.objects.filter(pk=intent.pk, state=Intent.State.OPEN)
    if ours.update(state=Intent.State.STORED, closed_at=now):
        return None
    locked = Intent.objects.select_for_update().get(pk=intent.pk)
    done = Certificate.objects.filter(intent_id=intent.pk).first()
    if done is None:
        locked.state, locked.closed_at = Intent.State.LATE, now
        locked.save(update_fields=["state", "closed_at"])
    return done


def _policy_of(profile_id: str, *, world: World) -> str:
    policy = PROFILES[profile_id].policy
    if policy is None:
        return ""
    return oids.ANY_POLICY if policy == "any" else oids.policy_oid(world.policy.bank.policy_arc, policy)
