from collections.abc import Callable

from django.contrib.auth.models import User
from rest_framework.test import APIClient

PRESETS = "/api/v1/compliance/presets"


def test_the_built_in_policies_are_described(
    make_account: Callable[..., User], client_of: Callable[[User], APIClient]
) -> None:
    response = client_of(make_account("viewer")).get(PRESETS)
    assert response.status_code == 200
    presets = {preset["key"]: preset for preset in response.json()}
    assert list(presets) == ["default", "hipaa", "sox", "legal_privilege"]
    assert presets["sox"]["human_approvals"] == 1
    assert presets["hipaa"]["retention_days"] == 2190
    assert presets["hipaa"]["forbidden_permissions"] == ["network:smtp:send:external"]
    assert presets["default"]["permissions"] == ["*"]
    assert presets["legal_privilege"]["aliases"] == ["legal"]
    assert all(preset["required_proofs"] and preset["name"] and preset["description"] for preset in presets.values())
    for preset in presets.values():
        assert set(preset["permissions"]) <= set(preset["max_permissions"])


def test_they_need_a_key(anonymous: APIClient) -> None:
    assert anonymous.get(PRESETS).status_code == 401
