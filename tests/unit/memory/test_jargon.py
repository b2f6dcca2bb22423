"""Jargon explained: what ENOSPC, 502 or inodes mean, so that plain questions find terse records."""

from __future__ import annotations

import numpy as np
import pytest

from opsagent_memory import jargon
from opsagent_memory.bilingual import BilingualEmbedder
from opsagent_memory.testing import HashEmbedder

TERMS = jargon.read(
    "# said : terms\nout of memory : oom, oom killer\ndisk full : ENOSPC\nmany small files : inodes, df -i\ntoo large : 413\n"
)


@pytest.mark.parametrize(
    ("text", "meanings"),
    [
        ("write failed: ENOSPC", ["disk full"]),
        ("enospc, ENOSPC and the OOM killer", ["disk full", "out of memory"]),
        ("df -i shows it", ["many small files"]),
        ("df shows it", []),
        ("status 413, body 4130 bytes, 1413 requests", ["too large"]),
        ("a room with a zoom", []),
        ("", []),
    ],
)
def test_terms_are_found_as_words(text: str, meanings: list[str]) -> None:
    assert jargon.meanings(text, TERMS) == meanings


def test_the_file_says_each_term_once_and_plainly() -> None:
    lines = [line for line in jargon._text().splitlines() if line and not line.startswith("#")]
    said = [term.strip() for line in lines for term in line.partition(" : ")[2].split(",")]
    assert sorted(term for term in set(said) if said.count(term) > 1) == []
    assert all(term == term.lower() and term for term in said)
    assert len(said) > 500


def test_ordinary_talk_holds_no_jargon() -> None:
    talk = "We went to the lake on Sunday, and the children drew pictures of their dog while it was raining all day."
    assert jargon.explained(talk) == []


def test_the_meaning_is_mixed_in_and_the_length_stays_one() -> None:
    english = HashEmbedder()
    model = BilingualEmbedder(english)
    terse, plain, other = model.embed(["write failed: ENOSPC", "disk full", "queue grows"])
    assert np.linalg.norm(terse) == pytest.approx(1, abs=1e-5)
    assert float(terse @ plain) > float(english.embed(["write failed: ENOSPC"])[0] @ plain) + 0.2
    assert float(terse @ other) < 0.1
    again = model.embed(["queue grows", "write failed: ENOSPC"])
    assert np.allclose(again[1], terse, atol=1e-6)


def test_plain_questions_find_terse_records() -> None:
    model = BilingualEmbedder()
    records = model.embed(
        [
            "php: write failed, ENOSPC with 70 % free; df -i at 100 %",
            "worker exit 137 at 03:12",
            "x509: notAfter is yesterday",
            "si/so in vmstat in the thousands",
        ]
    )
    asked = model.embed(
        [
            "millions of small files, no new ones can be made",
            "the process was killed from outside",
            "the certificate ran out",
            "machine is slow for it lacks memory and is paging",
        ]
    )
    assert (asked @ records.T).argmax(axis=1).tolist() == [0, 1, 2, 3]
