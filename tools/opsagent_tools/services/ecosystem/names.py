"""What an app is called here: `name` in the namespace `default`, `namespace/name` in any other. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from opsagent_tools.services.ecosystem import values
from opsagent_tools.services.fields import Wrong
from opsagent_tools.services.toml import RESERVED

DEFAULT_NAMESPACE = "default"
_NAME = re.compile(r"[\w@](?:[\w .:@/+-]{0,126}[\w.:@/+-])?")


def name_of(app: Mapping[str, object], env_name: str) -> str:
    """Return the name of the unit. Raises Wrong."""
    found = values.text(app["name"]) if "name" in app else _from_script(app)
    if app.get("append_env_to_name") is True and env_name:
        found = f"{found}-{env_name}"
    prefix = values.text(app.get("name_prefix", ""))
    if prefix and not found.startswith(prefix):
        found = f"{prefix}:{found}"
    namespace = values.text(app.get("namespace", DEFAULT_NAMESPACE))
    if namespace not in ("", DEFAULT_NAMESPACE):
        found = f"{namespace}/{found}"
    if not _NAME.fullmatch(found):
        mend = "use up to 128 letters, digits, spaces and _ . : @ / + -"
        raise Wrong(f"{found[:80]!r} is no name for a service", mend, "name")
    if found in RESERVED:
        raise Wrong(f"{found!r} is the name of what runs the services", "choose another name", "name")
    return found


def _from_script(app: Mapping[str, object]) -> str:
    """Return the script's file name without its ending, as PM2 does."""
    name = PurePosixPath(values.text(app["script"]).strip()).name
    return name.rpartition(".")[0] or name
