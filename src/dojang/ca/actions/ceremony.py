"""The key ceremony: from one reviewed file to authorities that can issue.

For each authority, in the order of the file:

1. the signer makes the key;
2. the body of its certificate is built, linted and stored as an intent (as for any certificate);
3. its parent (or itself) signs, the result is checked and stored;
4. the signer is given the certificate;
5. the authority comes into force, with its audit event.

Every step looks first whether it was done, so a ceremony interrupted anywhere is simply held again.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

from django.db import transaction

from dojang.audit.actions import record_event
from dojang.ca import authorities
from dojang.ca.actions.activation import activate_certificate
from dojang.ca.actions.issuing import issue_certificate
from dojang.ca.actions.publishing import publish_crls
from dojang.ca.actions.reconciling import AUTHORITY, void_intent
from dojang.ca.errors import CeremonyError
from dojang.ca.linting import lint_before_signing
from dojang.ca.models import Authority, Certificate, Intent
from dojang.ca.orders import holding_order
from dojang.ca.serials import serial_text
from dojang.guard.rounds import Round
from dojang.pki.build import build_tbs, new_serial
from dojang.pki.certificate import read_certificate
from dojang.pki.day import whole_second
from dojang.pki.errors import ProfileError
from dojang.pki.names import Name, build_name
from dojang.pki.profiles import PROFILES
from dojang.ports.signer_keys import ensure_transport_key

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from dojang.ca.authorities import Issuer
    from dojang.ports.acting import Acting
    from dojang.ports.world import World

_ORDER = "ceremony:"
_KEYS = {"label", "role", "parent", "algorithm", "days", "name"}
_RENEW_BEFORE = timedelta(days=30)  #: a responder is followed by the next this long before it ends


@dataclass(frozen=True, slots=True, kw_only=True)
class CeremonyEntry:
    """One authority asked for by a ceremony file."""

    label: str
    role: str
    algorithm: str
    days: int
    name: Name
    parent: str | None = None

    def describe(self) -> dict[str, Any]:
        """Give the entry as plain values, for its digest and the audit trail."""
        return {
            "label": self.label,
            "role": self.role,
            "algorithm": self.algorithm,
            "days": self.days,
            "name": str(self.name),
            "parent": self.parent,
        }


def read_ceremony(text: str) -> tuple[CeremonyEntry, ...]:
    """Read a ceremony file (TOML). Raises `CeremonyError` for anything that cannot be."""
    try:
        tables = tomllib.loads(text)["authority"]
        entries = tuple(_read_entry(table) for table in tables)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, ProfileError) as error:
        raise CeremonyError(f"the file cannot be read: {type(error).__name__}") from error
    known: dict[str, CeremonyEntry] = {}
    for entry in entries:
        _refuse_impossible(entry, known)
        known[entry.label] = entry
    return entries


def _read_entry(table: dict[str, Any]) -> CeremonyEntry:
    if unknown := set(table) - _KEYS:
        raise CeremonyError("unknown settings", names=sorted(unknown))
    return CeremonyEntry(
        label=str(table["label"]),
        role=str(table["role"]),
        algorithm=str(table["algorithm"]),
        days=int(table["days"]),
        name=build_name(*((str(kind), str(value)) for kind, value in table["name"].items())),
        parent=None if "parent" not in table else str(table["parent"]),
    )


def _refuse_impossible(entry: CeremonyEntry, known: dict[str, CeremonyEntry]) -> None:
    profile = PROFILES.get(entry.role)
    if profile is None or entry.role not in Authority.Role.values:
        raise CeremonyError("an unknown role", label=entry.label)
    if entry.label in known or not entry.label.replace("-", "").isalnum() or not entry.label.isascii():
        raise CeremonyError("a label used twice, or not letters, digits and hyphens", label=entry.label)
    if entry.algorithm not in profile.keys:
        raise CeremonyError("an algorithm the profile does not allow", label=entry.label)
    if not 0 < entry.days <= profile.max_life.days:
        raise CeremonyError("a life the profile does not allow", label=entry.label)
    wanted = {"root": None, "issuing": "root", "ocsp": "issuing"}[entry.role]
    parent = None if entry.parent is None else known.get(entry.parent)
    if (wanted is None) != (entry.parent is None) or (wanted and (parent is None or parent.role != wanted)):
        raise CeremonyError("a parent of the wrong role, or named later in the file", label=entry.label)


def perform_ceremony(*, acting: Acting, world: World, path: Path | None = None) -> tuple[str, ...]:
    """Hold the ceremony of a file (the shipped one by default); returns the labels made now.

    Safe to repeat and to run side by side; a finished ceremony costs one query for each authority.
    """
    if path is None:
        text = resources.files("dojang.ca").joinpath("first_ceremony.toml").read_text("utf-8")
    else:
        text = path.read_text("utf-8")
    # The name stays what it was when an authority was made: only its making reads it.
    text = text.replace("{bank}", json.dumps(world.policy.bank.name_en, ensure_ascii=False)[1:-1])
    entries = read_ceremony(text)
    with holding_order("ceremony"):
        made = [entry.label for entry in entries if _make_authority(entry, acting=acting, world=world)]
        if made:
            with transaction.atomic():
                digest = hashlib.sha256(text.encode()).hexdigest()
                record_event(
                    "ceremony:held",
                    acting=acting,
                    subject=digest,
                    at=world.clock.now(),
                    labels=made,
                    policy_arc=world.policy.bank.policy_arc,
                )
            publish_crls(acting=acting, world=world)
    # No authority and no certificate: what devices encrypt to. Older installations get it here.
    ensure_transport_key(world.signer)
    return tuple(made)


def _make_authority(entry: CeremonyEntry, *, acting: Acting, world: World) -> bool:
    """Take one authority through the five steps; False when it was in force already."""
    row = _authority_row(entry, world=world)
    if row.certificate is not None:
        return False
    order_key = _ORDER + entry.label
    with holding_order(order_key):
        intent = _intend(entry, row, order_key, acting=acting, world=world)
        try:
            certificate = issue_certificate(intent, acting=acting, world=world)
        except ProfileError:
            # An intent of an earlier, interrupted ceremony begins too far in the past by now.
            if not void_intent(intent, acting=acting, world=world):
                raise
            intent = _intend(entry, row, order_key, acting=acting, world=world)
            certificate = issue_certificate(intent, acting=acting, world=world)
        # 4. the signer learns whose key it is; from now on it signs as this authority
        world.signer.install_certificate(label=entry.label, certificate=bytes(certificate.der))

        # 5. in force
        def come_into_force(new: Certificate, _old: Certificate | None) -> None:
            Authority.objects.filter(pk=row.pk).update(
                certificate=bytes(new.der), not_before=new.not_before, not_after=new.not_after
            )
            record_event(
                "authority:installed",
                acting=acting,
                subject=entry.label,
                at=world.clock.now(),
                serial=new.serial,
                sha256=new.sha256,
                entry=entry.describe(),
            )

        activate_certificate(certificate.pk, acting=acting, world=world, within=come_into_force)
    return True


def _authority_row(entry: CeremonyEntry, *, world: World) -> Authority:
    """Step 1: the key, and the row that knows it."""
    row = Authority.objects.filter(label=entry.label).first()
    if row is None:
        key = world.signer.create_authority_key(label=entry.label, role=entry.role, algorithm=entry.algorithm)
        parent = None if entry.parent is None else Authority.objects.get(label=entry.parent)
        Authority.objects.bulk_create(
            [
                Authority(
                    label=entry.label,
                    role=entry.role,
                    algorithm=entry.algorithm,
                    parent=parent,
                    public_key=key.public_key,
                    created_at=world.clock.now(),
                )
            ],
            ignore_conflicts=True,
        )
        row = Authority.objects.get(label=entry.label)
    parent_label = None if row.parent is None else row.parent.label
    if (row.role, row.algorithm, parent_label) != (entry.role, entry.algorithm, entry.parent):
        raise CeremonyError("this label stands for something else already", label=entry.label)
    return row


def _intend(entry: CeremonyEntry, row: Authority, order_key: str, *, acting: Acting, world: World) -> Intent:
    """Step 2: build, lint, store the intent; an interrupted ceremony finds its own again."""
    unfinished = [Intent.State.OPEN, Intent.State.STORED]
    known = Intent.objects.filter(order_key=order_key, state__in=unfinished).first()
    if known is not None:
        return known
    parent = row.parent
    issuer = None if parent is None else authorities.issuer_of(parent)
    signing = authorities.signing_side(row) if issuer is None else issuer
    profile = PROFILES[entry.role]
    now = world.clock.now()
    start = whole_second(now)
    end = start + timedelta(days=entry.days, seconds=-1)
    serial = new_serial()
    tbs = build_tbs(
        profile,
        issuer_certificate=None if issuer is None else issuer.certificate,
        issuer_algorithm=signing.algorithm,
        subject=entry.name,
        public_key=bytes(row.public_key),
        serial=serial,
        not_before=start,
        not_after=end if issuer is None else min(end, issuer.not_after),
        urls=authorities.urls_for(world.policy, signing.label, 0),
        identify=None,
        policy_arc=world.policy.bank.policy_arc,
    )
    arc = world.policy.bank.policy_arc
    lint_before_signing(profile, tbs, issuer=issuer, algorithm=signing.algorithm, policy_arc=arc, now=now)
    with transaction.atomic(durable=True):
        intent = Intent.objects.create(
            order_key=order_key,
            order_sha256=hashlib.sha256(repr(entry.describe()).encode()).digest(),
            issuer=_signing_row(row, signing),
            serial=serial_text(serial),
            profile=profile.id,
            product=AUTHORITY,
            customer_id=entry.label,
            tbs=tbs,
            shard=0,
            created_at=now,
        )
        record_event(
            "certificate:intended",
            acting=acting,
            subject=intent.serial,
            at=now,
            issuer=signing.label,
            order=order_key,
            customer=entry.label,
            product=AUTHORITY,
            tbs_sha256=hashlib.sha256(tbs).hexdigest(),
            evidence=[],
        )
    return intent


def _signing_row(row: Authority, signing: Issuer) -> Authority:
    return row if signing.id == row.pk or row.parent is None else row.parent


def renew_ocsp_responders(*, acting: Acting, world: World) -> tuple[str, ...]:
    """Let every responder that ends within 30 days be followed by a new key; returns the labels made.

    The certificate of a responder cannot be revoked (RFC 6960 §4.2.2.2.1), so it is short-lived and each
    one gets a new key. The job that runs this needs nobody: the issuing authority signs it.
    """
    now = world.clock.now()
    with holding_order("ceremony"):
        parents = Authority.objects.filter(role=Authority.Role.ISSUING, not_after__gte=now)
        made = Round[str]("ca.renew_ocsp_responders", world.clock.now(), world.signer).each(
            parents.order_by("id").values_list("id", flat=True),
            lambda parent: _renew_responder(parent, now, acting=acting, world=world),
        )
    return tuple(label for label in made if label)


def _renew_responder(parent_id: int, now: datetime, *, acting: Acting, world: World) -> str:
    """Let one authority's responder be followed, if it is time; returns the label made, or nothing."""
    children = Authority.objects.filter(parent_id=parent_id, role=Authority.Role.OCSP)
    newest = children.order_by("-id").first()
    if newest is None:
        return ""
    if newest.certificate is None:
        # Interrupted: the same entry again.
        entry = _entry_like(children.filter(certificate__isnull=False).latest("id"), newest.label)
    elif newest.not_after is None or newest.not_after - now > _RENEW_BEFORE:
        return ""
    else:
        entry = _entry_like(newest, _next_label(newest.label))
    return entry.label if _make_authority(entry, acting=acting, world=world) else ""


def _entry_like(row: Authority, label: str) -> CeremonyEntry:
    """Describe the follower of a responder: same settings, its own number in the name."""
    facts = read_certificate(bytes(row.certificate or b"")).facts
    kept = [(kind, value) for kind, value in facts.subject_name.attributes if kind != "CN"]
    common_name = facts.subject_name.get("CN")[0].rsplit(" ", 1)[0]
    number = label.rsplit("-", 1)[1]
    life = facts.not_after - facts.not_before + timedelta(seconds=1)
    entry = CeremonyEntry(
        label=row.label,
        role=row.role,
        algorithm=row.algorithm,
        days=max(1, life.days),
        name=build_name(*kept, ("CN", f"{common_name} {number}")),
        parent=None if row.parent is None else row.parent.label,
    )
    return replace(entry, label=label)


def _next_label(label: str) -> str:
    stem, _, number = label.rpartition("-")
    return f"{stem}-{int(number) + 1}" if stem and number.isdigit() else f"{label}-2"
