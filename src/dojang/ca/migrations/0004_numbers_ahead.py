"""Let each session draw numbers of holders ahead: drawing one alone was a write of its own."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ca", "0003_crl_numbers")]
    operations = [
        migrations.RunSQL(
            "ALTER SEQUENCE ca_subscriber_number CACHE 256", "ALTER SEQUENCE ca_subscriber_number CACHE 1"
        )
    ]
