"""Errors of every room end as one line and an exit code, without being loaded for it."""

from __future__ import annotations

import pytest

from opsagent.api.errors import ApiError
from opsagent.backup.errors import BackupError
from opsagent.boot.errors import BootError
from opsagent.cli.errors import _EXPECTED, Code, code_of
from opsagent.config import ConfigError
from opsagent.home import HomeError
from opsagent.runbooks.library.card import RunbookError
from opsagent.running import UnknownService
from opsagent.screens.errors import NotAccepted, ProcedureError, WrongParameters
from opsagent.store.errors import StoreError, StoreNewer
from opsagent_memory.errors import EmbedderError, MemoryFailure, MemoryStoreError
from opsagent_tools.gui.port import ScreenError
from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.supervisors.circus.errors import EngineError
from opsagent_tools.supervisors.port import SupervisorError

KINDS = {
    HomeError: Code.USAGE,
    ServicesFileError: Code.USAGE,
    SupervisorError: Code.FAILED,
    StoreError: Code.FAILED,
    MemoryFailure: Code.FAILED,
    ApiError: Code.FAILED,
    BackupError: Code.FAILED,
    BootError: Code.FAILED,
    RunbookError: Code.USAGE,
    UnknownService: Code.USAGE,
    NotAccepted: Code.REFUSED,
    ProcedureError: Code.USAGE,
    ScreenError: Code.FAILED,
}
DERIVED = {
    ConfigError: Code.USAGE,
    StoreNewer: Code.FAILED,
    MemoryStoreError: Code.FAILED,
    EmbedderError: Code.FAILED,
    EngineError: Code.FAILED,
    WrongParameters: Code.USAGE,
}


@pytest.mark.parametrize(("kind", "code"), [*KINDS.items(), *DERIVED.items()])
def test_an_expected_error_has_its_exit_code(kind: type[Exception], code: Code) -> None:
    assert code_of(kind.__new__(kind)) is code


def test_every_name_is_that_of_an_error() -> None:
    assert set(_EXPECTED) == {kind.__name__ for kind in KINDS}
