from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ComplianceConfig(AppConfig):
    name = "compliance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from compliance import checks  # noqa: F401  (registers the system checks)
        from compliance.append_only import install_after_migrate
        from compliance.cache_table import make_table_after_migrate
        from compliance.policies_in_force import publish_after_migrate
        from compliance.roles import make_groups_after_migrate

        # Every app's migrations can rebuild a protected table, so this listens to all senders.
        post_migrate.connect(install_after_migrate, dispatch_uid="install_append_only_triggers")
        post_migrate.connect(publish_after_migrate, sender=self, dispatch_uid="publish_builtin_policies")
        post_migrate.connect(make_table_after_migrate, sender=self, dispatch_uid="make_cache_table")
        post_migrate.connect(
            make_groups_after_migrate, sender=apps.get_app_config("auth"), dispatch_uid="make_role_groups"
        )
