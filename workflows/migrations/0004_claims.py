import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery


def fill_owner_and_provider(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    executions = apps.get_model("workflows", "Execution").objects.using(schema_editor.connection.alias)
    stages = apps.get_model("workflows", "Stage").objects.filter(uid=OuterRef("stage_id"))
    executions.filter(owner=None).update(owner_id=Subquery(stages.values("workflow__owner_id")[:1]))
    executions.filter(provider="").update(provider=Subquery(stages.values("provider")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        ("workflows", "0003_model_prices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(model_name="execution", name="execution_live"),
        migrations.AddField(
            model_name="execution",
            name="attempt_log",
            field=models.JSONField(
                default=list,
                help_text="How each attempt ended that did not end the execution: attempt, end, detail, at.",
            ),
        ),
        migrations.AddField(
            model_name="execution",
            name="lost_attempts",
            field=models.PositiveIntegerField(
                default=0,
                help_text="How many of them ended with their worker, or with an error that nobody foresaw.",
            ),
        ),
        migrations.AddField(
            model_name="execution",
            name="owner",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="execution",
            name="attempts",
            field=models.PositiveIntegerField(default=0, help_text="How often it was claimed."),
        ),
        migrations.AlterField(
            model_name="execution",
            name="lease_owner",
            field=models.CharField(blank=True, help_text="The worker process that holds it.", max_length=64),
        ),
        migrations.AlterField(
            model_name="workflow",
            name="mode",
            field=models.CharField(
                choices=[("sequential", "Sequential"), ("parallel", "Parallel")], default="sequential", max_length=12
            ),
        ),
        migrations.RunPython(fill_owner_and_provider, migrations.RunPython.noop),
    ]
