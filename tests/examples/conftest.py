from tests.live_service import live_service, operator_key

__all__ = ["live_service", "operator_key"]
