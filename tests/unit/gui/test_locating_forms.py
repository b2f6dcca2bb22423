"""Random forms under random drifts: whatever is found is the target; and enough is found. The generator knows which it is."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.gui.fingerprints import fingerprint_of
from opsagent_tools.gui.locating import locate
from opsagent_tools.gui.model import Fingerprint, Located, SurfaceKind
from tests.support.forms import DRIFTS, Form, look_at, meant, random_form, read, recorded, targets, window

SEEDS = st.integers(min_value=0, max_value=10**9)
EXAMPLES = int(os.environ.get("SCREEN_FORMS", "8"))
"""More of them, by hand: SCREEN_FORMS=2000 pytest tests/unit/gui/test_locating_forms.py"""
ALL = ("moved", "resized", "bigger_font", "reordered", "extra_fields", "decoys")
PLANS = {
    "same": (),
    "moved and resized": ("moved", "resized"),
    "font": ("bigger_font",),
    "reordered": ("reordered",),
    "extra fields": ("extra_fields",),
    "renamed": ("renamed",),
    "decoys": ("decoys",),
    "all": ALL,
    "all, and renamed": (*ALL[:-1], "renamed", "decoys"),
    "gone": ("removed",),
    "gone, with decoys": ("removed", "decoys"),
    "gone, with extra fields": ("removed", "extra_fields", "reordered"),
}


def drifted(form: Form, key: str, plan: tuple[str, ...], random: Random) -> Form:
    for one in plan:
        form = DRIFTS[one](form, key, random)
    return form


def cases(seed: int, count: int = 3) -> Iterator[tuple[Random, Form, str]]:
    random = Random(seed)
    form = random_form(random)
    keys = targets(form)
    for key in random.sample(keys, min(count, len(keys))):
        yield random, form, key


def took_its_place(found: Located, plan: tuple[str, ...]) -> bool:
    """A field that stands where another one was, among all that was around that, cannot be told from a renamed one."""
    return "removed" in plan and found.drift == ("label",) and found.score <= 0.75


def judged(fingerprint: Fingerprint, form: Form, key: str, plan: tuple[str, ...], found: object) -> str:
    if not isinstance(found, Located):
        return "halted"
    shown = window(form)
    right = meant(shown, found) == key and "removed" not in plan
    assert right or took_its_place(found, plan), f"{fingerprint} led to {meant(shown, found)}, not to {key}: {found}"
    return "found" if right else "replaced"


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_what_a_tree_of_elements_shows_is_never_taken_for_another(seed: int) -> None:
    for random, form, key in cases(seed):
        look = look_at(window(form))
        fingerprint = fingerprint_of(next(one for one in look.elements if one.id == key), look)
        for plan in PLANS.values():
            changed = drifted(recorded(form, key), key, plan, random)
            judged(fingerprint, changed, key, plan, locate(fingerprint, look_at(window(changed))))


@settings(max_examples=EXAMPLES)
@given(SEEDS)
def test_what_is_read_from_pixels_is_never_taken_for_another(seed: int) -> None:
    for random, form, key in cases(seed, count=2):
        look = look_at(window(form))
        pixels = look_at(read(window(form), random), SurfaceKind.PIXEL)
        fingerprint = fingerprint_of(next(one for one in look.elements if one.id == key), look, read=pixels)
        unseen = replace(recorded(form, key), home="")  # groups are not told by pixels
        for plan in PLANS.values():
            changed = drifted(unseen, key, plan, random)
            seen = look_at(read(window(changed), random, noise=0.05), SurfaceKind.PIXEL)
            judged(fingerprint, changed, key, plan, locate(fingerprint, seen))


def rates(*, pixels: bool) -> dict[str, float]:
    """Return the part of the targets that was found, by plan. Targets that look like others from the start are left out."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for seed in range(10):
        for random, form, key in cases(seed):
            look = look_at(window(form))
            eyes = look_at(read(window(form), random), SurfaceKind.PIXEL) if pixels else None
            fingerprint = fingerprint_of(next(one for one in look.elements if one.id == key), look, read=eyes)
            if not isinstance(locate(fingerprint, eyes or look), Located):
                continue
            for name, plan in PLANS.items():
                changed = drifted(recorded(form, key), key, plan, random)
                shown = read(window(changed), random, noise=0.03) if pixels else window(changed)
                kind = SurfaceKind.PIXEL if pixels else SurfaceKind.ACCESSIBLE
                counts[name][judged(fingerprint, changed, key, plan, locate(fingerprint, look_at(shown, kind)))] += 1
    return {name: one["found"] / sum(one.values()) for name, one in counts.items()}


def test_a_tree_of_elements_is_found_again_in_nearly_all_drifts() -> None:
    found = rates(pixels=False)
    for name in ("same", "moved and resized", "font", "reordered", "extra fields"):
        assert found[name] >= 0.99, found
    assert found["decoys"] >= 0.85, found
    assert found["all"] >= 0.85, found
    assert found["renamed"] >= 0.65, found  # buttons whose name means something else now are halted at
    assert found["gone"] == found["gone, with decoys"] == 0.0


def test_pixels_are_found_again_in_most_drifts() -> None:
    found = rates(pixels=True)
    for name in ("same", "moved and resized", "font", "reordered", "extra fields"):
        assert found[name] >= 0.95, found
    assert found["decoys"] >= 0.75, found
