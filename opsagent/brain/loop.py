"""One question to a model: LangChain's agent with reading tools, and one last tool that ends it.

The second of two modules that know LangChain; loaded in the worker's process only. No checkpointer and no approvals in
here: nothing that changes anything can be reached from this loop, and the journal is the only place of approvals.

Stopped   whoever asked lets no further request go
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    AgentState,
    ContextEditingMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
    hook_config,
)
from langchain.agents.middleware.context_editing import ClearToolUsesEdit
from langchain.agents.middleware.model_call_limit import ModelCallLimitExceededError
from langchain.agents.middleware.types import InputAgentState
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool
from langgraph.runtime import Runtime

from opsagent_tools.redact import redact

_CLEAR_AT, _SUMMARISE_AT, _KEPT = 12_000, 24_000, 6
"""Tokens beyond which old results are left out, and the beginning is summed up; messages that are kept as they are."""
_MOST_LOOKS = 24
_TRANSIENT = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
_LONGEST = 2000
_STATUS = {
    401: "the key is not accepted",
    403: "the key may not do this",
    404: "there is no such model",
    429: "too many requests, or the quota is used up",
}


class Stopped(Exception):
    """Whoever asked lets no further request go. The text says why."""


class Parent(Protocol):
    """Whoever asked: lets requests go, carries out what reads, and takes the plan."""

    def may_call(self, model: str) -> None:
        """Ask whether a request may go to this model. Raises Stopped."""

    def called(self, *, ok: bool, why: str, tokens_in: int, tokens_out: int) -> None:
        """Say how the request ended that was let go last."""

    def look(self, tool: str, args: Mapping[str, Any]) -> str:
        """Return what a reading tool found, as text for the model."""
        ...

    def propose(self, args: Mapping[str, Any]) -> str:
        """Hand over a plan; return why it cannot be taken, or nothing."""
        ...


class Watcher(BaseCallbackHandler):
    """Every request of one model passes here, whoever makes it: the loop, a retry, a summary."""

    raise_error = True
    run_inline = True

    def __init__(self, parent: Parent, name: str) -> None:
        self._parent = parent
        self.name = name

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Ask before anything goes out."""
        self._parent.may_call(self.name)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Tell what it took."""
        usage: Mapping[str, Any] = {}
        for generation in (one for row in response.generations for one in row):
            usage = getattr(getattr(generation, "message", None), "usage_metadata", None) or usage
        tokens = {f"tokens_{way}": int(usage.get(f"{way}put_tokens", 0)) for way in ("in", "out")}
        self._parent.called(ok=True, why="", **tokens)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Tell why it failed."""
        if not isinstance(error, Stopped):
            self._parent.called(ok=False, why=why(error), tokens_in=0, tokens_out=0)


class EndsWithPlan(AgentMiddleware[AgentState[Any], None, Any]):
    """Ends the loop once a plan was taken, or refused for the second time."""

    def __init__(self) -> None:
        super().__init__()
        self.over = False

    @hook_config(can_jump_to=["end"])
    def before_model(self, state: AgentState[Any], runtime: Runtime[None]) -> dict[str, Any] | None:
        """Ask nothing more where all is said."""
        return {"jump_to": "end"} if self.over else None


class Redacts(AgentMiddleware[AgentState[Any], None, Any]):
    """The last look at what is about to leave: whatever looks like a secret is masked once more."""

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        """Mask all that is text."""
        return handler(request.override(messages=[_masked(message) for message in request.messages]))


def _masked(message: BaseMessage) -> BaseMessage:
    if not isinstance(message.content, str) or redact(message.content) == message.content:
        return message
    return message.model_copy(update={"content": redact(message.content)})


