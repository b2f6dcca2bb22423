"""Windows that tell nothing of themselves: captured, their text recognised, their controls told by shape.

Capturing, recognising and comparing run in one process of their own per display (`worker`), which keeps what it has read
and reads again only what has changed; this side of it (`Eyes`, `PixelSurface`) loads none of those libraries.
"""
