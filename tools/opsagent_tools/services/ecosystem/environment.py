"""The variables of an app: `env`, over it `env_NAME` where one was asked for. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping

from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong


def environment_of(
    app: Mapping[str, object], profiles: Mapping[str, object], env_name: str, deployed: Mapping[str, object]
) -> dict[str, str]:
    """Return the app's own variables. `deployed`: `deploy.NAME.env`, which comes first. Raises Wrong.

    As in PM2: objects become JSON, what is null or undefined is not set.
    """
    found = {**_strings(deployed, "env"), **_strings(app.get("env", {}), "env")}
    if env_name in profiles:
        key = f"env_{env_name}"
        found |= _strings(profiles[env_name], key)
    if app.get("port") is not None and "PORT" in found:
        found["PORT"] = str(app["port"])  # as in PM2, which writes it over
    return found


def _strings(raw: object, key: str) -> dict[str, str]:
    if not isinstance(raw, Mapping):
        raise Wrong("must be an object of variables", f'write {key}: {{ LEVEL: "info" }}', key)
    found: dict[str, object] = {}
    for name, value in raw.items():
        if value is None:
            continue
        if isinstance(value, bool):
            found[name] = "true" if value else "false"
        elif isinstance(value, float):
            found[name] = str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
        elif isinstance(value, dict | list):
            found[name] = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        else:
            found[name] = value
    try:
        return fields.environment(found)
    except Wrong as wrong:
        place = f"{key}.{wrong.key}" if wrong.key else key
        raise Wrong(wrong.problem, wrong.mend, place) from None
