"""What a person taught a running agent: heeded at once, told with its id, and gone when it is forgotten."""

from __future__ import annotations

from typing import Any

import msgspec

from opsagent.api.client import ApiClient
from opsagent.store.rows import IncidentRow
from tests.integration.agent.conftest import Place


async def asked(place: Place, method: str, **params: Any) -> dict[str, Any]:
    client = await ApiClient.connect(place.home.api_socket)
    try:
        return msgspec.convert(await client.call(method, params), dict[str, Any])
    finally:
        await client.close()


def refused(row: IncidentRow) -> bool:
    return row.status == "escalated" and any(event.kind == "refused" for event in row.events)


async def test_what_was_taught_is_heeded_until_it_is_forgotten(place: Place, free_port: int) -> None:
    await place.up(place.service("store", free_port, autorestart=False))
    await place.watch()
    said = "Please never start the store service"
    taught = await asked(place, "memory_add", text=said, scope="all")
    assert taught["rule"] == {"verdict": "never", "actions": ["start"], "units": ["store"]}
    await place.kill("store")
    row = await place.incident(refused)
    assert len(place.starts("store")) == 1
    event = next(event for event in row.events if event.kind == "refused")
    assert event.data["rule"] == "taught"
    assert taught["id"] in event.text
    await asked(place, "memory_forget", ids=[taught["id"]])
    row = await place.incident(lambda row: row.status == "resolved")
    assert row.outcome == "repaired"
    assert len(place.starts("store")) == 2
    assert said.encode() not in place.home.database.read_bytes(), "forgotten is forgotten, in the journal too"
