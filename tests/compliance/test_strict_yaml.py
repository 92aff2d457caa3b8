"""Policies in YAML: what is read, and what is refused in which line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.policy import PolicyDocument, PolicyError, builtin_policies, load_policy_yaml
from compliance.strict_yaml import MAX_BYTES, StrictYamlError, load_strict_yaml

SOX = next(policy for policy in builtin_policies() if policy.name == "sox")
TEXT = "name: mine\nversion: 1\ncapabilities:\n  default: []\n  ceiling: []\n"


def find_line(text: str) -> int | None:
    with pytest.raises(StrictYamlError) as refusal:
        load_strict_yaml(text)
    return refusal.value.line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: &x [1]\n", 2),
        ("a: 1\nb: *x\n", 2),
        ("a: 1\n\nb: !!python/object/apply:os.system ['true']\n", 3),
        ("a: !!set {x, y}\n", 1),
        ("a: 1\nb: 2\na: 3\n", 3),
        ("a:\n  b: 1\n  b: 1\n", 3),
        ("<<: {a: 1}\n", 1),
        ("1: a\n", 1),
        ("? [a]\n: b\n", 1),
        ("a: 2024-03-05\n", 1),
        ("a: 1.5\n", 1),
        ("a: 010\n", 1),
        ("a: 0x10\n", 1),
        ("a: 1:30\n", 1),
        ("a: yes\n", 1),
        ("a: [1\nb: 2\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: '\x07'\n", 1),
    ],
)
def test_what_a_policy_does_not_need_is_refused_with_its_line(text: str, line: int) -> None:
    # A character that no YAML may hold is told without a line.
    assert find_line(text) in (line, None)
    assert find_line(text) is not None or "\x07" in text


def test_aliases_that_would_expand_are_refused_unexpanded() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{after}: &{after} [{', '.join([f'*{name}'] * 9)}]\n"
        for name, after in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert find_line(bomb) == 1


def test_five_megabytes_are_refused_where_they_pass_the_limit() -> None:
    assert find_line("a: [" + "*x, " * 1_300_000) == 1
    assert find_line("# nothing\n" * 500_000) == MAX_BYTES // 10 + 1


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "a:\n "])
def test_deep_nesting_is_refused(opening: str) -> None:
    assert find_line(opening * 5_000) is not None


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ud800", "\x00"])
def test_a_text_without_a_document_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        load_policy_yaml(text)


def test_a_problem_in_the_document_has_path_and_line() -> None:
    with pytest.raises(PolicyError) as refusal:
        load_policy_yaml(TEXT + "  forbidden: [Nonsense]\nretention: 5\n")
    found = {(problem.path, problem.line) for problem in refusal.value.problems}
    assert {("capabilities.forbidden.0", 6), ("retention", 7), ("title", 1)} <= found


def test_a_doubled_key_has_its_path() -> None:
    with pytest.raises(PolicyError, match=r"^line 6: capabilities\.ceiling: the key 'ceiling' occurs twice"):
        load_policy_yaml(TEXT + "  ceiling: ['*']\n")


def test_plain_values_are_read() -> None:
    document, lines = load_strict_yaml("a: 1\nb: [true, 'yes', ~]\nc:\n  d: >-\n    x\n    y\n")
    assert document == {"a": 1, "b": [True, "yes", None], "c": {"d": "x y"}}
    assert (lines[("b", 1)], lines[("c", "d")]) == (2, 4)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        load_policy_yaml(text)
    except PolicyError:
        return
    pytest.fail("a random text passed for a policy")


def test_a_built_in_policy_in_yaml_is_the_same_as_in_json() -> None:
    as_yaml = json.dumps(SOX.model_dump(mode="json", exclude_unset=True))
    policy = load_policy_yaml(as_yaml)
    assert isinstance(policy, PolicyDocument)
    assert policy.digest == SOX.digest
