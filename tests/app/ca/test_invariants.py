"""The invariants this room keeps, each with somebody trying to break it."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from cryptography import x509
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from tests.app.ca.centre import an_order

from dojang.audit.errors import AuditUnwrittenError
from dojang.audit.models import Event
from dojang.ca import actions, queries
from dojang.ca.models import Authority, Certificate, Crl, Intent, OcspAnswer, Revocation
from dojang.ca.serials import serial_number
from dojang.pki import lint
from dojang.pki.certificate import read_certificate, read_tbs
from dojang.pki.errors import ProfileError
from dojang.ports.signer_errors import CrlNumberError, SignerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.app.ca.centre import Centre


def _elsewhere(query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask through a connection of its own: it sees only what is committed."""
    with psycopg.connect(**connection.get_connection_params()) as link:
        return link.execute(query, values).fetchall()


def _sql(statement: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_invariant_01_intent_is_durable_before_any_use_of_the_key(centre: Centre) -> None:
    """When the signer is asked, serial, exact bytes, evidence and audit event are committed already."""
    seen: list[tuple[Any, ...]] = []

    def watch(verb: str, values: dict[str, Any]) -> None:
        if verb == "sign_certificate":
            serial = read_tbs(values["tbs"]).serial
            seen.extend(
                _elsewhere(
                    "SELECT i.tbs, i.evidence::text, e.type FROM ca_intent i"
                    " JOIN audit_event e ON e.subject = i.serial WHERE i.serial = %s",
                    f"{serial:032x}",
                )
            )

    centre.signer.watch = watch
    row = centre.issue(an_order(evidence=("proof-1", "proof-2")))
    assert seen == [(read_certificate(bytes(row.der)).tbs, '["proof-1", "proof-2"]', "certificate:intended")]


def test_invariant_02_nothing_leaves_before_it_is_committed_and_signatures_agree(centre: Centre) -> None:
    """A certificate whose audit event cannot be written is not released; the books agree afterwards."""
    intent = centre.intend()
    _sql("ALTER FUNCTION audit_append(text) RENAME TO audit_append_away")
    with pytest.raises(AuditUnwrittenError):
        actions.issue_certificate(intent, **centre.options)
    assert Certificate.objects.filter(intent=intent).count() == 0
    _sql("ALTER FUNCTION audit_append_away(text) RENAME TO audit_append")
    row = actions.issue_certificate(intent, **centre.options)
    found = queries.verify_trail(centre.world)
    assert (found.ok, found.breaks) == (True, ())
    signed = [entry for entry in centre.world.signer.journal() if entry.verb == "sign_certificate"]
    assert len(signed) == Certificate.objects.count() == 4
    assert signed[-1].body["serial"] == f"{serial_number(row.serial):x}"


def test_invariant_03_serials_are_long_random_unique_and_never_reused(centre: Centre) -> None:
    """Serials have 126 random bits and are refused twice; an order begun anew gets another."""
    order = an_order()
    first = centre.intend(order)
    assert centre.reconcile().voided == 1
    second = centre.intend(order)
    assert first.serial != second.serial
    row = actions.issue_certificate(second, **centre.options)
    for serial in (first.serial, second.serial):
        assert 120 <= serial_number(serial).bit_length() <= 127
    with pytest.raises(IntegrityError), transaction.atomic():
        Intent.objects.create(
            order_key="another", order_sha256=b"", issuer_id=row.issuer_id, serial=row.serial,
            profile="financial", product="financial", customer_id="x", tbs=b"", shard=0,
            created_at=centre.world.clock.now(),
        )  # fmt: skip
    with pytest.raises(SignerError) as caught:
        centre.world.signer.sign_certificate(issuer="issuing-1", profile="financial", tbs=bytes(second.tbs))
    assert caught.value.code == "serial_used"
    assert Intent.objects.filter(order_key=order.key).count() == 2


def test_invariant_04_what_was_linted_is_what_is_signed_and_everything_is_linted(centre: Centre) -> None:
    """Bodies are judged before they are stored; what leaves is clean for pkilint."""
    with pytest.raises(ProfileError):
        centre.intend(name="홍길동\u0007")
    assert Intent.objects.exclude(product="authority").count() == 0
    row = centre.activate()
    other = centre.activate()
    actions.revoke_certificate(other.pk, "keyCompromise", **centre.options)
    actions.publish_crls(force=True, **centre.options)
    for certificate in Certificate.objects.select_related("intent"):
        assert read_certificate(bytes(certificate.der)).tbs == bytes(certificate.intent.tbs)
        lint.require_clean(lint.pkilint_certificate(bytes(certificate.der)))
    for crl in Crl.objects.all():
        lint.require_clean(lint.pkilint_crl(bytes(crl.der)))
    for answer in OcspAnswer.objects.filter(certificate__in=[row, other]):
        for body in (answer.by_sha1, answer.by_sha256):
            lint.require_clean(lint.lint_ocsp(bytes(body)))
            lint.require_clean(lint.pkilint_ocsp(bytes(body)))


def test_invariant_05_one_active_certificate(centre: Centre) -> None:
    """Fifty certificates of one person confirmed at once: one is active, each other one was revoked once."""
    rows = [centre.issue(customer_id="c1") for _ in range(50)]
    start = threading.Barrier(10)

    def confirm(part: int) -> int:
        start.wait(30)
        try:
            for row in rows[part::10]:
                actions.activate_certificate(row.pk, **centre.options)
            return len(rows[part::10])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(confirm, range(10))) == 50
    states = list(Certificate.objects.filter(customer_id="c1").values_list("state", flat=True))
    assert (states.count("active"), states.count("revoked")) == (1, 49)
    assert Revocation.objects.filter(reason="superseded").count() == 49
    assert Event.objects.filter(type="certificate:activated").exclude(subject="").count() == 50 + 3
    assert queries.verify_trail(centre.world).breaks == ()


