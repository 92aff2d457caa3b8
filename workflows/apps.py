from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from workflows.queue import connect_worker_signals

        connect_worker_signals(_start_stage_loop)


def _start_stage_loop() -> None:
    # Only here: a web process needs no engine.
    from workflows.worker_process import start_stage_loop

    start_stage_loop()
