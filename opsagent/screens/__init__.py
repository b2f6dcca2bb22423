"""Procedures on screens, as the agent has them: remembered, ruled on, journalled, played, checked and learnt from."""
