"""Vision models through their providers' real packages, over HTTP, to a server of ours: nothing but what is named leaves."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image

from opsagent.brain.orders import Unusable
from opsagent.home import Home
from opsagent.model_settings import ModelSettings, OneModel
from opsagent.screen_settings import ScreenSettings
from opsagent.seeing.desk import Seer, why_not
from opsagent.store.journal import Journal
from opsagent_tools.gui.fake import Control, FakeProgram, FakeSurface, FakeWindow
from opsagent_tools.gui.model import Box, Located
from opsagent_tools.gui.procedure import ScreenStep
from opsagent_tools.gui.replay import Allowed, Asked
from opsagent_tools.gui.vision.conversation import Broken
from opsagent_tools.gui.vision.pursuing import pursue
from opsagent_tools.gui.vision.pursuit import Pursuit, PursuitEnd
from tests.support.http_server import Reply, Request, served

BUTTON = Box(100, 200, 100, 20)
PAGE = Box(0, 0, 800, 600)
Speaks = Callable[[bool], Mapping[str, Any]]
"""What a provider answers: a click on the button first, then that it is done (True)."""


def claude(done: bool) -> Mapping[str, Any]:
    click = {
        "type": "tool_use",
        "id": "t1",
        "name": "computer",
        "input": {"action": "left_click", "coordinate": [150, 210]},
    }
    content = [{"type": "text", "text": "exported"}] if done else [{"type": "text", "text": "the button"}, click]
    usage = {"input_tokens": 900, "output_tokens": 50}
    frame = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "stop_sequence": None,
        "usage": usage,
    }
    return {**frame, "content": content, "stop_reason": "end_turn" if done else "tool_use"}


def openai(done: bool) -> Mapping[str, Any]:
    said = {"type": "output_text", "text": "exported", "annotations": []}
    message = {"type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": [said]}
    click = {"type": "click", "button": "left", "x": 150, "y": 210}
    call = {
        "type": "computer_call", "id": "i1", "call_id": "c1", "status": "completed", "action": click, "pending_safety_checks": []
    }  # fmt: skip
    usage = {
        "input_tokens": 900, "output_tokens": 50, "total_tokens": 950, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }  # fmt: skip
    frame = {
        "id": "r1", "object": "response", "created_at": 1, "model": "gpt-x", "status": "completed", "tools": [],
        "tool_choice": "auto", "parallel_tool_calls": False,
    }  # fmt: skip
    return {**frame, "usage": usage, "output": [message if done else call]}


def completion(text: str) -> Mapping[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 900, "completion_tokens": 50, "total_tokens": 950}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def lux(done: bool) -> Mapping[str, Any]:
    action = "finish()" if done else "click(187, 350)"
    return completion(f"<|think_start|>so<|think_end|><|action_start|>{action}<|action_end|>")


def ui_tars(done: bool) -> Mapping[str, Any]:
    action = "finished(content='exported')" if done else "click(point='<point>147 205</point>')"
    return completion(f"Thought: the button\nAction: {action}")


@dataclass
class Provider:
    speaks: Speaks
    port: int = 0
    status: int = 200
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    uploads: int = 0

    def __str__(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def providing(speaks: Speaks) -> Iterator[Provider]:
    provider = Provider(speaks)

    def answer(request: Request) -> Reply:
        if request.method == "GET":  # Lux asks where a picture may be put
            places = {"url": f"{provider}/put", "download_url": f"{provider}/picture"}
            return Reply(provider.status, {**places, "uuid": "u", "expires_at": 1, "file_expires_at": 1})
        if request.method == "PUT":
            provider.uploads += 1
            return Reply(provider.status, {})
        provider.requests.append(json.loads(request.body))
        provider.headers.append(dict(request.headers))
        well = provider.status == 200
        return Reply(provider.status, speaks(len(provider.requests) > 1) if well else {"error": {"message": "no"}})

    with served(answer) as provider.port:
        yield provider


@pytest.fixture
def home(tmp_path: Any) -> Home:
    return Home.open(tmp_path / "home")


def settings(name: str, url: str, **fields: Any) -> ScreenSettings:
    return ScreenSettings(model=ModelSettings(first=OneModel(name=name, base_url=url), calls_per_question=5, **fields))


@asynccontextmanager
async def seer_of(home: Home, chosen: ScreenSettings) -> AsyncIterator[Seer]:
    seer = Seer(home, chosen)
    try:
        yield seer
    finally:
        await seer.close()


def form() -> FakeProgram:
    return FakeProgram(windows=[FakeWindow("Export", [Control("go", "button", name="Export", box=BUTTON)], box=PAGE)])


async def allow(step: ScreenStep, at: Located | None, asked: Asked) -> Allowed:
    return Allowed()


async def exported(seer: Seer, program: FakeProgram) -> Pursuit:
    return await pursue("export the report", FakeSurface(program), seer.task(), guard=allow)


PROVIDERS: dict[str, tuple[str, Speaks, str]] = {
    "anthropic": ("anthropic:claude-x", claude, ""),
    "openai": ("openai:gpt-x", openai, "/v1"),
    "lux": ("lux:lux-actor-1", lux, ""),
    "ui_tars": ("ui_tars:ui-tars", ui_tars, "/v1"),
}


def assert_as_its_beta_wants_it(served: Provider) -> None:
    """The picture has the size that the tool is said to have."""
    assert served.headers[0]["anthropic-beta"] == "computer-use-2025-11-24"
    (tool,) = served.requests[0]["tools"]
    picture = base64.b64decode(served.requests[0]["messages"][0]["content"][1]["source"]["data"])
    assert Image.open(io.BytesIO(picture)).size == (tool["display_width_px"], tool["display_height_px"])


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_model_does_a_task_by_its_own_package(home: Home, provider: str) -> None:
    name, speaks, path = PROVIDERS[provider]
    program = form()
    with providing(speaks) as served:
        async with seer_of(home, settings(name, f"{served}{path}")) as seer:
            done = await exported(seer, program)
    assert done.end is PursuitEnd.FINISHED, done.why
    assert [one.key for one in program.performed] == ["go"]
    assert len(served.requests) == 2
    if provider == "anthropic":
        assert_as_its_beta_wants_it(served)
    with Journal.read(home) as journal:
        calls = journal.model_calls()
        assert [(call.purpose, call.ok) for call in calls] == [("screen", True), ("screen", True)]
        assert all(call.bytes_out > 100 for call in calls)
        if provider != "lux":  # its package tells nobody
            assert all(call.tokens_in == 900 for call in calls)


async def test_what_it_answers_with_an_error_ends_the_task_in_words_and_is_written_down(home: Home) -> None:
    with providing(claude) as served:
        served.status = 529
        async with seer_of(home, settings("anthropic:claude-x", str(served))) as seer:
            done = await exported(seer, form())
    assert done.end is PursuitEnd.BROKEN
    assert "529" in done.why
    assert len(served.requests) == 1, "it is not asked again and again"
    with Journal.read(home) as journal:
        assert not journal.model_calls()[0].ok


async def test_a_monthly_limit_holds(home: Home) -> None:
    with providing(claude) as served:
        async with seer_of(home, settings("anthropic:claude-x", str(served), monthly_tokens=900)) as seer:
            done = await exported(seer, form())
    assert "limit" in done.why
    assert len(served.requests) == 1


async def test_only_what_is_named_is_reached(home: Home) -> None:
    with providing(lux) as elsewhere, providing(lux) as served:
        served.port, real = elsewhere.port, served.port  # pictures would be put somewhere else
        async with seer_of(home, settings("lux:lux-actor-1", f"http://127.0.0.1:{real}")) as seer:
            talk = seer.task()
            with pytest.raises(Broken, match="does not name among its hosts"):
                await talk.begin("export", b"png", talk.frame(PAGE))
    assert not elsewhere.uploads


def test_no_picture_leaves_until_a_file_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPSAGENT_MODELS")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-in-the-environment-is-no-consent")
    chosen = ScreenSettings(model=ModelSettings(first=OneModel(name="anthropic:claude-x")))
    with pytest.raises(Unusable, match="send = true"):
        Seer(home, chosen)
    assert "send = true" in why_not(home, chosen)
    assert "no vision model is configured" in why_not(home, ScreenSettings())
