"""One fault, one file. Pure: signals and the world in, suspicions out; `opsagent/detect.py` makes incidents of them."""
