"""An order becomes a row of its own: every run that ever spent its evidence gets one, and nothing is lost."""

import base64

import django.db.models.deletion
from django.db import migrations, models

from dojang.guard.adopting import AdoptModel
from dojang.guard.sealing import SealBrokenError, sealer

LIVING = {"issuing": "placed", "delivering": "delivering"}
BATCH = 500


def place_orders(apps, schema_editor):
    """Give each run its order, as it would stand had it been placed by this release."""
    orders, runs = apps.get_model("issuing", "Order"), apps.get_model("ra", "Run")
    made = []
    for run in (
        runs.objects.filter(issuing_at__isnull=False).order_by("issuing_at").iterator(chunk_size=BATCH)
    ):
        made.append(order_of(run, orders))
        if len(made) == BATCH:
            orders.objects.bulk_create(made)
            made = []
    orders.objects.bulk_create(made)


def order_of(run, orders):
    body = open_run(run)
    order, facts = body["order"], body["progress"]["facts"]
    state = LIVING.get(run.state, run.state)
    row = orders(
        id=run.id,
        product=run.product,
        profile=run.product,
        customer_id=run.customer_id,
        origin="journey",
        custody=order.get("custody", "wallet"),
        key_id=order.get("key_id", ""),
        evidence=sorted(run.spent.values_list("id", flat=True)),
        replaces=run.replaces,
        state=state,
        end_reason=run.end_reason,
        placed_at=run.issuing_at,
        deliver_until=run.deliver_until,
        stored_at=run.stored_at,
        ended_at=run.ended_at,
        tidied=run.tidied,
    )
    row.body = sealer().seal(
        {**on_the_way(order, facts), "name": order.get("name", ""), "contact": new_contact(facts)},
        table="issuing_order",
        column="body",
        row=row.id,
    )
    return row


def open_run(run):
    """Open a run's sealed part; of one that does not open only the row is known, and its order will fail."""
    try:
        return sealer().open(bytes(run.body), table="ra_run", column="body", row=run.id)
    except SealBrokenError:
        return {"order": {}, "progress": {"facts": {}}}


def on_the_way(order, facts):
    """Return what only the way to the device needs; a done run has given it up before."""
    pattern, device = facts.get("pattern"), facts.get("device")
    return {
        "challenge": order.get("challenge", ""),
        "proof_key": "" if pattern is None else base64.b64decode(pattern["values"]["proof_key"]).hex(),
        "label": order.get("label", ""),
        "platform": order.get("platform", ""),
        "app_version": "" if device is None else str(device["values"].get("app_version", "")),
    }


def new_contact(facts):
    """Return what the bank has yet to register, as an order holds it."""
    contact = facts.get("contact")
    if contact is None:
        return None
    values = contact["values"]
    given = {name: str(values[name]) for name in ("email", "address") if name in values}
    changed = [name for name, value in given.items() if value != values.get(f"old_{name}")]
    if not changed:
        return None
    return {
        "email": str(values["email"]),
        "address": given["address"] if "address" in changed else "",
        "changed": changed,
    }


class Migration(migrations.Migration):
    initial = True

    dependencies = [("guard", "0001_initial"), ("ra", "0003_counters_moved")]

    operations = [
        migrations.CreateModel(
            name="BroughtKey",
            fields=[
                ("id", models.CharField(max_length=160, primary_key=True, serialize=False)),
                ("order_id", models.CharField(db_index=True, max_length=32)),
                ("customer_id", models.CharField(max_length=64)),
                ("product", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[("prepared", "Prepared"), ("live", "Live"), ("retired", "Retired")],
                        default="prepared",
                        max_length=8,
                    ),
                ),
                ("algorithm", models.CharField(max_length=16)),
                ("public_key", models.BinaryField()),
                ("fingerprint", models.BinaryField(max_length=32, unique=True)),
                ("created_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("product", models.CharField(max_length=16)),
                ("profile", models.CharField(max_length=32)),
                ("customer_id", models.CharField(max_length=64)),
                ("origin", models.CharField(max_length=16)),
                (
                    "custody",
                    models.CharField(
                        choices=[("wallet", "Wallet"), ("device", "Device"), ("csr", "Csr")], max_length=8
                    ),
                ),
                ("key_id", models.CharField(max_length=160)),
                ("evidence", models.JSONField(default=list)),
                ("replaces", models.CharField(default="", max_length=32)),
                ("not_after", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("placed", "Placed"),
                            ("delivering", "Delivering"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="placed",
                        max_length=10,
                    ),
                ),
                ("end_reason", models.CharField(default="", max_length=40)),
                ("placed_at", models.DateTimeField()),
                ("deliver_until", models.DateTimeField(null=True)),
                ("stored_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("tidied", models.BooleanField(default=False)),
                ("body", models.BinaryField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["placed", "delivering"])),
                        fields=["placed_at"],
                        name="issuing_order_live",
                    ),
                    models.Index(
                        condition=models.Q(("state", "done"), ("tidied", False)),
                        fields=["ended_at"],
                        name="issuing_order_untidy",
                    ),
                    models.Index(fields=["customer_id", "-placed_at"], name="issuing_order_customer"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["placed", "delivering"])),
                        fields=("customer_id", "product"),
                        name="issuing_one_live_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["placed", "delivering", "done", "failed"])),
                        name="issuing_order_state",
                    ),
                ],
            },
        ),
        AdoptModel(
            former="ra_usedevidence",
            renamed={},
            name="UsedEvidence",
            fields=[
                ("id", models.CharField(max_length=160, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=64)),
                ("purpose", models.CharField(max_length=64)),
                ("customer_id", models.CharField(default="", max_length=64)),
                ("proven_at", models.DateTimeField()),
                ("used_at", models.DateTimeField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="spent", to="ra.run"
                    ),
                ),
            ],
        ),
        migrations.RunPython(place_orders, migrations.RunPython.noop),
        migrations.RenameField("usedevidence", "run", "order"),
        migrations.AlterField(
            "usedevidence",
            "order",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="used_evidence", to="issuing.order"
            ),
        ),
    ]
