"""The conversation: what a person says becomes steps, and what comes of them becomes what is said back.

The conversation has no way of its own to act: `opsagent.carrying` carries out, the guard rules, the journal remembers.
"""
