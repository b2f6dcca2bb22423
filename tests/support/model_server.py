"""A server that speaks the providers' languages and plays decisions: asked in place of models that cost money.

Everything between is real: LangChain, the provider's package, HTTP, the wall, retries, limits, the account.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsagent.brain import prompts
from tests.support.http_server import Reply, Request, served

Decision = Mapping[str, Any]
"""`{"say": TEXT}`, `{"call": TOOL, "args": {…}}`, `{"calls": [[TOOL, {…}], …]}`, `{"status": 500}`, `{"redirect": URL}` or `{"hang": True}`."""


def say(text: str) -> Decision:
    return {"say": text}


def call(tool: str, **args: Any) -> Decision:
    return {"call": tool, "args": args}


def propose(*steps: Mapping[str, Any], why: str = "because") -> Decision:
    return call("propose_plan", steps=list(steps), why=why)


@dataclass
class ModelServer:
    """Plays its decisions in their order, and keeps what it was asked."""

    decisions: list[Decision] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    port: int = 0
    decide: Callable[[dict[str, Any]], Decision] | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def plays(self, *decisions: Decision) -> None:
        """Begin anew with these."""
        with self._lock:
            self.decisions[:] = decisions
            self.requests.clear()
            self.keys.clear()

    def next(self, request: dict[str, Any], key: str) -> Decision:
        with self._lock:
            self.requests.append(request)
            self.keys.append(key)
            if self.decide is not None:
                return self.decide(request)
            return self.decisions.pop(0) if self.decisions else {"status": 500}

    def texts(self) -> str:
        """Everything that it was told."""
        return json.dumps(self.requests, ensure_ascii=False)


def recorded(path: Path) -> list[Decision]:
    """Return decisions that were recorded for the prompts and tools as they are now. AssertionError: they changed since."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    now = prompts.digest()
    assert kept["prompts"] == now, f"{path.name} was recorded for other prompts or tools ({kept['prompts']}, now {now})"
    return list(kept["decisions"])


@contextmanager
def serving(*decisions: Decision, decide: Callable[[dict[str, Any]], Decision] | None = None) -> Iterator[ModelServer]:
    played = ModelServer(list(decisions), decide=decide)

    def answer(request: Request) -> Reply | None:
        body, headers = json.loads(request.body), request.headers
        key = str(headers.get("x-api-key") or headers.get("x-goog-api-key") or headers.get("Authorization", ""))
        decision = played.next(body, key.removeprefix("Bearer "))
        if decision.get("hang"):
            played.ended.wait(60)
            return None
        if "redirect" in decision:
            return Reply(307, headers={"Location": f"{decision['redirect']}/chat/completions"})
        if "status" in decision:
            return Reply(int(decision["status"]), {"error": {"message": "no", "type": "server_error"}})
        speak = next((say for part, say in _LANGUAGES.items() if part in request.path), _openai)
        return Reply(200, speak(body, decision, len(played.requests)))

    with served(answer) as played.port:
        try:
            yield played
        finally:
            played.ended.set()


def _calls(decision: Decision) -> Sequence[Any]:
    return [(decision["call"], decision["args"])] if "call" in decision else decision.get("calls", [])


def _openai(body: Mapping[str, Any], decision: Decision, number: int) -> dict[str, Any]:
    calls = _calls(decision)
    message: dict[str, Any] = {"role": "assistant", "content": decision.get("say")}
    if calls:
        message["tool_calls"] = [
            {
                "id": f"call_{number}_{at}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(args, ensure_ascii=False)},
            }
            for at, (name, args) in enumerate(calls)
        ]
    return {
        "id": f"c{number}",
        "object": "chat.completion",
        "created": 1,
        "model": body.get("model", "played"),
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }


def _anthropic(body: Mapping[str, Any], decision: Decision, number: int) -> dict[str, Any]:
    calls = _calls(decision)
    content: list[dict[str, Any]] = [{"type": "text", "text": decision["say"]}] if "say" in decision else []
    content += [
        {"type": "tool_use", "id": f"toolu_{number}_{at}", "name": name, "input": args}
        for at, (name, args) in enumerate(calls)
    ]
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "tool_use" if calls else "end_turn",
        "usage": {"input_tokens": 1000, "output_tokens": 100},
    }


def _google(body: Mapping[str, Any], decision: Decision, number: int) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"text": decision["say"]}] if "say" in decision else []
    parts += [{"functionCall": {"name": name, "args": args}} for name, args in _calls(decision)]
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 100, "totalTokenCount": 1100},
    }


def _ollama(body: Mapping[str, Any], decision: Decision, number: int) -> dict[str, Any]:
    calls = [{"function": {"name": name, "arguments": args}} for name, args in _calls(decision)]
    message = {"role": "assistant", "content": decision.get("say", ""), **({"tool_calls": calls} if calls else {})}
    return {
        "model": body["model"],
        "created_at": "2026-01-07T12:00:00Z",
        "message": message,
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 1000,
        "eval_count": 100,
    }


_LANGUAGES = {"/messages": _anthropic, ":generateContent": _google, "/api/chat": _ollama}
"""What a path ends with, and who speaks there; everybody else speaks OpenAI's language."""
