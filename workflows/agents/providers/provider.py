"""What a provider is to the runner."""

from typing import Protocol

from workflows.agents.settings import AgentSettings
from workflows.agents.types import AgentResult, AgentWork, Documents, Ledger


class Provider(Protocol):
    """One way to run an agent."""

    @property
    def name(self) -> str:
        """The name that a stage gives."""

    def is_ready(self, has_stage_key: bool) -> bool:
        """Return whether it can serve a stage, given whether the stage brings its own key."""

    def missing(self) -> str:
        """Say what it needs where it is not ready."""

    async def run(self, work: AgentWork, journal: Ledger, documents: Documents, settings: AgentSettings) -> AgentResult:
        """Run the work to its end. Raises AgentFailure."""
