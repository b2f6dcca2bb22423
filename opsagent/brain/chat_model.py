"""LangChain's chat models by name. One of two modules that know LangChain; loaded in the worker's process only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel

from opsagent.model_settings import PACKAGES

_NO_KEY = "none"
"""What is said where a server of one's own wants no key, and the library wants one."""


def made(order: Mapping[str, Any], watcher: BaseCallbackHandler) -> BaseChatModel:
    """Return the model of an order: provider, model, key, base_url, timeout_s. Every request passes the watcher.

    Raises ImportError where the provider's package is not installed.
    """
    provider = str(order["provider"])
    settings: dict[str, Any] = {"callbacks": [watcher], "max_retries": 0, "timeout": float(order["timeout_s"])}
    if provider == "ollama":
        settings = {"callbacks": [watcher], "client_kwargs": {"timeout": float(order["timeout_s"]), "trust_env": False}}
    else:
        settings["api_key"] = str(order["key"]) or _NO_KEY
    if order["base_url"]:
        settings["base_url"] = str(order["base_url"])
    if provider == "google_genai":
        settings["transport"] = "rest"  # the other one's sockets are none of Python's: no wall would see them
    if provider == "openai" and order["base_url"]:
        settings["use_responses_api"] = False  # who only speaks the provider's language speaks the older one
    model: BaseChatModel = init_chat_model(str(order["model"]), model_provider=provider, **settings)
    return model


def warm(provider: str) -> None:
    """Load a provider's package, so that nothing is loaded once the wall stands. Raises ImportError."""
    import importlib

    importlib.import_module(PACKAGES[provider])
