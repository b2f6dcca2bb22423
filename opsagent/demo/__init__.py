"""The story that shows the agent at work, and the services that it is told with."""