def test_invariant_05_the_database_itself_refuses_a_second_active_one(centre: Centre) -> None:
    """Two active certificates of a product for a person cannot be written, whatever code tries."""
    centre.activate(customer_id="c1")
    second = centre.issue(customer_id="c1")
    with pytest.raises(IntegrityError), transaction.atomic():
        Certificate.objects.filter(pk=second.pk).update(state="active", status_seq=2)
    assert Certificate.objects.filter(customer_id="c1", state="active").count() == 1


def test_invariant_05_fifty_submits_of_one_order_make_one_certificate(centre: Centre) -> None:
    """Fifty parallel submits of one order, intent to confirmation: one certificate, one signature."""
    order = an_order()
    start = threading.Barrier(25)
    calls: list[int] = []

    def submit(_part: int) -> set[int]:
        start.wait(30)
        try:
            made = set()
            for _ in range(2):
                with actions.holding_order(order.key):
                    row = centre.issue(order)
                    actions.activate_certificate(
                        row.pk, within=lambda new, _old: calls.append(new.pk), **centre.options
                    )
                    made.add(row.pk)
            return made
        finally:
            connections.close_all()

    with ThreadPoolExecutor(25) as pool:
        made = set().union(*pool.map(submit, range(25)))
    assert len(made) == 1
    assert calls == list(made)
    assert centre.signer.calls.count("sign_certificate") == 1
    assert Certificate.objects.filter(customer_id=order.customer_id, state="active").count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ca_certificate SET state = 'active', status_seq = status_seq + 1 WHERE id = %(id)s",
        "UPDATE ca_certificate SET state = 'issued', status_seq = status_seq + 1 WHERE id = %(id)s",
        "UPDATE ca_certificate SET serial = '01' WHERE id = %(id)s",
        "UPDATE ca_certificate SET der = 'x' WHERE id = %(id)s",
        "DELETE FROM ca_certificate WHERE id = %(id)s",
        "DELETE FROM ca_revocation WHERE certificate_id = %(id)s",
        "UPDATE ca_revocation SET lifted_at = now() WHERE certificate_id = %(id)s",
        "UPDATE ca_revocation SET reason = 'certificateHold' WHERE certificate_id = %(id)s",
        "UPDATE ca_intent SET tbs = 'x' WHERE serial = (SELECT serial FROM ca_certificate WHERE id = %(id)s)",
        "UPDATE ca_intent SET state = 'void' WHERE serial IN (SELECT serial FROM ca_certificate)",
        "DELETE FROM ca_intent WHERE serial = (SELECT serial FROM ca_certificate WHERE id = %(id)s)",
        "UPDATE ca_crl SET number = number + 1",
        "DELETE FROM ca_crl",
    ],
)
def test_invariant_06_no_statement_takes_a_revocation_back(centre: Centre, statement: str) -> None:
    """The database refuses to revive, rewrite or delete what was signed or revoked."""
    row = centre.activate()
    actions.revoke_certificate(row.pk, "keyCompromise", **centre.options)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, {"id": row.pk})
    row.refresh_from_db()
    assert row.state == "revoked"
    assert Revocation.objects.get(certificate=row).lifted_at is None


