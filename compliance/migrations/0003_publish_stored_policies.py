from django.db import migrations

from compliance.append_only import triggers_lifted


def publish_stored_policies(apps, schema_editor):
    """Until now every stored policy was one that came with the product, and published."""
    policy_model = apps.get_model("compliance", "Policy")
    publication_model = apps.get_model("compliance", "PolicyPublication")
    for policy in policy_model.objects.filter(publication__isnull=True):
        publication_model.objects.create(
            policy=policy, name=policy.name, version=policy.version, published_at=policy.created_at
        )


def remove_drafts(apps, schema_editor):
    """Without publications every stored policy is in force, which no draft may be that one person wrote."""
    drafts = apps.get_model("compliance", "Policy").objects.filter(publication__isnull=True)
    withdrawals = apps.get_model("compliance", "PolicyRetirement").objects.filter(policy__publication__isnull=True)
    if drafts.exists():
        with triggers_lifted(schema_editor.connection):
            withdrawals.delete()
            drafts.delete()
            # No trigger can be made on a table while a foreign key to it is still to be checked.
            schema_editor.connection.check_constraints()


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0002_policy_lifecycle'),
    ]

    operations = [
        migrations.RunPython(publish_stored_policies, remove_drafts),
    ]
