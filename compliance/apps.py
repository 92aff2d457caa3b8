from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ComplianceConfig(AppConfig):
    name = "compliance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from compliance import checks  # noqa: F401  (registers the system checks)
        from compliance.append_only import install_after_migrate
        from compliance.policies_in_force import publish_after_migrate

        # Every app's migrations can rebuild a protected table, so this listens to all senders.
        post_migrate.connect(install_after_migrate, dispatch_uid="install_append_only_triggers")
        post_migrate.connect(publish_after_migrate, sender=self, dispatch_uid="publish_builtin_policies")
