"""Read what a person names to `opsagent up`: services.toml, an ecosystem file or a Procfile, by its name."""

from __future__ import annotations

from pathlib import Path

from opsagent_tools.services.described import Described
from opsagent_tools.services.errors import ServicesFileError

_ECOSYSTEM = (".js", ".cjs", ".mjs", ".json", ".yaml", ".yml")


def load(path: Path, *, env_name: str = "", allow_network: bool = False) -> Described:
    """Return the services that the file describes. Raises ServicesFileError.

    `env_name`: whose `env_NAME` counts (ecosystem files). `allow_network`: JavaScript is evaluated even where it cannot
    be kept from the network.
    """
    if path.suffix.lower() in _ECOSYSTEM:
        from opsagent_tools.services.ecosystem.reader import load_ecosystem

        return load_ecosystem(path, env_name=env_name, allow_network=allow_network)
    if env_name:
        raise ServicesFileError(path, "has no env_NAME sections", mend="--env is for ecosystem files: leave it out")
    if path.name.startswith("Procfile") or path.suffix.lower() == ".procfile":
        from opsagent_tools.services.procfile import load_procfile

        return load_procfile(path)
    from opsagent_tools.services.toml import load_services

    return Described(specs=load_services(path))
