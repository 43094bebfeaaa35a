"""Notes of rows that a round could not handle, and marks of the keys the database was sealed with."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("guard", "0002_challenge")]
    operations = [
        migrations.CreateModel(
            name="KeyMark",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("mark", models.BinaryField(max_length=32)),
            ],
        ),
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
