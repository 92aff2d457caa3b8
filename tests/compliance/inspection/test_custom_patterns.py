"""Which expressions a policy may bring along."""

import pytest

from compliance.inspection.custom_patterns import UnusablePattern, compile_custom_pattern


@pytest.mark.parametrize(
    "expression",
    [
        r"\bEMP-[0-9]{6}\b",
        "[a+]+x",
        r"\(a+\)+",
        r"[]a)]+(?:b)+",
        "(a+){1,3}b",
        "(?i)project (?:falcon|heron)",
        "[[:alpha:]]+-[0-9]+",
        "(?:EMP|STAFF)-[0-9]+",
        "EMP-[0-9]{1,9}|STAFF(?:-[0-9]{1,9})?",
        r"[|]+x\|y+",
    ],
)
def test_a_plain_expression_is_taken(expression: str) -> None:
    compile_custom_pattern(expression)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(a+)+$", "repeat inside a repeat"),
        ("(?:(?:a*)b)*d", "repeat inside a repeat"),
        ("(x{2,})+y", "repeat inside a repeat"),
        ("[a-z ]{1,900}[0-9]", "steps, over 150"),
        ("(a{1,500}){1,500}", "RE2"),
        (r"(a)\1", "RE2"),
        ("(?=a)b", "RE2"),
        ("(", "RE2"),
        ("a.*z|ab", "one of several alternatives"),
        ("ab(?:x|c.+?z)", "one of several alternatives"),
        ("(?:a|(?:b{2,}z))c", "one of several alternatives"),
        ("ab(.*z)?", "may be left out"),
        ("ab(.*z)??", "may be left out"),
        ("(.*z){0,1}ab", "may be left out"),
        (r"\Q(\Ea.*z|ab", "backslash before each"),
        ("a*", "empty text"),
        (".", "single character"),
        ("[0-9]+", "single character"),
        ("字", "Latin-1"),
        ("", "1 to 500 characters"),
        ("a" * 501, "1 to 500 characters"),
    ],
)
def test_an_unusable_expression_is_refused_with_the_reason(expression: str, reason: str) -> None:
    with pytest.raises(UnusablePattern, match=reason):
        compile_custom_pattern(expression)
