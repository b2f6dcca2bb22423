"""What the models' process is told of the configured models: by whose key, where; and why one may not be asked.

Unusable   the configuration does not let anybody be asked
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opsagent.model_settings import EXTRAS, PACKAGES, ModelSettings, OneModel
from opsagent.secret_file import NoSecret, one_secret

if TYPE_CHECKING:
    from opsagent.home import Home

FOLDER = "model"
"""Folder of the home that relative `key_file`s are in."""
_ONLY = "OPSAGENT_MODELS"
"""Variable that, set to `loopback`, lets no model elsewhere be asked, whatever the configuration says: for tests."""


class Unusable(Exception):
    """The configuration does not let anybody be asked. One line that says what to write."""


def orders_of(home: Home, settings: ModelSettings) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Return the models as their process is told of them, the hosts that it may reach, and why others are not asked.

    Raises Unusable where none can be asked.
    """
    orders: list[dict[str, Any]] = []
    hosts: list[str] = []
    left_out: list[str] = []
    for one in settings.models:
        try:
            orders.append(_order(home, settings, one))
            hosts += one.reached
        except Unusable as error:
            left_out.append(str(error))
    if not orders:
        raise Unusable("; ".join(left_out))
    return orders, hosts, left_out


def _order(home: Home, settings: ModelSettings, model: OneModel) -> dict[str, Any]:
    withheld = "nothing leaves this machine until [model] says send = true"
    order = order_of(home, model, send=settings.send, withheld=withheld, timeout_s=settings.timeout_s)
    return {**order, "extra": EXTRAS[model.provider]}


def order_of(home: Home, model: OneModel, *, send: bool, withheld: str, timeout_s: float) -> dict[str, Any]:
    """Return what a process is told of the model that it asks. Raises Unusable.

    Args:
        home: where the files with keys are.
        model: the model.
        send: the person's consent that what it is asked leaves this machine.
        withheld: what is said where that is needed and not given.
        timeout_s: for a request.
    """
    if model.leaves and not send:
        raise Unusable(f"{model.name} is not asked: {withheld}")
    if model.leaves and os.environ.get(_ONLY) == "loopback":
        raise Unusable(f"{model.name} is not asked: {_ONLY}=loopback lets only models of this machine be asked")
    return {
        "name": model.name,
        "provider": model.provider,
        "model": model.model,
        "key": key_of(home, model),
        "base_url": model.base_url,
        "timeout_s": timeout_s,
    }


def why_not(home: Home, settings: ModelSettings, model: OneModel) -> str:
    """Return why a model cannot be asked, as far as it can be told without asking; empty: it may be asked."""
    from importlib.util import find_spec

    try:
        _order(home, settings, model)
    except Unusable as error:
        return str(error)
    if find_spec(PACKAGES[model.provider]) is None:
        return f"{model.name} needs a package: pip install 'opsagent[{EXTRAS[model.provider]}]'"
    return ""


def key_of(home: Home, model: OneModel) -> str:
    """Return the key of a model; empty where it needs none. Raises Unusable."""
    if not model.key_file and not model.key_env:
        if model.needs_key:
            raise Unusable(f'{model.name} needs a key: write key_file = "model.key" below [model]')
        return ""
    try:
        return one_secret(file=model.key_file, env=model.key_env, folder=home.path / FOLDER, what="key")
    except NoSecret as error:
        raise Unusable(str(error)) from error
