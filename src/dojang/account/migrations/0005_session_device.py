from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("account", "0004_challenges_moved"),
    ]

    operations = [
        migrations.AddField(
            model_name="session",
            name="device_id",
            field=models.CharField(default="", max_length=64),
        ),
    ]
