"""A run ends by placing an order: what issuing wrote into its row is the order's now."""

from django.db import migrations, models

from dojang.guard.sealing import SealBrokenError, sealer

BATCH = 500


def leave_to_orders(apps, schema_editor):
    """Close every run that has an order, and take out of its sealed part what the order holds instead."""
    runs, orders = apps.get_model("ra", "Run"), apps.get_model("issuing", "Order")
    ordered = runs.objects.filter(id__in=orders.objects.values("id")).only("id", "body", "touched_at")
    for run in ordered.iterator(chunk_size=BATCH):
        ended = {"state": "ordered", "end_reason": "", "lease": "", "leased_at": None, "waits_for": None}
        try:
            body = sealer().open(bytes(run.body), table="ra_run", column="body", row=run.id)
        except SealBrokenError:
            pass
        else:
            body["progress"]["facts"].pop("pattern", None)
            body["progress"]["stopped"] = None
            kept = {"progress": body["progress"]}
            ended["body"] = sealer().seal(kept, table="ra_run", column="body", row=run.id)
        runs.objects.filter(id=run.id).update(**ended)


class Migration(migrations.Migration):
    dependencies = [("ra", "0003_counters_moved"), ("issuing", "0001_orders")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("UsedEvidence")]),
        migrations.RemoveConstraint("run", "ra_one_live_run"),
        migrations.RunPython(leave_to_orders, migrations.RunPython.noop),
        migrations.RemoveIndex("run", "ra_run_due"),
        migrations.RemoveIndex("run", "ra_run_untidy"),
        migrations.RemoveIndex("run", "ra_run_delivering"),
        migrations.RemoveField("run", "deliver_until"),
        migrations.RemoveField("run", "issuing_at"),
        migrations.RemoveField("run", "replaces"),
        migrations.RemoveField("run", "stored_at"),
        migrations.RemoveField("run", "tidied"),
        migrations.AlterField(
            "run",
            "state",
            models.CharField(
                choices=[
                    ("open", "Open"),
                    ("ordered", "Ordered"),
                    ("failed", "Failed"),
                    ("expired", "Expired"),
                    ("cancelled", "Cancelled"),
                ],
                default="open",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            "run",
            models.Index(condition=models.Q(("state", "open")), fields=["idle_until"], name="ra_run_due"),
        ),
        migrations.AddConstraint(
            "run",
            models.UniqueConstraint(
                condition=models.Q(("state", "open"), models.Q(("customer_id", ""), _negated=True)),
                fields=("customer_id", "product"),
                name="ra_one_open_run",
            ),
        ),
    ]
