"""Carries out what was said: steps become answers, orders or plans, one after the other, with events for any medium."""
