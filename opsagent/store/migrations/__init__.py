"""Alembic's scripts; they are data to it, and part of the package so that they are installed."""