def test_invariant_06_crl_numbers_rise_after_an_old_backup_is_restored(centre: Centre) -> None:
    """A database that forgot its CRLs, on a clock that stands still, still publishes higher numbers."""
    actions.publish_crls(force=True, **centre.options)
    highest = max(crl.number for crl in Crl.objects.all())
    _sql("ALTER TABLE ca_crl DISABLE TRIGGER USER")
    Crl.objects.all().delete()  # the backup was taken before the first publication
    _sql("ALTER TABLE ca_crl ENABLE TRIGGER USER")
    made = actions.publish_crls(**centre.options)
    assert len(made) == 1 + centre.world.policy.status.crl_shards
    assert min(crl.number for crl in Crl.objects.filter(issuer__label="issuing-1")) > highest - 10_000
    for crl in Crl.objects.select_related("issuer"):
        # the signer itself refuses to go back below what it signed for this scope
        parsed = x509.load_der_x509_crl(bytes(crl.der))
        assert parsed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == crl.number
    again = actions.publish_crls(force=True, **centre.options)
    assert all(new.number > old.number for new, old in zip(again, made, strict=True))


def test_invariant_06_the_signer_refuses_an_old_number(centre: Centre) -> None:
    """The very list of yesterday with a lower number is not signed, whoever asks."""
    from dojang.ca import authorities
    from dojang.pki.crl import build_tbs_crl

    now = centre.world.clock.now().replace(microsecond=0)
    issuer = authorities.in_force("issuing", now)
    tbs = build_tbs_crl(
        issuer_certificate=issuer.certificate, algorithm=issuer.algorithm, number=1, this_update=now,
        next_update=now + timedelta(hours=1), entries=[],
        idp_url=authorities.crl_url(centre.world.policy, issuer.label, 0),
    )  # fmt: skip
    with pytest.raises(CrlNumberError):
        centre.world.signer.sign_crl(issuer=issuer.label, tbs=tbs)


def test_invariant_06_a_slow_refresh_never_brings_back_good(centre: Centre) -> None:
    """An answer signed as good before a revocation, and written after it, is dropped."""
    from dojang.ca.actions.status import GOOD, put_answers, sign_answer

    row = centre.activate()
    stale = (row.pk, row.status_seq, sign_answer(row, GOOD, world=centre.world))
    actions.revoke_certificate(row.pk, "keyCompromise", **centre.options)
    told = bytes(OcspAnswer.objects.get(certificate=row).by_sha1)
    put_answers([stale])
    assert bytes(OcspAnswer.objects.get(certificate=row).by_sha1) == told


def test_invariant_06_revocation_needs_no_signer(centre: Centre) -> None:
    """With the signer gone a revocation still commits, and the answer signed ahead as good is withdrawn."""
    row = centre.activate()
    assert bytes(OcspAnswer.objects.get(certificate=row).by_sha1)
    centre.signer.fail_at(0, "before")
    actions.revoke_certificate(row.pk, "keyCompromise", **centre.options)
    assert bytes(OcspAnswer.objects.get(certificate=row).by_sha1) == b""
    assert actions.refresh_ocsp_answers(**centre.options) >= 1
    assert bytes(OcspAnswer.objects.get(certificate=row).by_sha1)


