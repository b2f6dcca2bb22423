"""Hands and eyes for consoles that have no API: terminals, accessible windows, and bare pixels.

Importing this package, or `model`, `port`, `procedure` and `fake` in it, needs no display and loads no library of screens.
"""
