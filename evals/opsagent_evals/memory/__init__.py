"""The memory put to it: which remedy it learns, and what it recalls."""
