"""Patterns that a policy document brings along: which expressions are taken, and what they find.

They run on RE2 like all others, which finds one match in time linear in the text. Refused is what RE2 cannot run
(references back, looking around), what counts so high that it would be slow, what could take linear time for each of
many matches (an open-ended repeat in an alternative, in a group that may be left out, or in another repeat, which in
other engines takes for ever and is nearly always a mistake), and what matches the empty text or one character.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from compliance.inspection.patterns import Pattern

MAX_EXPRESSION_LENGTH = 500
_MAX_MEMORY = 8 << 20
# In RE2's instructions, of one expression and of all that a policy has. Where its automaton runs out of memory, a
# megabyte of text takes some 6 ms for each.
_MAX_PROGRAM = 150
MAX_STEPS_TOGETHER = 600
_ALTERNATIVE = "an open-ended repeat (*, + or {n,}) in one of several alternatives: bound it, as in {1,40}"


class UnusablePattern(ValueError):
    """An expression that a policy may not bring along. The message says why, for its author."""


@lru_cache(maxsize=256)
def compile_custom_pattern(expression: str) -> Pattern:
    """Compile an expression out of a policy document. It is matched in the normalised text, case counts.

    Raises UnusablePattern.
    """
    if not 1 <= len(expression) <= MAX_EXPRESSION_LENGTH:
        raise UnusablePattern(f"an expression has 1 to {MAX_EXPRESSION_LENGTH} characters")
    endless = _find_endless_search(expression)
    if endless is not None:
        raise UnusablePattern(endless)
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
    if pattern.is_in(b""):
        raise UnusablePattern("it matches the empty text, so it says nothing")
    if any(pattern.is_in(bytes([character])) for character in range(256)):
        raise UnusablePattern("it matches a single character: nearly every text would be full of findings")
    return pattern


def _explain(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("latin-1") if isinstance(said, bytes) else str(said)


@dataclass
class _Group:
    """What was read of a group: whether an open-ended repeat is in it, and whether it offers alternatives."""

    repeats: bool = False
    chooses: bool = False


def _find_endless_search(expression: str) -> str | None:
    """Return what in an expression can have each of its matches cost a look through the whole text; None for nothing.

    After a short match the engine goes on while a longer one is possible. Where an open-ended repeat is what may make
    it longer, and then does not, each match of a dense text reads all that is left of it.
    """
    if r"\Q" in expression:
        return r"\Q: write a backslash before each character that it quotes"
    groups = [_Group()]
    closed = _Group()  # what stands just before, where that is a group
    index = 0
    while index < len(expression):
        character = expression[index]
        width, before = 1, closed
        closed = _Group()
        if before.repeats and (character == "?" or expression.startswith(("{0,", "{0}"), index)):
            return "an open-ended repeat (*, + or {n,}) in a group that may be left out: bound it, as in {1,40}"
        if character == "\\":
            width = 2
        elif character == "[":
            width = _find_class_end(expression, index) - index
        elif character == "(":
            groups.append(_Group())
        elif character == "|":
            groups[-1].chooses = True
        elif character == ")" and len(groups) > 1:
            closed = groups.pop()
            groups[-1].repeats |= closed.repeats
            if closed.repeats and closed.chooses:
                return _ALTERNATIVE
        elif repeat := _read_repeat(expression, index):
            if before.repeats:
                return "a repeat inside a repeat, as in (a+)+: write it without the inner or the outer one"
            groups[-1].repeats = True
            width = repeat
        index += width
    return _ALTERNATIVE if groups[0].repeats and groups[0].chooses else None


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
