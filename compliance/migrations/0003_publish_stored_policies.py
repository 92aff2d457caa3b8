from django.db import migrations


def publish_stored_policies(apps, schema_editor):
    """Until now every stored policy was one that came with the product, and published."""
    policy_model = apps.get_model("compliance", "Policy")
    publication_model = apps.get_model("compliance", "PolicyPublication")
    for policy in policy_model.objects.filter(publication__isnull=True):
        publication_model.objects.create(
            policy=policy, name=policy.name, version=policy.version, published_at=policy.created_at
        )


def leave_publications(apps, schema_editor):
    """The table goes with the migration before this one; its rows are append-only."""


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0002_policy_lifecycle'),
    ]

    operations = [
        migrations.RunPython(publish_stored_policies, leave_publications),
    ]
