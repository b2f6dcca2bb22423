from tests.integration.agent.conftest import place

__all__ = ["place"]
