"""Memory that learns as it runs. Knows nothing of operations or of language models."""
