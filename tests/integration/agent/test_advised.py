"""Once, then never again: what nothing known helps against is put to a chat model, and the next time needs none.

The model's decisions are recorded; LangChain, the agent, its tools, the services and the person's approval are real. The
agent is killed while the question is open: the next life goes on with it, and there is exactly one effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from opsagent.api.client import ApiClient
from opsagent.store.rows import IncidentRow
from opsagent_memory import Kind, MemoryReader
from opsagent_tools.services.spec import ServiceSpec
from tests.integration.agent.conftest import Place
from tests.support.model_server import ModelServer, recorded, serving
from tests.support.waiting import until

FLAGGED = Path(__file__).with_name("flagged.py")
RECORDED = Path(__file__).with_name("recorded") / "once_then_never_again.json"


def services(place: Place, ports: list[int]) -> tuple[ServiceSpec, ServiceSpec, Path]:
    """`web` serves only while a file is there that `cache` makes when it starts; nobody knows that."""
    flag = place.home.path / "flag"
    cache, web = place.service("cache", ports[0]), place.service("web", ports[1])
    script = (*cache.command[:-1], str(FLAGGED))
    cache = replace(cache, command=script, env={**cache.env, "MAKES": str(flag)})
    return cache, replace(web, command=script, env={**web.env, "WANTS": str(flag)}), flag


def configured(place: Place, server: ModelServer) -> None:
    place.home.config_file.write_text(
        f'[model]\nname = "openai:played"\nbase_url = "{server.url}"\nunattended = true\n'
    )


async def asked(place: Place) -> str:
    """Return the id of the question to a person, once there is one."""

    def look() -> str:
        with place.journal() as journal:
            return next((row.id for row in journal.approvals() if row.proposer == "model:openai:played"), "")

    return await until(look, timeout=60, why="a person is asked about what the model proposes")


def told(row: IncidentRow, kind: str) -> list[str]:
    return [event.text for event in row.events if event.kind == kind]


@pytest.mark.timeout(240)
async def test_what_a_model_worked_out_is_approved_verified_learnt_and_needs_no_model_again(
    place: Place, free_ports: Callable[[int], list[int]]
) -> None:
    with serving(*recorded(RECORDED)) as server:
        cache, web, flag = services(place, free_ports(2))
        configured(place, server)
        await place.up(cache, web)
        await place.watch()
        flag.unlink()
        question = await asked(place)
        assert len(place.starts("cache")) == 1  # mode auto, and nothing was done all the same
        assert server.decisions == []  # all that was recorded was asked for
        assert "error" not in server.texts()  # and every look found something
        await place.kill_daemon()
        with place.writing() as journal:
            journal.decide_approval(question, True, "ann")
        await place.watch()
        first = await place.incident(lambda row: row.status == "resolved")
        assert (first.solved_by, first.remedy) == ("model", "learnt/restart@circus:cache")
        assert len(place.starts("cache")) == 2
        assert len(told(first, "model")) == 1

        with MemoryReader(place.home.database) as reader:
            (proposed,) = reader.containing(kind=Kind.PROCEDURE)
        client = await ApiClient.connect(place.home.api_socket)
        await client.call("memory_accept", {"record": proposed.id, "by": "ann"})
        await client.close()

        server.plays()  # whoever asks it now gets no answer
        flag.unlink()
        second = await place.incident(lambda row: row.status == "resolved" and row.id != first.id)
        assert (second.solved_by, second.remedy) == ("memory", "learnt/restart@circus:cache")
        assert len(place.starts("cache")) == 3
        assert server.requests == []
        with place.journal() as journal:
            assert dict(journal.solved_by()) == {"memory": 1, "model": 1}
