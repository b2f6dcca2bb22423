"""The reading tools carried out: questions are answered, for `do`, chat, chat models and MCP alike. Changes nothing."""
