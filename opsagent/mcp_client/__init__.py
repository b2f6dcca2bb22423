"""MCP servers of others, as tools that a chat model may look with. Their words are untrusted, their process is another one."""
