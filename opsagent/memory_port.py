"""The memory, for a command: the daemon's where one runs, else opened by this very process for as long as it needs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from opsagent.api.client import ApiClient, DaemonNotRunning
from opsagent.api.errors import RemoteError, VersionMismatch

if TYPE_CHECKING:
    from opsagent.home import Home

LOCK_WAIT_S = 5.0


class MemoryPort(Protocol):
    """What `opsagent.memory_methods.MemoryMethods` offers, wherever it runs."""

    async def memory_search(
        self, query: str, *, unit: str | None = None, kind: str | None = None, limit: int = 5
    ) -> Sequence[Mapping[str, Any]]:
        """Return what comes to mind, best first."""
        ...

    async def memory_add(
        self,
        text: str,
        scope: str,
        *,
        valid_from: datetime | None = None,
        valid_to: datetime | None = None,
        supersedes: str | None = None,
    ) -> Mapping[str, Any]:
        """Keep what a person said."""
        ...

    async def memory_forget(self, ids: list[str]) -> Mapping[str, Any]:
        """Erase records for good."""
        ...

    async def memory_accept(self, record: str, by: str) -> Mapping[str, Any]:
        """Accept a proposed procedure."""
        ...

    async def procedure_keep(self, form: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep a version of a procedure on screens."""
        ...

    def memory_reindex(self) -> AsyncIterator[Mapping[str, Any]]:
        """Build the index anew."""
        ...

    def memory_ingest(
        self, paths: list[str], scope: str, *, forget_vanished: bool = False
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Take in documents."""
        ...

    def memory_import(self, path: str) -> AsyncIterator[Mapping[str, Any]]:
        """Take in what a memory exported."""
        ...

    async def memory_families(self, scopes: list[str]) -> Sequence[Mapping[str, Any]]:
        """Return the families of like incidents of these scopes."""
        ...

    def memory_consolidate(self, *, dry_run: bool = False) -> AsyncIterator[Mapping[str, Any]]:
        """Put the memory in order, or tell what would be done."""
        ...


class RemoteMemory:
    """The daemon's memory, over its socket."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def memory_search(
        self, query: str, *, unit: str | None = None, kind: str | None = None, limit: int = 5
    ) -> Sequence[Mapping[str, Any]]:
        rows = await self._call("memory_search", query=query, unit=unit, kind=kind, limit=limit)
        return msgspec.convert(rows, list[dict[str, Any]])

    async def memory_add(
        self,
        text: str,
        scope: str,
        *,
        valid_from: datetime | None = None,
        valid_to: datetime | None = None,
        supersedes: str | None = None,
    ) -> Mapping[str, Any]:
        times = {"valid_from": valid_from, "valid_to": valid_to}
        return await self._one("memory_add", text=text, scope=scope, supersedes=supersedes, **_iso(times))

    async def memory_forget(self, ids: list[str]) -> Mapping[str, Any]:
        return await self._one("memory_forget", ids=ids)

    async def memory_accept(self, record: str, by: str) -> Mapping[str, Any]:
        return await self._one("memory_accept", record=record, by=by)

    async def procedure_keep(self, form: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._one("procedure_keep", form=form)

    def memory_reindex(self) -> AsyncIterator[Mapping[str, Any]]:
        return self._stream("memory_reindex")

    def memory_ingest(
        self, paths: list[str], scope: str, *, forget_vanished: bool = False
    ) -> AsyncIterator[Mapping[str, Any]]:
        return self._stream("memory_ingest", paths=paths, scope=scope, forget_vanished=forget_vanished)

    def memory_import(self, path: str) -> AsyncIterator[Mapping[str, Any]]:
        return self._stream("memory_import", path=path)

    async def memory_families(self, scopes: list[str]) -> Sequence[Mapping[str, Any]]:
        return msgspec.convert(await self._call("memory_families", scopes=scopes), list[dict[str, Any]])

    def memory_consolidate(self, *, dry_run: bool = False) -> AsyncIterator[Mapping[str, Any]]:
        return self._stream("memory_consolidate", dry_run=dry_run)

    async def _one(self, method: str, **params: Any) -> dict[str, Any]:
        return msgspec.convert(await self._call(method, **params), dict[str, Any])

    async def _call(self, method: str, **params: Any) -> Any:
        try:
            return await self._client.call(method, params)
        except RemoteError as error:
            raise _older(error) from error

    async def _stream(self, method: str, **params: Any) -> AsyncIterator[Mapping[str, Any]]:
        try:
            async for item in self._client.stream(method, params):
                yield msgspec.convert(item, dict[str, Any])
        except RemoteError as error:
            raise _older(error) from error


def _iso(times: Mapping[str, datetime | None]) -> dict[str, str | None]:
    return {name: at.isoformat() if at is not None else None for name, at in times.items()}


def _older(error: RemoteError) -> Exception:
    """Return what to raise: a daemon from before this command was installed has to be started anew."""
    if error.code != "no_method":
        return error
    return VersionMismatch(f"{error}: it is older than this command; restart `opsagent watch`")


@asynccontextmanager
async def open_memory(home: Home, *, known: Callable[[], Iterable[str]] = tuple) -> AsyncIterator[MemoryPort]:
    """Open the memory of a home: the daemon's if one answers, else this process owns it while the context lasts.

    `known`: names of the units that there are; the daemon knows them itself. Raises LockTaken, naming the owner, after `LOCK_WAIT_S`.
    """
    try:
        client = await ApiClient.connect(home.api_socket)
    except DaemonNotRunning:
        from opsagent.memory_methods import MemoryMethods
        from opsagent.recall import MemoryDesk

        with home.owner_lock(LOCK_WAIT_S):
            desk = MemoryDesk(home)
            try:
                yield MemoryMethods(desk, known=known)
            finally:
                await desk.close()
        return
    try:
        yield RemoteMemory(client)
    finally:
        await client.close()
