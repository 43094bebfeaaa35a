"""Counters, attempts and locks are the guard's now; their tables were taken over there."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ra", "0002_devices"), ("guard", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel("FactorLock"),
                migrations.DeleteModel("Attempt"),
                migrations.DeleteModel("FactorCounter"),
            ]
        )
    ]
