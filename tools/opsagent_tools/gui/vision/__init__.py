"""Vision models that look at a screen and say what to do: their words translated to ours, and ours to theirs.

Nothing here talks to the outside. `pursue` is the loop: a goal, a surface, whoever asks the model, and the guard.
"""
