from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("workflows", "0005_claim_indexes")]

    operations = [migrations.RemoveField(model_name="execution", name="woken_at")]
