"""Challenges move to the one table of the guard."""

from django.db import migrations

MOVE = """
INSERT INTO guard_challenge (id, key, purpose, subject, origin, browser, body, made_at, until, used_at)
SELECT replace(id::text, '-', ''), '', purpose, '', origin, browser, body, made_at, until, used_at
FROM account_challenge
"""


class Migration(migrations.Migration):
    dependencies = [("account", "0003_seen_browser"), ("guard", "0002_challenge")]
    operations = [
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
        migrations.DeleteModel(name="Challenge"),
    ]
