"""Stands in for the models' process (`opsagent.brain.worker`) where it misbehaves: `python -m tests.support.bad_worker`."""

import json
import os
import sys
import time

json.loads(sys.stdin.readline())
print(json.dumps({"kind": "ready", "missing": [], "models": 1}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)["request"]
    if "hang" in asked:
        time.sleep(60)
    elif "go on for ever" in asked:
        print(json.dumps({"kind": "may_call", "model": "openai:here"}), flush=True)
        assert json.loads(sys.stdin.readline()) == {"why": ""}
        time.sleep(60)
    elif "die" in asked:
        os._exit(1)
    elif "babble" in asked:
        print("{]", flush=True)
    elif "demand" in asked:
        print(json.dumps({"kind": "act", "tool": "restart", "args": {"target": "api"}}), flush=True)
    elif "look" in asked:
        print(json.dumps({"kind": "look", "tool": "restart", "args": {"target": "api"}}), flush=True)
        print(json.dumps({"kind": "over", "said": sys.stdin.readline(), "why": ""}), flush=True)
    else:
        print(json.dumps({"kind": "over", "said": "well", "why": ""}), flush=True)
