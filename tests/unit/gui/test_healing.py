"""A better fingerprint is proposed where a step was found otherwise than it was written, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

from opsagent_tools.gui.fake import Control, FakeWindow
from opsagent_tools.gui.fingerprints import fingerprint_of
from opsagent_tools.gui.healing import changes, healed
from opsagent_tools.gui.locating import locate
from opsagent_tools.gui.model import Box, Fingerprint, Located, Look
from tests.support.forms import look_at


def menu(name: str) -> Look:
    names = (name, "Edit", "Help")
    return look_at(
        FakeWindow("W", [Control(one, "menu", one, box=Box(70 * at, 0, 60, 20)) for at, one in enumerate(names)])
    )


def located(fingerprint: Fingerprint, look: Look) -> Located:
    found = locate(fingerprint, look)
    assert isinstance(found, Located)
    return found


def test_what_was_found_as_written_is_left_alone() -> None:
    look = menu("Settings")
    written = fingerprint_of(look.elements[0], look)
    assert healed(written, located(written, look), look, lower=False) is None


def test_a_renamed_target_is_proposed_under_its_new_name() -> None:
    before, after = menu("Settings"), menu("Preferences")
    written = replace(fingerprint_of(before.elements[0], before), crop="01.png")
    better = healed(written, located(written, after), after, lower=False)
    assert better is not None
    assert (better.name, better.crop) == ("Preferences", "01.png")
    assert [(one.what, one.was, one.now) for one in changes(written, better)] == [("name", "Settings", "Preferences")]
    assert located(better, after).drift == ()


def test_a_parameter_stays_a_parameter() -> None:
    look = menu("march")
    written = Fingerprint(role="menu", name="{month}")
    better = healed(written, located(replace(written, name="march"), look), look, lower=True)
    assert better is not None
    assert better.name == "{month}"
