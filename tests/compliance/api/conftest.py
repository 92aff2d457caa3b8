from tests.api_people import api_as

__all__ = ["api_as"]