def test_invariant_12_nothing_is_back_dated(centre: Centre) -> None:
    """An intent that waited too long is not signed any more; its order gets a new one, beginning now."""
    order = an_order()
    intent = centre.intend(order)
    centre.advance(600)
    with pytest.raises(ProfileError):
        actions.issue_certificate(intent, **centre.options)
    assert Certificate.objects.filter(customer_id=order.customer_id).count() == 0
    assert centre.reconcile().voided == 1
    row = centre.activate(order)
    assert timedelta(0) <= centre.world.clock.now() - row.not_before < timedelta(seconds=30)


def test_invariant_12_validity_includes_both_seconds(centre: Centre) -> None:
    """NotBefore is this second, notAfter the last second of a Korean day, and the life counts both."""
    row = centre.activate()
    assert row.not_before.microsecond == 0
    assert row.not_after.strftime("%H:%M:%S") == "14:59:59"
    assert row.not_before <= row.issued_at


def test_invariant_14_audit_is_in_the_same_transaction(centre: Centre) -> None:
    """Each step that changes something writes exactly one event with it, about the same serial."""
    row = centre.activate(customer_id="c1")
    actions.revoke_certificate(row.pk, "affiliationChanged", **centre.options)
    told = list(Event.objects.filter(subject=row.serial).order_by("id").values_list("type", flat=True))
    assert sorted(told) == [
        "certificate:activated",
        "certificate:intended",
        "certificate:issued",
        "certificate:revoked",
    ]
    transactions = _elsewhere(
        "SELECT count(DISTINCT e.xmin::text) FROM audit_event e JOIN ca_revocation r ON r.serial = e.subject"
        " WHERE e.type = 'certificate:revoked' AND e.xmin::text = r.xmin::text"
    )
    assert transactions == [(1,)]


@pytest.mark.parametrize("step", ["intend", "issue", "activate", "revoke"])
def test_invariant_14_when_audit_cannot_be_written_nothing_happens(centre: Centre, step: str) -> None:
    """With the trail unwritable each action fails with a typed error and leaves every row as it was."""
    order = an_order()
    row = None if step == "intend" else centre.intend(order)
    certificate = None if step in {"intend", "issue"} else centre.issue(order)
    if step == "revoke" and certificate is not None:
        actions.activate_certificate(certificate.pk, **centre.options)

    acts: dict[str, Callable[[], Any]] = {
        "intend": lambda: centre.intend(order),
        "issue": lambda: actions.issue_certificate(row, **centre.options),
        "activate": lambda: actions.activate_certificate(certificate.pk, **centre.options),
        "revoke": lambda: actions.revoke_certificate(certificate.pk, "keyCompromise", **centre.options),
    }

    def rows() -> list[Any]:
        models = (Intent, Certificate, Revocation, OcspAnswer, Event)
        return [list(model.objects.order_by("pk").values()) for model in models]  # type: ignore[attr-defined]

    before = rows()
    _sql("ALTER FUNCTION audit_append(text) RENAME TO audit_append_away")
    with pytest.raises(AuditUnwrittenError):
        acts[step]()
    assert rows() == before
    if step == "intend":
        assert centre.signer.calls == []


def test_the_authorities_are_what_the_ceremony_file_says(centre: Centre) -> None:
    """Root, issuing authority and responder exist once each, in force, with their events."""
    made = list(Authority.objects.order_by("id").values_list("label", "role", "algorithm"))
    assert made == [
        ("root-1", "root", "ec-p384"),
        ("issuing-1", "issuing", "ec-p256"),
        ("ocsp-1", "ocsp", "ec-p256"),
    ]
    for view in queries.authorities():
        digest = hashlib.sha256(view.certificate).hexdigest()
        event = Event.objects.get(type="authority:installed", subject=view.label)
        assert digest in event.body
