"""The demo's `services.toml`, written for free ports. Stdlib only."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from opsagent.demo.services.faults import free_ports

GATEWAY_WORKERS = 4
GATEWAY_MAX_MEMORY_MB = 120

_SERVICES_TOML = """\
# gateway (four workers on one socket) -> api -> store

[services.store]
command = {store_command}
env = {{ STATE_DIR = {state} }}
port = {store}
autorestart = false
health = {{ http = "http://127.0.0.1:{store}/health", interval_s = 0.5, timeout_s = 1.0, grace_s = 5.0 }}

[services.api]
command = {api_command}
env = {{ STATE_DIR = {state} }}
port = {api}
autorestart = false
depends_on = ["store"]
health = {{ http = "http://127.0.0.1:{api}/health", interval_s = 0.5, timeout_s = 1.0, grace_s = 5.0 }}

[services.gateway]
command = {gateway_command}
env = {{ STATE_DIR = {state} }}
port = {gateway}
share_socket = true
instances = {workers}
depends_on = ["api"]
max_memory = "{max_memory}M"
health = {{ http = "http://127.0.0.1:{gateway}/health", interval_s = 0.5, timeout_s = 1.0, grace_s = 5.0 }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where the demo's services are."""

    services_toml: Path
    state: Path
    """The services' own folder (`STATE_DIR`): data, lock files, orders to leak."""
    store: int
    """Port."""
    api: int
    gateway: int

    @property
    def url(self) -> str:
        """Where users ask."""
        return f"http://127.0.0.1:{self.gateway}"


def _command(name: str, *args: str) -> str:
    # -P: the folder that it is started in is nobody's business
    return json.dumps([sys.executable, "-P", "-m", f"opsagent.demo.services.{name}", *args])


def write(folder: Path, *, ports: tuple[int, int, int] | None = None) -> Deployment:
    """Write `services.toml` and an empty state folder into `folder`; ports are store's, api's, gateway's."""
    store, api, gateway = ports or free_ports(3)
    state = folder / "state"
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "services.toml"
    text = _SERVICES_TOML.format(
        store_command=_command("store", "--port", str(store)),
        api_command=_command("api", "--port", str(api), "--store", f"http://127.0.0.1:{store}"),
        gateway_command=_command("gateway", "--api", f"http://127.0.0.1:{api}"),
        state=json.dumps(str(state)),
        store=store,
        api=api,
        gateway=gateway,
        workers=GATEWAY_WORKERS,
        max_memory=GATEWAY_MAX_MEMORY_MB,
    )
    path.write_text(text, encoding="utf-8")
    return Deployment(services_toml=path, state=state, store=store, api=api, gateway=gateway)


def load_command(url: str, out: Path, *, rate: float = 40.0) -> list[str]:
    """Return the command that puts a steady load on `url` and keeps its counters in `out`."""
    return [
        sys.executable, "-P", "-m", "opsagent.demo.services.load",
        "--url", url, "--rate", str(rate), "--out", str(out),
    ]  # fmt: skip