def ask(order: Mapping[str, Any], models: Sequence[BaseChatModel], parent: Parent) -> dict[str, Any]:
    """Put one question to the models, the second where the first does not answer. Return what was said, and why not.

    `order`: system, history ([who, text]), request, tools, propose, calls.
    """
    ends = EndsWithPlan()
    tools = [_reading_tool(one, parent) for one in order["tools"]]
    if order["propose"]:
        tools.append(_last_tool(order["propose"], parent, ends))
    agent = create_agent(
        models[0], tools, system_prompt=str(order["system"]), middleware=_middleware(order, models, ends)
    )
    messages: list[AnyMessage | dict[str, Any]] = [
        (HumanMessage if who == "person" else AIMessage)(content=text) for who, text in order["history"]
    ]
    messages.append(HumanMessage(content=str(order["request"])))
    config: RunnableConfig = {"recursion_limit": 12 * int(order["calls"]) + 40}
    try:
        state = agent.invoke(InputAgentState(messages=messages), config=config)
    except ModelCallLimitExceededError:
        return {"said": "", "why": f"it was asked {order['calls']} times and came to no end"}
    except Stopped as stopped:
        return {"said": "", "why": str(stopped)}
    except Exception as error:  # noqa: BLE001  # libraries and services raise whatever they like
        return {"said": "", "why": why(error)}
    return {"said": _last_words(state["messages"]), "why": ""}


def _middleware(
    order: Mapping[str, Any], models: Sequence[BaseChatModel], ends: EndsWithPlan
) -> list[AgentMiddleware[Any, Any, Any]]:
    found: list[AgentMiddleware[Any, Any, Any]] = [
        ends,
        ModelCallLimitMiddleware(run_limit=int(order["calls"]), exit_behavior="error"),
        ToolCallLimitMiddleware(run_limit=_MOST_LOOKS, exit_behavior="continue"),
        SummarizationMiddleware(models[0], trigger=("tokens", _SUMMARISE_AT), keep=("messages", _KEPT)),
        ContextEditingMiddleware(edits=[ClearToolUsesEdit(trigger=_CLEAR_AT, keep=3)]),
    ]
    if len(models) > 1:
        found.append(ModelFallbackMiddleware(*models[1:]))
    retry = ModelRetryMiddleware(
        max_retries=1, retry_on=is_transient, on_failure="error", initial_delay=float(order["retry_s"]), jitter=False
    )
    return [*found, retry, Redacts()]


def _reading_tool(told: Mapping[str, Any], parent: Parent) -> StructuredTool:
    name = str(told["name"])

    def look(**args: Any) -> str:
        return parent.look(name, args)

    return StructuredTool(name=name, description=str(told["description"]), args_schema=dict(told["schema"]), func=look)


def _last_tool(told: Mapping[str, Any], parent: Parent, ends: EndsWithPlan) -> StructuredTool:
    refused: list[str] = []

    def propose(**args: Any) -> str:
        if ends.over:
            return "a plan was handed over already"
        problem = parent.propose(args)
        if problem:
            refused.append(problem)
        ends.over = not problem or len(refused) > 1
        return f"cannot be taken: {problem}. Propose once more, or say why not" if problem else "handed over"

    return StructuredTool(
        name=str(told["name"]), description=str(told["description"]), args_schema=dict(told["schema"]), func=propose
    )


def is_transient(error: Exception) -> bool:
    """Tell whether it may go better in a moment."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    if isinstance(status, int):
        return status in _TRANSIENT
    name = type(error).__name__
    return not isinstance(error, Stopped) and ("Timeout" in name or "Connect" in name)


def why(error: BaseException) -> str:
    """Return what went wrong in a few words, with nothing in it of what a service wrote."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    named = type(error).__name__
    if isinstance(status, int):
        said = _STATUS.get(status, "the service has trouble" if status >= 500 else "the service refuses it")
        return f"{said} ({status})"
    if "Timeout" in named:
        return "no answer in time"
    return "it cannot be reached" if "Connect" in named else f"it failed ({named})"


def _last_words(messages: Sequence[BaseMessage]) -> str:
    for message in reversed(messages):
        if isinstance(message, AIMessage):
            return str(message.text)[:_LONGEST].strip()
    return ""
