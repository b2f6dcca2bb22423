"""Commands written for the intent model, as phrase grammars and single sentences, and what each asks for."""
