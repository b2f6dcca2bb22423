"""The agent as an MCP server: programs read, and propose. Nothing runs because of them; a person says yes elsewhere."""
