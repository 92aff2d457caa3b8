"""What a tool is, as far as compliance is concerned: its name, its arguments and the capability of a call."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class ToolDeclaration:
    """A tool that agents can be offered.

    `capability` gives the capability that one call needs, out of its validated arguments, and raises
    ValueError with an explanation where the arguments name no possible one. Every capability it gives lies
    below `capability_prefix` (`document:read`), so that a tool can be left out where a grant reaches nothing
    there.
    `idempotent` tells whether a call may be repeated when its outcome is unknown.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    capability_prefix: str
    capability: Callable[[Any], str]
    idempotent: bool

    def arguments_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments."""
        return self.arguments.model_json_schema()


class ToolRegistry:
    """Declarations by name."""

    def __init__(self) -> None:
        self._declarations: dict[str, ToolDeclaration] = {}

    def register(self, declaration: ToolDeclaration) -> ToolDeclaration:
        """Add a declaration and return it. Raises ValueError where its name is taken by another one."""
        known = self._declarations.setdefault(declaration.name, declaration)
        if known is not declaration:
            raise ValueError(f"a tool named {declaration.name!r} is already declared; give this one another name")
        return declaration

    def get(self, name: str) -> ToolDeclaration | None:
        """Return the declaration of that name, or None."""
        return self._declarations.get(name)

    def all(self) -> tuple[ToolDeclaration, ...]:
        """Return all declarations, by name."""
        return tuple(declaration for _, declaration in sorted(self._declarations.items()))

    def __iter__(self) -> Iterator[ToolDeclaration]:
        return iter(self.all())


catalogue = ToolRegistry()
