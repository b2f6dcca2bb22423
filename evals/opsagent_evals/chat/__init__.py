"""Commands in plain words, put to the reader: what it plans, offers, and leaves alone."""
