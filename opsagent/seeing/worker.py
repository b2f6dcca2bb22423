"""The process that talks to one vision model, and to nothing else: `python -m opsagent.seeing.worker`.

It talks JSON lines with whoever started it (`opsagent.seeing.process`). The first line says which provider, with its key,
and which hosts may be reached; each further one is a request, which goes out as it is. It does nothing on any screen. It
ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

from opsagent.wall import Wall

Asks = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Takes the body of a request, returns the provider's reply."""


def _main() -> None:
    said = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no part of the talk

    def say(message: Mapping[str, Any]) -> None:
        said.write(json.dumps(message, default=str).encode() + b"\n")
        said.flush()

    order = json.loads(sys.stdin.buffer.readline() or b"{}")
    wall = Wall(order["hosts"])
    try:
        asks = _PROVIDERS[order["provider"]](order)
    except ImportError as error:
        say({"missing": str(error.name)})
        return
    wall.arm()
    say({"missing": ""})
    for line in sys.stdin.buffer:
        say(_asked(json.loads(line), asks, wall))


def _asked(message: Mapping[str, Any], asks: Asks, wall: Wall) -> dict[str, Any]:
    last = threading.Timer(float(message["ends_s"]), os._exit, [1])
    last.daemon = True
    last.start()
    size, reply, why = wall.size, {}, ""
    try:
        reply = dict(asks(message["body"]))
    except Exception as error:  # noqa: BLE001  # libraries raise whatever they like
        refused = [what for what in wall.refused if not what.startswith("a program")]
        wall.refused.clear()
        status = getattr(error, "status_code", None)
        why = f"it answers {status}" if status else f"it cannot be asked ({type(error).__name__})"
        if refused:
            why = f"it wants to reach {refused[0]}, which [screens.model] does not name among its hosts"
    last.cancel()
    return {"reply": reply, "why": why, "bytes": wall.size - size}


def _anthropic(order: Mapping[str, Any]) -> Asks:
    import anthropic

    client = anthropic.Anthropic(
        api_key=order["key"] or "none", max_retries=0, timeout=order["timeout_s"], **_at(order)
    )
    return lambda body: client.beta.messages.create(**body).model_dump(mode="json")


def _openai(order: Mapping[str, Any]) -> Asks:
    client = _openai_client(order)
    return lambda body: client.responses.create(**body).model_dump(mode="json", exclude_none=True)


def _ui_tars(order: Mapping[str, Any]) -> Asks:
    client = _openai_client(order)
    return lambda body: client.chat.completions.create(**body).model_dump(mode="json")


def _openai_client(order: Mapping[str, Any]) -> Any:
    import openai

    return openai.OpenAI(api_key=order["key"] or "none", max_retries=0, timeout=order["timeout_s"], **_at(order))


def _lux(order: Mapping[str, Any]) -> Asks:
    """Lux keeps the conversation in its own actor: a request is a goal with a picture, or the next picture."""
    from oagi import Actor

    actor = Actor(api_key=order["key"] or "none", base_url=order["base_url"] or None, model=order["model"])

    def asks(body: Mapping[str, Any]) -> Mapping[str, Any]:
        if body.get("goal"):
            actor.init_task(str(body["goal"]), max_steps=int(body["max_steps"]))
        step: Mapping[str, Any] = actor.step(b64decode(body["picture"])).model_dump(mode="json")
        return step

    return asks


def _at(order: Mapping[str, Any]) -> dict[str, Any]:
    return {"base_url": order["base_url"]} if order["base_url"] else {}


_PROVIDERS: dict[str, Callable[[Mapping[str, Any]], Asks]] = {
    "anthropic": _anthropic,
    "openai": _openai,
    "lux": _lux,
    "ui_tars": _ui_tars,
}

if __name__ == "__main__":
    _main()
