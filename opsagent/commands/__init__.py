"""The reader: what a person says in plain words, as steps, or a question back. Pure."""
