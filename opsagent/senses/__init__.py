"""The senses: one file each. `opsagent/sense.py` joins them."""
