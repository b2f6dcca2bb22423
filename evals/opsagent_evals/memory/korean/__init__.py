"""How the words in `opsagent_memory/korean/learnt.tsv` are learnt again (docs/decisions/0012-korean.md)."""
