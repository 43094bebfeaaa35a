"""One table for every challenge; the rooms that had their own move their rows here."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("guard", "0001_initial")]
    operations = [
        migrations.CreateModel(
            name="Challenge",
            fields=[
                ("id", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("key", models.CharField(default="", max_length=200)),
                ("purpose", models.CharField(max_length=200)),
                ("subject", models.CharField(default="", max_length=160)),
                ("origin", models.CharField(default="", max_length=200)),
                ("browser", models.CharField(default="", max_length=64)),
                ("body", models.BinaryField()),
                ("made_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["until"], name="guard_challenge_until")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("key", ""), _negated=True),
                        fields=("key",),
                        name="guard_challenge_once",
                    )
                ],
            },
        ),
    ]
