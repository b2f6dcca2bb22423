"""What people teach about how to treat a service: read from a sentence, kept as a fact, heeded by the guard.

A taught rule only ever forbids an action or has the agent ask first; nothing that is taught allows anything. What
cannot be read whole stays a plain fact, and whoever said it is told that it binds nobody.
"""
