"""Which documents were deleted, and which may only be out of sight."""

from __future__ import annotations

from opsagent_memory.documents.vanishing import held_back

WIKI = [f"/docs/wiki/{number}.md" for number in range(6)]
REST = [f"/docs/{number}.md" for number in range(20)]


def test_some_that_went_were_deleted() -> None:
    assert held_back(REST, REST[:10], ["/docs"]) == set()


def test_more_than_half_of_the_folder_is_held_back() -> None:
    assert held_back(REST, REST[:11], ["/docs"]) == set(REST[:11])
    assert held_back(["/wiki/a.md"], ["/wiki/a.md"], ["/wiki"]) == {"/wiki/a.md"}


def test_a_mount_below_that_is_gone_is_held_back_and_the_rest_goes() -> None:
    assert held_back(WIKI + REST, [*WIKI, REST[0]], ["/docs"]) == set(WIKI)


def test_a_small_folder_below_may_go() -> None:
    few = WIKI[:3]
    assert held_back(few + REST, few, ["/docs"]) == set()


def test_folders_that_overlap_are_counted_once() -> None:
    assert held_back(WIKI + REST, REST[:10], ["/docs", "/docs/wiki", "/docs"]) == set()
    assert held_back(["/a.md"], ["/a.md"], ["/"]) == {"/a.md"}
