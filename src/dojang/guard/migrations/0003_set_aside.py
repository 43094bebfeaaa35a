"""Notes of rows that a round could not handle."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("guard", "0002_challenge")]
    operations = [
        migrations.CreateModel(
            name="SetAside",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("round", models.CharField(max_length=64)),
                ("row", models.CharField(max_length=64)),
                ("why", models.CharField(max_length=64)),
                ("times", models.PositiveIntegerField()),
                ("since", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("round", "row"), name="guard_aside_once")]
            },
        ),
    ]
