"""The record of uses lies with the wallet; the database itself refuses to change or delete a line."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from dojang.guard.adopting import AdoptModel

SQL = """
DROP TRIGGER IF EXISTS rp_use_final ON wallet_use;
DROP TRIGGER IF EXISTS rp_use_final_whole ON wallet_use;
DROP FUNCTION IF EXISTS rp_use_is_final();
CREATE FUNCTION wallet_use_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a recorded use is never changed or deleted';
END $$;
CREATE TRIGGER wallet_use_final BEFORE UPDATE OR DELETE ON wallet_use
    FOR EACH ROW EXECUTE FUNCTION wallet_use_is_final();
CREATE TRIGGER wallet_use_final_whole BEFORE TRUNCATE ON wallet_use
    FOR EACH STATEMENT EXECUTE FUNCTION wallet_use_is_final();
"""
# The lines stay on the way back, too: the table is given its earlier name.
BACK = """
DROP TRIGGER wallet_use_final ON wallet_use;
DROP TRIGGER wallet_use_final_whole ON wallet_use;
DROP FUNCTION wallet_use_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [("ca", "0002_guards"), ("wallet", "0005_counters_moved")]
    operations = [
        AdoptModel(
            former="rp_use",
            renamed={
                "rp_use_certificate": "wallet_use_certificate",
                "rp_use_customer": "wallet_use_customer",
                "rp_use_once": "wallet_use_once",
            },
            name="Use",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("customer_id", models.CharField(max_length=64)),
                ("purpose", models.CharField(max_length=40)),
                ("outcome", models.CharField(max_length=16)),
                ("origin", models.CharField(max_length=200)),
                ("channel", models.CharField(max_length=16)),
                ("source", models.CharField(max_length=45)),
                ("agent", models.CharField(max_length=80)),
                ("challenge_id", models.UUIDField()),
                ("at", models.DateTimeField()),
                (
                    "certificate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="uses", to="ca.certificate"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["customer_id", "-at"], name="wallet_use_customer"),
                    models.Index(fields=["certificate", "-at"], name="wallet_use_certificate"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("outcome", "accepted")),
                        fields=("challenge_id",),
                        name="wallet_use_once",
                    )
                ],
            },
        ),
        migrations.RunSQL(SQL, BACK),
    ]
