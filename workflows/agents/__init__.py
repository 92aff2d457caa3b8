"""Agents: one run of one agent for one stage. Knows no Django model; the engine hands it everything."""
