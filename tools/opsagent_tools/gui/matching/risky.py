"""Words that speak of deleting, stopping, sending or paying, in many languages. A table, on purpose, and a generous one. Pure."""

from __future__ import annotations

import re
import unicodedata

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
_TABLE = {kind: tuple(dict.fromkeys(line.split())) for kind, line in _STEMS.items()}
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


def _begins(word: str, stem: str) -> bool:
    return word == stem if stem in _WHOLE_WORDS else word.startswith(stem) or (not stem.isascii() and stem in word)
