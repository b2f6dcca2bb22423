"""`[memory]` in `config.toml`: what may stand in it, and what holds without it."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from opsagent.config import Config, ConfigError, parse
from opsagent.config_memory import READERS
from opsagent.memory_settings import SIZES, SWITCHES
from opsagent_memory.learning.words import LearningOptions
from opsagent_memory.options import MemoryOptions, SizePolicy


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_without_a_word_the_memorys_own_defaults_hold(tmp_path: Path) -> None:
    assert Config().memory.options() == MemoryOptions()
    assert parse(written(tmp_path, "")).memory == Config().memory


def test_what_is_said_reaches_the_memory(tmp_path: Path) -> None:
    text = (
        "[memory]\nlearn = false\nexplore = false\nconsolidate = false\nquote = false\nembeddings = 'ollama:nomic-embed-text'\n"
        "max_records = 5000\nkeep_detail_days = 7\nkeep_archived_days = 30\nrepeats_kept = 2\n"
        "learning = { momentum = false, linear = false }\n"
    )
    said = parse(written(tmp_path, text)).memory
    assert (said.learn, said.explore, said.consolidate, said.quote, said.embeddings) == (False,) * 4 + (
        "ollama:nomic-embed-text",
    )
    assert said.options() == MemoryOptions(
        learning=LearningOptions(momentum=False, linear=False, exploration=False),
        policy=SizePolicy(max_records=5000, keep_detail_days=7, keep_archived_days=30, repeats_kept=2),
    )


def test_a_model_elsewhere_is_named_with_its_settings(tmp_path: Path) -> None:
    text = '[memory]\nembeddings = { langchain = "ollama:nomic-embed-text", base_url = "http://127.0.0.1:11434" }\n'
    said = parse(written(tmp_path, text)).memory.embeddings
    assert said == {"langchain": "ollama:nomic-embed-text", "base_url": "http://127.0.0.1:11434"}


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("memory = 1", "memory", "must be a table"),
        ("[memory]\nlern = true", "memory.lern", "unknown key"),
        ("[memory]\nmax_records = 3", "memory.max_records", "3"),
        ("[memory]\nembeddings = ' '", "memory.embeddings", "names no model"),
        ("[memory]\nembeddings = 'nomic'", "memory.embeddings", "names no model"),
        ("[memory]\nembeddings = { base_url = 'x' }", "memory.embeddings.langchain", "names no model"),
        ("[memory]\nembeddings = { langchain = 'a:b', c = [] }", "memory.embeddings.c", "must be a text"),
        ("[memory]\nlearning = { momentun = true }", "memory.learning.momentun", "unknown key"),
        ("[memory.learning]\nmomentum = 1", "memory.learning.momentum", "must be a boolean"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, place: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        parse(written(tmp_path, text))
    assert place in str(told.value)
    assert problem in str(told.value)
    assert "\n" not in str(told.value)


def test_every_switch_and_every_limit_can_be_set_and_is_documented() -> None:
    assert set(SIZES) == {one.name for one in fields(SizePolicy)}
    assert {*SWITCHES, "exploration"} == {one.name for one in fields(LearningOptions)}
    page = (Path(__file__).parents[2] / "docs" / "config.md").read_text()
    table = page.partition("## Memory\n")[2].partition("## Supervisors")[0]
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE))
    assert documented == set(READERS)
