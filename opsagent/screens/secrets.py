"""Secrets by name, for the field that they are pasted into; looked up when they are typed, kept by nobody.

A secret stands in a file that is its owner's only, or in a variable; `[screens.secrets]` says where. It is never an
argument of a program or an action, never in the journal, and never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opsagent.screen_settings import SecretPlace
from opsagent.screens.files import folder_of
from opsagent.secret_file import NoSecret, one_secret


class NamedSecrets:
    """The secrets of a home. `opsagent_tools.gui.port.Secrets`."""

    def __init__(self, home: Path, places: Mapping[str, SecretPlace], told: Mapping[str, str] | None = None) -> None:
        """`told`: what a run was told: a secret parameter stands for the secret that it names."""
        self._folder = folder_of(home) / "secrets"
        self._places = places
        self._told = told or {}

    def __repr__(self) -> str:
        return f"NamedSecrets({', '.join(sorted(self._places))})"

    def fetch(self, name: str) -> str:
        """Return the secret. Raises KeyError, whose text says where it should be."""
        name = self._told.get(name, name)
        place = self._places.get(name)
        if place is None:
            raise KeyError(f"no secret {name!r} is named under [screens.secrets] of config.toml")
        try:
            return one_secret(file=place.file, env=place.env, folder=self._folder, what=f"secret {name}")
        except NoSecret as error:
            raise KeyError(str(error)) from None

    def missing(self, names: tuple[str, ...]) -> str:
        """Return why a secret of these cannot be had; empty where all can. Nothing is kept of them."""
        for name in names:
            try:
                self.fetch(name)
            except KeyError as error:
                return str(error.args[0])
        return ""
