"""Which names need a person's approval, in several languages, and which do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsagent_tools.gui.fake import Control, FakeProgram, FakeWindow, look_of
from opsagent_tools.gui.judging import pressed_unseen
from opsagent_tools.gui.matching.risky import risky_words
from opsagent_tools.gui.model import Box, Element, Fingerprint, Gesture, Located, Look, Rung, SurfaceKind, Verb
from opsagent_tools.gui.procedure import ScreenStep
from opsagent_tools.gui.risk import risk_of

BOX, LIT = Box(0, 0, 80, 20), frozenset({"visible", "enabled", "selected"})
RISKY = """Delete|Delete…|Remove all|Shut down|Shutdown|Power off|Reboot now|Restart|Stop service|Kill|Terminate|Submit|Send|Pay
Transfer funds|Format disk|Uninstall|Overwrite|Disable|Unmount|Purge queue|Löschen|Dateien löschen|Herunterfahren|Neustarten
Beenden|Absenden|Überweisen|Supprimer|Éteindre|Arrêter|Envoyer|Payer|Eliminar|Borrar todo|Apagar|Reiniciar|Enviar|Pagar|Elimina
삭제|파일 삭제|종료|시스템 종료|재시작|전송|제출|결제|승인|송금|削除|シャットダウン|送信|删除|关机|提交|转账|Удалить|Отправить|ＤＥＬＥＴＥ|Apply|Approve"""
HARMLESS = """Open|Help|About|Name|Host|Export|Search|Cancel|Close|Next|Back|OK|View|Format of date|Post code|Stop bits|Sign in
Compress|Invite|Exclude|Command|Invisible|Change sign|Runtime|Update interval|Order by|Öffnen|Hilfe|Suchen|Ouvrir|Aide|Rechercher|Abrir|Ayuda|Buscar|열기|도움말|검색|開く|打开|Открыть|7|+"""


@pytest.mark.parametrize("name", [one for line in RISKY.splitlines() for one in line.split("|")])
def test_names_of_what_destroys_stops_or_sends_are_risky(name: str) -> None:
    assert risky_words(name)


@pytest.mark.parametrize("name", [one for line in HARMLESS.splitlines() for one in line.split("|")])
def test_other_names_are_not(name: str) -> None:
    assert not risky_words(name)


def step(
    verb: Verb = Verb.CLICK, on: Fingerprint | None = None, risky: bool | None = None, **gesture: object
) -> ScreenStep:
    return ScreenStep(gesture=Gesture(verb=verb, **gesture), on=on, risky=risky)  # type: ignore[arg-type]


def at(role: str, name: str) -> Located:
    box = Box(0, 0, 10, 10)
    element = Element(id="e", role=role, name=name, box=box, source=SurfaceKind.ACCESSIBLE)
    return Located(point=box.center, box=box, rung=Rung.STRUCTURE, element=element, score=1, margin=1)


def test_what_is_read_now_counts_as_much_as_what_was_recorded() -> None:
    harmless = step(on=Fingerprint(role="button", name="Go"))
    assert not risk_of(harmless, at("button", "Go"))
    assert "Delete" in risk_of(harmless, at("button", "Delete"))


def test_a_persons_word_adds_risk_and_takes_none_away() -> None:
    assert risk_of(step(on=Fingerprint(role="button", name="Go"), risky=True))
    assert risk_of(step(on=Fingerprint(role="button", name="Delete"), risky=False))
    assert not risk_of(step(on=Fingerprint(role="button"), risky=False), at("button", "Go"))


def test_an_icon_without_a_name_needs_a_person() -> None:
    assert risk_of(step(on=Fingerprint(role="button", crop="01.png")))
    assert risk_of(step(on=Fingerprint(role="button", name="…")))
    assert risk_of(step(on=Fingerprint(role="button", name="\ue5cd")))
    assert risk_of(step(on=Fingerprint(role="button", name="✕")))
    for name in "7=+×.%":
        assert not risk_of(step(on=Fingerprint(role="button", name=name)))


def test_typing_into_a_field_is_judged_by_the_button_that_follows() -> None:
    assert not risk_of(step(Verb.TYPE, Fingerprint(role="text field", label="Order"), text="x"))
    assert not risk_of(step(Verb.SCROLL, Fingerprint(role="list", name="Delete"), amount=1))


def test_what_is_dragged_is_judged_by_where_it_is_dropped() -> None:
    drag = Gesture(verb=Verb.DRAG)
    report = Fingerprint(role="icon", name="report.pdf")
    trash, folder = (Fingerprint(role="icon", name=name) for name in ("Trash", "Reports"))
    assert "delete" in risk_of(ScreenStep(gesture=drag, on=report, to=trash))
    assert risky_words("Papierkorb")
    assert risky_words("휴지통")
    assert risk_of(ScreenStep(gesture=drag, on=report, to=folder)) == ""


def test_a_menu_is_only_opened() -> None:
    menu = step(on=Fingerprint(role="menu", name="Format"))
    assert not risk_of(menu, at("menu", "Format"))
    assert risk_of(menu, at("button", "Format"))
    assert risk_of(step(on=Fingerprint(role="menu item", name="Format")))
    assert risk_of(step(on=Fingerprint(role="menu", name="Format"), risky=True))


@pytest.mark.parametrize(("keys", "risky"), [("ctrl+s", False), ("delete", True), ("alt+F4", True), ("return", False)])
def test_keys_that_delete_or_end_are_risky(keys: str, risky: bool) -> None:
    assert bool(risk_of(step(Verb.HOTKEY, keys=tuple(keys.split("+"))))) is risky


def shown(kind: SurfaceKind, *controls: Control) -> Look:
    program = FakeProgram([FakeWindow("Form", list(controls))])
    return look_of(program, program.windows[0], kind)


def press(keys: str, risky: bool | None = None) -> ScreenStep:
    return step(Verb.HOTKEY, keys=tuple(keys.split("+")), risky=risky)


def test_enter_is_as_risky_as_what_has_the_keys() -> None:
    states = frozenset({"visible", "enabled", "focused"})
    seen = shown(SurfaceKind.ACCESSIBLE, Control("d", "button", "Delete", box=BOX, states=states))
    for keys in ("return", "Return", "ctrl+m", "space"):
        assert "Delete" in pressed_unseen(press(keys), seen)
    assert not pressed_unseen(press("tab"), seen)
    assert pressed_unseen(step(Verb.TYPE, text="a\nb"), seen)
    area = step(Verb.TYPE, Fingerprint(role="text area", label="Notes"), text="a\nb")
    assert not pressed_unseen(area, seen)
    assert not pressed_unseen(press("return"), shown(SurfaceKind.ACCESSIBLE, Control("d", "button", "Delete", box=BOX)))


def test_pixels_do_not_tell_what_has_the_keys() -> None:
    seen = shown(SurfaceKind.PIXEL, Control("d", "button", "Delete", box=BOX), Control("o", "button", "OK", box=BOX))
    assert "may press" in pressed_unseen(press("return"), seen)
    assert not pressed_unseen(press("return", risky=False), seen)
    assert not pressed_unseen(press("return"), shown(SurfaceKind.PIXEL, Control("d", "text", "Delete", box=BOX)))


def test_a_terminal_shows_which_keys_delete() -> None:
    row = Element(id="r", role="list item", name="Wipe disk", box=BOX, source=SurfaceKind.TERMINAL, states=LIT)
    keyed = replace(row, id="k", role="button", name="Delete", states=frozenset(), actions=("key:f8",))
    typed = replace(row, id="t", role="menu item", name="Stop it", states=frozenset(), actions=("type:2",))
    seen = replace(shown(SurfaceKind.TERMINAL), elements=(row, keyed, typed))
    assert "Wipe disk" in pressed_unseen(press("enter"), seen)
    assert "Delete" in pressed_unseen(press("f8"), seen)
    assert "Stop it" in pressed_unseen(step(Verb.TYPE, text="2"), seen)
    assert not pressed_unseen(press("f3"), seen)
    assert not pressed_unseen(step(Verb.TYPE, text="3"), seen)
