"""The counts of wrong PINs, patterns and answers, with their locks, and the challenges move to the guard.

What was counted stays counted: a key at three wrong PINs has as many tries left afterwards as before, and a
locked one stays locked.
"""

from django.db import migrations, models
from django.utils import timezone

from dojang.guard.sealing import sealer

#: Model, counter, name of its subject.
COUNTED = (
    ("WalletKey", "wallet_pin", "key"),
    ("DeviceKey", "device_pattern", "key"),
    ("Biometric", "device_biometric", "biometric"),
)
#: Stands until the next try, which brings the bank's own figure.
LIMIT = 5
MOVE = """
INSERT INTO guard_challenge (id, key, purpose, subject, origin, browser, body, made_at, until, used_at)
SELECT id, key, purpose, device_key_id, '', '', challenge, created_at, expires_at, used_at
FROM wallet_challenge
"""


def carry_over(apps, schema_editor):
    """Make a counter for every row in use that has counted, and a lock for every locked one."""
    del schema_editor
    counters, locks = apps.get_model("guard", "FactorCounter"), apps.get_model("guard", "FactorLock")
    for model, factor, kind in COUNTED:
        rows, counted = apps.get_model("wallet", model).objects, models.Q(errors__gt=0)
        # Retired keys and what was ended are never tried again.
        if model == "Biometric":
            used = rows.filter(counted, ended_at=None)
        else:
            used = rows.filter(counted | models.Q(state="locked")).exclude(state="retired")
        for row in used.iterator():
            locked_at = None
            if getattr(row, "state", "") == "locked":
                locked_at = row.locked_at or timezone.now()
            counter = counters.objects.create(
                factor=factor,
                subject=sealer().blind_index(f"counter.{factor}", f"{kind}:{row.id}"),
                window_start=row.created_at,
                limit=LIMIT,
                errors=row.errors,
                total=row.errors,
                locked_at=locked_at,
            )
            if locked_at is not None:
                locks.objects.create(counter=counter, locked_at=locked_at)


class Migration(migrations.Migration):
    dependencies = [("wallet", "0004_biometric"), ("guard", "0002_challenge")]
    operations = [
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="walletkey", name="errors"),
        migrations.RemoveField(model_name="devicekey", name="errors"),
        migrations.RemoveField(model_name="biometric", name="errors"),
        migrations.DeleteModel(name="Challenge"),
    ]
