"""Patterns that a policy document brings along: which expressions are taken, and what they find.

They run on RE2 like all others, in time linear in the text. What is refused all the same: what RE2 cannot run
(references back, looking around), what counts so high that it would be slow, a repeat inside a repeat, which in other
engines takes for ever and is nearly always a mistake, and what matches the empty text.
"""

from __future__ import annotations

from functools import lru_cache

from compliance.inspection.patterns import Pattern

MAX_EXPRESSION_LENGTH = 500
_MAX_MEMORY = 8 << 20
# In RE2's instructions. Past it, and out of memory, a megabyte of text takes seconds.
_MAX_PROGRAM = 300


class UnusablePattern(ValueError):
    """An expression that a policy may not bring along. The message says why, for its author."""


@lru_cache(maxsize=256)
def compile_custom_pattern(expression: str) -> Pattern:
    """Compile an expression out of a policy document. It is matched in the normalised text, case counts.

    Raises UnusablePattern.
    """
    if not 1 <= len(expression) <= MAX_EXPRESSION_LENGTH:
        raise UnusablePattern(f"an expression has 1 to {MAX_EXPRESSION_LENGTH} characters")
    if _has_repeat_in_repeat(expression):
        raise UnusablePattern("a repeat inside a repeat, as in (a+)+: write it without the inner or the outer one")
    try:
        pattern = Pattern(expression, max_memory=_MAX_MEMORY)
    except UnicodeEncodeError as error:
        raise UnusablePattern("it holds a character beyond Latin-1, which the normalised text never has") from error
    except Exception as error:  # re2's error is not among its public names
        raise UnusablePattern(f"it is no expression that RE2 takes: {_explain(error)}") from error
    if pattern.program_size > _MAX_PROGRAM:
        raise UnusablePattern(
            f"it comes to {pattern.program_size} steps, over {_MAX_PROGRAM}: lower what its braces count up to"
        )
    if pattern.is_in(b"") or pattern.is_in(b"\x1a"):
        raise UnusablePattern("it matches the empty text or any character at all, so it says nothing")
    return pattern


def _explain(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("latin-1") if isinstance(said, bytes) else str(said)


def _has_repeat_in_repeat(expression: str) -> bool:
    """Whether a group that holds an unbounded repeat is itself repeated without bound."""
    holds_repeat = [False]
    closed = False  # whether what stands just before is a group that holds a repeat
    index = 0
    while index < len(expression):
        character = expression[index]
        width, was_closed = 1, closed
        closed = False
        if character == "\\":
            width = 2
        elif character == "[":
            width = _find_class_end(expression, index) - index
        elif character == "(":
            holds_repeat.append(False)
        elif character == ")" and len(holds_repeat) > 1:
            inner = holds_repeat.pop()
            holds_repeat[-1] |= inner
            closed = inner
        elif repeat := _read_repeat(expression, index):
            if was_closed:
                return True
            holds_repeat[-1] = True
            width = repeat
        index += width
    return False


def _find_class_end(expression: str, start: int) -> int:
    """Return the index after a character class that opens at `start`."""
    index = start + 1
    if expression[index : index + 1] == "^":
        index += 1
    if expression[index : index + 1] == "]":
        index += 1
    while index < len(expression) and expression[index] != "]":
        if expression.startswith("[:", index):
            named = expression.find(":]", index)
            index = named + 2 if named > 0 else index + 2
        else:
            index += 2 if expression[index] == "\\" else 1
    return index + 1


def _read_repeat(expression: str, index: int) -> int:
    """Return how many characters an unbounded repeat takes that stands at `index`; 0 where none does."""
    if expression[index] in "*+":
        return 1
    end = expression.find("}", index)
    if expression[index] == "{" and end > 0 and expression[index + 1 : end].rstrip(",").isdigit():
        return end - index + 1 if expression[end - 1] == "," else 0
    return 0
