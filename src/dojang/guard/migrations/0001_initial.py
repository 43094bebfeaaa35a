"""Counters, attempts and locks move here from the registration room, rows and all."""

import django.db.models.deletion
from django.db import migrations, models

from dojang.guard.adopting import AdoptModel


class Migration(migrations.Migration):
    initial = True

    dependencies = [("ra", "0002_devices")]

    operations = [
        AdoptModel(
            former="ra_factorcounter",
            renamed={
                "ra_counter_customer": "guard_counter_customer",
                "ra_counter_once": "guard_counter_once",
            },
            name="FactorCounter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("factor", models.CharField(max_length=32)),
                ("subject", models.BinaryField(max_length=32)),
                ("customer_id", models.CharField(default="", max_length=64)),
                ("window_start", models.DateTimeField()),
                ("window", models.PositiveIntegerField(null=True)),
                ("limit", models.PositiveIntegerField()),
                ("errors", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveBigIntegerField(default=0)),
                ("locked_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["customer_id", "factor"], name="guard_counter_customer")],
                "constraints": [
                    models.UniqueConstraint(fields=("factor", "subject"), name="guard_counter_once")
                ],
            },
        ),
        AdoptModel(
            former="ra_attempt",
            renamed={"ra_attempt_open": "guard_attempt_open"},
            name="Attempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("run_id", models.CharField(db_index=True, max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("counted", "Counted"),
                            ("right", "Right"),
                            ("wrong", "Wrong"),
                            ("kept", "Kept"),
                            ("unanswered", "Unanswered"),
                        ],
                        default="counted",
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "counter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="guard.factorcounter",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "counted")),
                        fields=["counter"],
                        name="guard_attempt_open",
                    )
                ],
            },
        ),
        AdoptModel(
            former="ra_factorlock",
            renamed={"ra_lock_open_once": "guard_lock_open_once"},
            name="FactorLock",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("locked_at", models.DateTimeField()),
                ("opens_at", models.DateTimeField(null=True)),
                ("opened_at", models.DateTimeField(null=True)),
                ("opened_by", models.CharField(default="", max_length=64)),
                (
                    "counter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="locks",
                        to="guard.factorcounter",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("opened_at__isnull", True)),
                        fields=("counter",),
                        name="guard_lock_open_once",
                    )
                ],
            },
        ),
    ]
