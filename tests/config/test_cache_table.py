import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from compliance.cache_table import make_table_after_migrate
from config import settings as product


@pytest.mark.django_db
def test_the_shared_cache_has_its_table_after_migrate_and_a_second_migrate_does_no_harm(settings: Settings) -> None:
    settings.CACHES = product.CACHES
    for _ in range(2):
        make_table_after_migrate(using="default")
    assert product.CACHES["default"]["LOCATION"] in connection.introspection.table_names()
    caches["default"].set("throttle", [1.5, 2.5], 60)
    assert caches["default"].get("throttle") == [1.5, 2.5]


@pytest.mark.django_db
def test_no_model_has_changed_without_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
