"""Long documents, cut at their headings and kept as facts: runbooks, READMEs, wikis, old postmortems."""
