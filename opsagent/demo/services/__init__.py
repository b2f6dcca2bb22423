"""Three small services and a load generator for the demo: gateway → api → store. Standard library only.

Each is a program (`python -P -m opsagent.demo.services.store`) that knows nothing of the agent.
"""
