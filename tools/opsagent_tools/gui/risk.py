"""Which steps need a person's approval by what they are called: verbs that destroy, stop, send or pay, in many languages.

A table, on purpose, and a generous one: a step too many that asks costs a question. What has no name at all (an icon) asks,
too. A person's word in the procedure (`risky: true`) adds to it; `risky: false` counts only where no risky word is read.
"""

from __future__ import annotations

import re
import string
import unicodedata

from opsagent_tools.gui.matching.roles import FIELDS, IN_LISTS, PRESSED, RANGES, SECRET
from opsagent_tools.gui.model import Fingerprint, Located, SurfaceKind, Verb
from opsagent_tools.gui.procedure import ScreenStep

_STEMS = {
    "delete": (
        "delete remove erase wipe purge destroy discard trash clear drop truncate format uninstall overwrite empty forget shred "
        "lösch lösche entfern verwerf leeren überschreib deinstall formatier supprim efface effac enlever vider écras "
        "désinstall elimin borrar borra quitar vaciar descart sobrescrib desinstal apagar excluir remov rimuov cancella svuota "
        "recycle wastebasket papierkorb corbeille papelera lixeira cestino корзин 휴지통 ごみ箱 ゴミ箱 回收站 "
        "formatt usuń skasuj удал стереть очист 삭제 제거 지우 비우 초기화 포맷 削除 消去 初期化 删除 清空 清除 格式化 刪除"
    ),
    "stop": (
        "shutdown shut poweroff power reboot restart stop kill terminate abort halt suspend hibernate disable deactivate "
        "disconnect unmount eject detach revoke block ban quit "
        "herunterfahr neustart ausschalt beend abbrech stopp anhalt deaktivier trenn sperr aushäng arrêt éteind redémarr "
        "désactiv déconnect quitt apag reinici detener deten desactiv desconect bloque deslig spegn arrest riavvi disattiv "
        "завершить перезагруз останов отключ выключ 종료 중지 정지 중단 재시작 재부팅 끄기 차단 停止 終了 再起動 シャットダウン 关机 重启 终止 停用"
    ),
    "send": (
        "submit send publish post deploy release transfer pay buy order purchase checkout confirm approve commit execute run "
        "apply push merge grant migrate restore rollback reset revert upgrade install update subscribe donate withdraw "
        "absend abschick einreich sende veröffentlich überweis bezahl kauf bestell bestätig genehmig anwend ausführ "
        "zurücksetz wiederherstell install aktualisier envoy soumett publi transfér payer achet commander confirm approuv "
        "appliqu exécut rétabl réinitialis enviar envia transfer pagar pag comprar compra pedir aprob aplic ejecut restablec "
        "restaur confirm invia paga acquist ordina conferm approva applic esegui ripristin wyślij zapłać отправ оплат купить "
        "подтверд перевод применить выполн сброс 전송 제출 보내 송금 이체 결제 구매 주문 승인 확정 배포 게시 적용 실행 복원 업데이트 "
        "送信 提出 支払 購入 注文 承認 公開 実行 適用 提交 发送 支付 购买 转账 批准 发布 执行"
    ),
}
_WORD = re.compile(r"[^\W\d_]+")
_WHOLE_WORDS = frozenset({"run", "post", "pay", "buy", "ban", "shut", "pag", "push", "order", "drop", "power", "clear"})
_HARMLESS = re.compile(
    r"(?i)\b(?:sign (?:in|on)|post code|postcode|postal|stop ?bits?|update interval|run time|runtime|order by|sort order|"
    r"power (?:law|of)|no\. of|drop[- ]?down|release notes|installed|clear ?type|format (?:of|as)|order id|order number)\b"
)


def risky_words(text: str) -> str:
    """Return which kind of risk (delete, stop, send) a name speaks of, with the word; empty where of none."""
    lowered = unicodedata.normalize("NFC", _HARMLESS.sub(" ", unicodedata.normalize("NFKC", text))).casefold()
    words = _WORD.findall(lowered)
    for kind, stems in _TABLE.items():
        for word in words:
            if any(_begins(word, stem) for stem in stems):
                return f"{kind}: {word}"
    return ""


def risk_of(step: ScreenStep, at: Located | None = None) -> str:
    """Return why a step needs approval, in words; empty where it does not.

    What is read on the screen now (`at`) counts as much as what the procedure calls it.
    """
    if _only_opens(step, at):
        return "the procedure says that it is risky" if step.risky else ""
    names = _names(step.on, at)
    for name in [*names, *(_names(step.to, None) if step.gesture.verb is Verb.DRAG else ())]:
        if (
            step.gesture.verb not in {Verb.WAIT, Verb.SCROLL}
            and not _typed_into(step, at)
            and (found := risky_words(name))
        ):
            return f"it is called “{name}” ({found})"
    if step.risky:
        return "the procedure says that it is risky"
    if step.gesture.verb in {Verb.CLICK, Verb.DOUBLE, Verb.RIGHT, Verb.DRAG} and step.on is not None and not names:
        return "nothing says what it does: it has no name"
    if step.gesture.verb is Verb.HOTKEY and step.risky is None:
        return _risky_keys(step.gesture.keys)
    return ""


def _only_opens(step: ScreenStep, at: Located | None) -> bool:
    """Tell whether a click shows something and does nothing: a menu called `Format`, a column called `Order`."""
    if step.on is None or step.on.role not in _OPENED or step.gesture.verb is not Verb.CLICK:
        return False
    element = at.element if at is not None else None
    return (
        element is None or element.role in _OPENED or (element.role == "text" and element.source is SurfaceKind.PIXEL)
    )


def _names(on: Fingerprint | None, at: Located | None) -> list[str]:
    found = [on.name, on.label] if on else []
    if at is not None and at.element is not None:
        found += [at.element.name, at.element.label]
    return [name for name in dict.fromkeys(found) if _says_something(name)]


def _says_something(name: str) -> bool:
    """Tell whether a name is one: letters, digits, the signs of a calculator; `…`, dingbats and glyphs of icon fonts are none."""
    said = name.replace("...", "").strip()
    return any(one.isalnum() or one in string.punctuation or unicodedata.category(one) == "Sm" for one in said)


def _typed_into(step: ScreenStep, at: Located | None) -> bool:
    """Tell whether the target only takes a value: a field called `Order`, a line of a list called `Delete temp files`."""
    role = at.element.role if at is not None and at.element is not None else (step.on.role if step.on else "")
    if role in FIELDS | RANGES | SECRET:
        return True
    return role in IN_LISTS - PRESSED and step.gesture.verb is Verb.CLICK and step.risky is False


def _risky_keys(keys: tuple[str, ...]) -> str:
    pressed = frozenset(one.casefold() for one in keys)
    if pressed in _RISKY_KEYS:
        return f"{'+'.join(keys)} deletes, closes or ends something"
    return ""


def _begins(word: str, stem: str) -> bool:
    return word == stem if stem in _WHOLE_WORDS else word.startswith(stem) or (not stem.isascii() and stem in word)


_RISKY_KEYS = frozenset(
    frozenset(one.split("+"))
    for one in (
        "delete",
        "shift+delete",
        "alt+f4",
        "ctrl+q",
        "ctrl+w",
        "ctrl+alt+delete",
        "ctrl+alt+backspace",
        "ctrl+c",
        "ctrl+d",
    )
)
_OPENED = frozenset({"menu", "tab", "column header"})
_TABLE = {kind: tuple(dict.fromkeys(line.split())) for kind, line in _STEMS.items()}
