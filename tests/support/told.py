"""Accounts of incidents for texts, by hand, and texts that try to be more than text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

BEGAN = datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC)
"""Half a minute before the clocks of Europe are put forward."""
HOSTILE = (
    "\x1b[31mred\x1b[0m\x1b]8;;http://evil.example\x07",
    "[link=http://evil.example]click[/link] [bold red]x[/]",
    "<script>alert(1)</script><img src=x onerror=alert(1)>&amp;",
    "[approve](http://evil.example/yes) ![x](http://evil.example/p.png) **bold** `code` | cell",
    "\u202etxt.exe\u202c \u2066hidden\u2069 \ufeff",
    "line one\nline two\r\n# heading\n- item\n\n```\nfence",
    "@everyone <!channel> <@U123> @here www.evil.example javascript:alert(1)",
    "\x00\x07\x9b31m \ud800",
)


def at(seconds: float) -> str:
    """Return the moment so many seconds after the trouble began."""
    return (BEGAN + timedelta(seconds=seconds)).isoformat()


def account(text: str = "", **changed: Any) -> dict[str, Any]:
    """A crash of `web` that one restart mended; `text` stands in every field that may hold somebody else's words."""
    unit = {"supervisor": "circus", "name": f"web{text}", "host": "box"}
    found: dict[str, Any] = {
        "id": "inc-1a2b3c4d", "status": "resolved", "fault": "crash", "unit": f"circus:web{text}@box",
        "name": f"web{text}", "affected": [f"circus:gateway{text}@box"], "summary": f"web ended by itself{text}",
        "began_at": at(0), "opened_at": at(2), "resolved_at": at(62), "mttd_s": 2.0, "mttr_s": 50.0,
        "remedy": f"crash/restart{text}", "remedy_source": "runbook", "attempts": 1, "probes": 3, "outcome": f"repaired{text}",
        "cause": "bad_config", "returned_of": None, "acked": None, "snoozed": None, "why_root": f"web is at fault{text}",
        "symptoms": [{
            "kind": "death", "evidence": "kernel", "at": at(0), "process": {"pid": 7, "started": BEGAN.timestamp() - 90},
            "data": {"exit_code": 1, "signature": f"cannot bind <n>{text}"}, "text": f"cannot bind{text}",
        }],
        "evidence": [
            {"probe": "last_log", "kind": "text", "unit": unit, "facts": {"lines": 3}, "text": f"Error: cannot bind{text}"},
            {"probe": "unit_state", "kind": "supervisor", "unit": unit, "facts": {"said": f"exited{text}"}, "text": None},
        ],
        "hypotheses": [
            {"cause": f"its configuration changed{text}", "unit": unit, "weight": 0.8, "kind": "bad_config",
             "speaks_for": [f"app.json changed{text}"], "speaks_against": [f"it parses{text}"]},
            {"cause": "it crashed", "unit": unit, "weight": 0.2, "kind": "crashed", "speaks_for": [], "speaks_against": []},
        ],
        "changed": [{
            "what": "config", "name": "/srv/app.json", "said": f"configuration file app.json changed{text}",
            "at": at(-30), "diff": f"--- app.json (then)\n+++ app.json (now)\n-port = 80{text}\n+port = 81",
        }],
        "impact": {
            "down_s": 48.0, "failed_probes": 24, "probes": 31, "errors": 3, "restarts": 2, "failed_requests": 310,
            "from": at(-20), "to": at(70),
            "series": {"health": [[0, 1], [20, 0], [68, 1]], "latency": [[0, 3.5], [68, 4.5]], "errors": [[21, 3]],
                       "rss": [[0, 1e7], [70, 2e7]], "restarts": [[20, 1], [30, 2]]},
        },
        "plans": [{
            "id": "p1", "remedy": f"crash/restart{text}", "source": "runbook", "attempt": 1, "why": f"it is down{text}",
            "status": "done", "detail": f"well for 5 s{text}", "created_at": at(3), "ended_at": at(60),
            "steps": [{"action": f"restart:web{text}", "unit": "web", "why": "", "status": "done", "rule": "mode",
                       "intended_at": at(10), "ended_at": at(12), "detail": f"started{text}"}],
        }],
        "approvals": [{"id": "a1", "action": f"restart:web{text}", "status": "used", "asked_at": at(4),
                       "decided_by": f"ann{text}", "decided_at": at(9)}],
        "told": [{"kind": "escalation", "channel": "team", "at": at(5), "sent_at": at(6), "error": None}],
        "recollections": [{"remedy": f"crash/restart{text}", "score": 0.75, "tries": 4, "successes": 3,
                           "why": f"crash/restart{text}: worked 3 of 4 times"}],
        "documents": [f"from runbook.md: “restart it{text}”"],
        "timeline": [
            {"at": at(2), "kind": "opened", "text": f"web ended by itself{text}", "by": None, "data": {}},
            {"at": at(55), "kind": "verified", "text": f"well for 5 s{text}", "by": f"ann{text}", "data": {}},
            {"at": at(62), "kind": "resolved", "text": "repaired", "by": None, "data": {}},
        ],
        "why": f"nothing helps{text}", "tried": [], "calls": [], "muted": False,
    }  # fmt: skip
    return {**found, **changed}
