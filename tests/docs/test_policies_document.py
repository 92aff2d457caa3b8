"""The policy that docs/policies.md shows is one, and its table of actions leaves none out."""

import re
from pathlib import Path
from typing import get_args

from compliance.policy import ContentAction, load_policy_yaml

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "policies.md").read_text()


def test_the_policy_on_the_page_is_valid() -> None:
    shown = re.search(r"```yaml\n(name: .*?)```", PAGE, re.DOTALL)
    assert shown is not None
    assert load_policy_yaml(shown[1]).name == "trial_letters"


def test_every_action_is_explained() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(get_args(ContentAction))
