import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='policy',
            options={'ordering': ['name', '-version', '-id'], 'verbose_name_plural': 'policies'},
        ),
        migrations.RemoveConstraint(
            model_name='policy',
            name='one_policy_per_version',
        ),
        migrations.AddField(
            model_name='policy',
            name='drafted_by',
            field=models.ForeignKey(help_text='Empty for what comes with the product.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.CreateModel(
            name='PolicyPublication',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('version', models.PositiveIntegerField()),
                ('published_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('policy', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='publication', to='compliance.policy')),
                ('published_by', models.ForeignKey(help_text='Empty for what comes with the product.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='PolicyRetirement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('retired_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('reason', models.CharField(max_length=400)),
                ('policy', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='retirement', to='compliance.policy')),
                ('retired_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddConstraint(
            model_name='policypublication',
            constraint=models.UniqueConstraint(fields=('name', 'version'), name='one_publication_per_version'),
        ),
    ]
