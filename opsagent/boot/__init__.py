"""What brings the agent and its engine up at boot, and keeps them there."""
