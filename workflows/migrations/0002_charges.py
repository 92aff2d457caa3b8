import json
import math
from collections import defaultdict
from decimal import Decimal

from django.db import migrations, models


def carry_charges_over(apps, schema_editor):
    """Put what executions that have not ended were charged so far, by their journals, into their ledgers."""
    execution_model = apps.get_model("workflows", "Execution")
    event_model = apps.get_model("workflows", "ExecutionEvent")
    charged = defaultdict(Decimal)
    live = event_model.objects.exclude(execution__status__in=["completed", "blocked", "failed", "cancelled"])
    for execution_id, entry in live.values_list("execution_id", "entry").iterator():
        charged[execution_id] += Decimal(json.loads(entry)["facts"].get("cents", 0))
    for execution_id, cents in charged.items():
        execution_model.objects.filter(id=execution_id).update(charged_nanocents=math.ceil(cents * 10**9))


class Migration(migrations.Migration):
    dependencies = [("workflows", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="execution",
            name="charged_nanocents",
            field=models.BigIntegerField(
                default=0,
                help_text="Charges and open reservations, in 1e-9 cent; changed by workflows.budgets alone.",
            ),
        ),
        migrations.RunPython(carry_charges_over, migrations.RunPython.noop),
    ]
