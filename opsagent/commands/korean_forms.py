"""Korean verbs and adjectives taken apart: stem, ending, and what the ending says. Pure.

The ending carries what matters: `재시작해줘` asks, `재시작하지 마` forbids, `재시작하면` supposes, `재시작했대` reports. A verb
is given by its stem and its infinitive (`하`, `해`); the bases that endings follow are built from these by the rules of
the script. An ending that is not in the table is no ending: the verb then is not understood.

In endings `_` stands for a blank that may be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

_FIRST, _LAST = 0xAC00, 0xD7A3
_NONE, _N, _L, _M, _B, _SS = 0, 4, 8, 16, 17, 20


@dataclass(frozen=True, slots=True)
class Ending:
    """One ending that was found, and what it says."""

    end: int
    form: str
    """A form of `opsagent.commands.tags.FORMS`, or `will` (할게: the speaker does it), `duty` (해야 해), `quote` (하래, 한대),
    `reason` (해서, 하니까), `instead` (하지 말고), `progress` (하고 있어), `seems` (한 것 같아)."""
    polite: bool = False
    """It asks for it as a question (해줄래?): a question mark is no doubt."""


def coda(syllable: str) -> int:
    """Return the number of the final consonant of a syllable; 0: it has none."""
    return (ord(syllable) - _FIRST) % 28 if _FIRST <= ord(syllable) <= _LAST else _NONE


def with_coda(text: str, number: int) -> str:
    """Return the text with that final consonant on its last syllable."""
    return text[:-1] + chr(ord(text[-1]) - coda(text[-1]) + number)


@lru_cache(maxsize=1024)
def bases(stem: str, infinitive: str) -> tuple[tuple[str, str], ...]:
    """Return the bases of a verb: (kind, text), where the kind says which endings may follow."""
    last = coda(stem[-1])
    closed = last not in {_NONE, _L}
    bare = with_coda(stem, _NONE) if last == _L else stem
    found = [
        ("inf", infinitive),
        ("past", with_coda(infinitive, _SS)),
        ("stem", stem),
        ("eu", f"{stem}으" if closed else stem),
        ("n", f"{stem}은" if closed else with_coda(bare, _N)),
        ("l", f"{stem}을" if closed else with_coda(bare, _L)),
        ("b", f"{stem}습" if closed else with_coda(bare, _B)),
        ("m", f"{stem}음" if closed else with_coda(bare, _M)),
    ]
    if last == _L:
        found += [("eu", bare), ("stem", bare)]
    return tuple(dict.fromkeys(found))


_CAN = r"(?:있(?:어|어요|나|나요|니|냐|을까|을까요|겠니|겠어|겠어요|겠습니까|습니까|으세요|으신가요|는지요|을런지요|을지요))"
_GIVE = r"(?:_(?:내|놓아?|놔|두어?|둬|버려|봐)_?)?_"  # 꺼 놔 줘, 해 봐 줘
_HELP = (
    r"(?:줘|줘요|줘라|줘봐|줘봐요|주라|주세요|주셔요|주십시오|주십쇼|주시오|주시죠|주삼|주셈|주쇼|주길|주길_바라|주길_바랍니다|"
    r"주시기_바랍니다|주시길_바랍니다|주시길|주기_바람|주기_바랍니다|주렴|주려무나|다오|주도록_해|주도록|주세여|주세용|주세염|줘여|줘용|줭|주셈요|주실게요|주심|주면_됨|주면_됩니다|주면_돼요)"
)
_POLITE = (
    rf"(?:줄래|줄래요|줄_?래|주실래요|주실래|줄_수_{_CAN}|줄_수는?_없(?:을까|을까요|나요|어|어요|니)|주실_수_{_CAN}"
    r"|주시겠어요|주시겠습니까|주시겠어|주겠니|주겠어|주실까요|줄_순_없(?:을까|을까요|나)|주시면_안_(?:될까요|되나요|돼요(?= ?[?？]))"
    r"|주면_안_(?:될까|되나|되나요|될까요|되니|(?:돼|돼요)(?= ?[?？]))|줄_수_있으면_(?:해줘|좋겠어|부탁해)"
    r"|주면_(?:좋겠어|좋겠는데|좋겠다|고맙겠어|고맙겠다|감사하겠어|돼|된다|좋을_것_같아|좋을_듯)"
    r"|주시면_(?:감사하겠습니다|고맙겠습니다|좋겠습니다|좋겠어요|감사해요|감사합니다|됩니다|돼요|될_것_같아요|좋을_것_같아요|됩니당))"
)
_SELF = (
    r"(?:_(?:둬|둬요|둬라|두세요|두십시오|두자|놔|놔라|놔요|놓아|놓아라|놓으세요|놓으십시오|놓자|버려|버려라|버려요|버리세요|버리자|봐|봐요|봐라"
    r"|보세요|보십시오|보자|봅시다|보셔|보시죠|봐봐|놓도록_해|두도록_해|버립시다))"
)
_AFTER = r"(?:다음(?:에는|에|엔|으로)?|뒤(?:에는|에|엔)?|후(?:에는|에|엔)?|이후(?:에)?|직후(?:에)?|담에?|다음번에)"
_MUST = r"_?(?:해|해요|돼|돼요|하나|하나요|할까|할까요|되나|되나요|될까|될까요|한다|된다|합니다|됩니다|하지|되지|하는데|되는데|할_듯|할_것_같.*|겠.*|지|지요|죠|함|됨)"
_SAID = r"(?:고|고요|며|면서|던데|던데요|네|네요|는데|는데요|더라|더라고|더라고요|니까|서|길래|지)"

_ENDINGS: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "inf": (
        (r"", "imperative", False),
        (r"라|요|용|염|줌|라요", "imperative", False),
        (rf"{_GIVE}{_HELP}", "imperative", False),
        (rf"{_GIVE}{_POLITE}", "imperative", True),
        (_SELF, "imperative", False),
        (rf"{_GIVE}(?:주고|주고_나서|주시고|주시고_나서|주고서|준_{_AFTER}|주신_{_AFTER})", "then", False),
        (rf"_(?:두고|놓고|버리고|보고|둔_{_AFTER}|놓은_{_AFTER}|본_{_AFTER}|버린_{_AFTER})", "then", False),
        (r"서", "reason", False),
        (r"서_그런데|서_그러는데|서_그래|서_말이야|서요|서_그런지|서인지", "reason", False),
        (r"_주(?:면|시면)_안_?.*|_주(?:면|시면)_안.*", "negated", False),
        (r"_주지_?(?:마.*|말.*|않.*|못.*)", "negated", False),
        (r"_달(?:래|랬|라던|라며|라는).*", "quote", False),
        (r"_(?:줬으면|주셨으면|줬음)_(?:좋겠.*|해|해요|합니다|하는데.*|싶.*|한다|함)", "duty", False),
        (rf"야{_MUST}", "duty", False),
        (r"_?줘야_?(?:해|돼|할_것_같.*|겠.*|합니다|됩니다)", "duty", False),
        (r"도_?(?:돼|돼요|됨|된다|됩니다|됨요|되나|되나요|될까|될까요|되니|되냐|됩니까|괜찮.*|좋.*|될지|되는지|문제_?없.*|상관_?없.*|무방.*)", "question", False),
        (r"(?:선|서는)_?안_?(?:돼|돼요|되|됩니다|된다|됨|될.*)", "negated", False),
        (r"_?줘도_?(?:돼|될까|되나|괜찮).*", "question", False),
        (rf"_?달라{_SAID}", "quote", False),
        (r"_?달라", "duty", False),
        (r"_?있(?:어|어요|나|나요|니|냐|지|죠|지요|습니까|는지|을까|네|네요|는_거지|는_거야|는_거|긴_해|긴_한가|는데|음|습니다|다|었어|었는데)", "lasting", False),
        (r"_?있(?:으면|다면|었으면|을_때만?|을_경우에?|는_경우에?|거든|는_동안)", "lasting-if", False),
        (r"_?있(?:으니까|어서|으니|길래)", "reason", False),
        (r"_?있(?:는|던)", "attributive", False),
    ),
    "past": (
        (r"어|어요|다|습니다|음|네|네요|지|지요|죠|니|냐|나|나요|는지|는가|는가요|을까|을까요|습니까|던가|던가요|나봐|더라|더라고|더라고요|어여", "past", False),
        (r"는데|는데요|었어|었어요|었다|었는데|었지|었네|거든|거든요|던데|구나|군|군요|단다|으니|을걸|을_텐데|을_거야|을_듯", "past", False),
        (r"으면|다면|을_때만?|을_경우에?|으면은", "conditional", False),
        (r"으면_(?:좋겠.*|해|합니다|한다|싶.*)", "duty", False),
        (rf"다{_SAID}|대|대요|다던데|다는데|다네|다며|다면서|단다|다는_말|다는_거|다고_.*", "quote", False),
        (r"으니까|으니|으니깐|길래|기_때문에", "reason", False),
        (r"던|을", "attributive", False),
        (r"다가?", "interrupted", False),
        (r"지_?만", "past", False),
    ),
    "stem": (
        (r"고|고_?나서|고서|고는|고_난_(?:뒤|다음|후)에?|고요|구|구_나서", "then", False),
        (r"자마자", "then", False),
        (r"고_?있.*", "progress", False),
        (r"자|자고요|자구요|도록|도록_?(?:해|해라|해줘|해_주세요|하세요|하자|합시다|부탁해|부탁드립니다|하십시오)", "imperative", False),
        (r"기_?(?:부탁|부탁해|부탁해요|부탁합니다|부탁드려요|부탁드립니다|바람|바랍니다|바래|바라요)", "imperative", False),
        (r"지_?마(?:|라|요|세요|십시오|시오|셈|삼|시고|시길|시기_바랍니다|슈)", "negated", False),
        (r"지_?말(?:아|아줘|아_줘|아요|아라|아_?주세요|아_?줄래|아_?주십시오|라|자|것|길|도록|도록_?해|아야_?.*|라고|지)", "negated", False),
        (r"진_?마(?:|라|요|세요)|지는_?마(?:|라|요|세요)|진_?말(?:고|아|아줘)|지는_?말(?:고|아|아줘)", "negated", False),
        (r"지_?말고|지는_?말고|진_?말고|지_?마시고|지_?말구", "instead", False),
        (r"지_?않.*|지_?못.*|질_?않.*|지도_?.*|진_?않.*|지는_?않.*", "negated", False),
        (r"나|나요|냐|냐고|니|는지|는가|는가요|는지요|는_거야|는_거지|는_건가|는_건가요|던가|던가요|나_보자", "question", False),
        (r"지|지요|죠|네|네요|는구나|는데|는데요|더라|더라고", "third", False),
        (r"거든", "conditional", False),
        (r"기", "noun", False),
        (r"게_(?:해|해줘|해_줘|해라|해주세요|해_주세요|하자|해줘요|해주십시오|만들어줘|만들어_줘)", "imperative", False),
        (r"거나|든지|든가|거나_말거나", "or", False),
        (r"라고.*|래|래요|래서|라며|라면서|라는데.*|라네|라네요|라던데.*|란다|라더라.*|랍니다|라는.*|자고.*|재|잔다|라고요|랬.*|자는데.*", "quote", False),
        (r"는_?(?:거|것|듯)_?(?:같아|같아요|같은데|같습니다|같네|같네요|같은데요|같음|해|하네|하네요|합니다|한데|싶어|싶네)", "seems", False),
        (r"는_?(?:거|것|듯)_?(?:같아서|같으니까|같으니|하니|하니까|해서|싶어서)", "reason", False),
        (r"길래|기_?때문에", "reason", False),
        (r"는", "attributive", False),
        (r"기_?(?:전|직전)에?", "before", False),
        (r"는_?중(?:이야|이에요|인가|인가요|이니|이지|입니까)?", "progress", False),
        (r"고_?싶(?:어|어요|은데|습니다|다|네|은데요)", "wish", False),
        (r"려고.*|려면.*|러_.*|려다.*|면서|다가|다간|더라도|든", "other", False),
    ),
    "eu": (
        (r"세요|십시오|십쇼|시오|시죠|시지요|시게|셔|셔요|소서|삼|셈|시길|시기_바랍니다|시길_바랍니다|시기_바래요|시면_됩니다|시면_돼요|면_돼|면_됩니다|면_된다", "imperative", False),
        (r"라", "imperative", False),
        (r"시겠어요|시겠습니까|실래요|시겠어", "imperative", True),
        (rf"시고|시고_나서|신_{_AFTER}", "then", False),
        (r"면|면은|시면|며는|면서도", "conditional", False),
        (r"면_?안_?.*|면_?안됨|시면_?안_?.*|면_?큰일.*|면_?곤란.*", "negated", False),
        (r"면_?(?:어떻게|어떨|어때|어떤|무슨|뭐|좋을까|될까|되나|되나요|되니|되겠.*).*", "question", False),
        (r"면_?좋겠.*", "duty", False),
        (r"니까|니깐|니|니까요", "reason", False),
        (r"라고.*|라던데.*|래.*|라는데.*|란다", "quote", False),
        (r"려고.*|려면.*|려다.*", "other", False),
    ),
    "n": (
        (rf"_{_AFTER}", "then", False),
        (r"다|다고요|단다", "third", False),
        (r"다면|다면은", "conditional", False),
        (r"_?경우(?:에|에만|엔)?", "conditional", False),
        (r"대|대요|다고.*|다던데.*|다는데.*|다네.*|다며.*|답니다|다더라.*|댔.*", "quote", False),
        (r"_?(?:거|것|건)(?:_?(?:야|니|지|가|가요|인가|인가요|인지|이지|입니까|맞.*|아닌.*|아냐))?", "question", False),
        (r"_?(?:거|것|듯)_?(?:같아|같아요|같은데|같습니다|같네|같네요|같은데요|같음|해|하네|하네요|합니다|한데|싶어|싶네|같어|같애)", "seems", False),
        (r"_?(?:거|것|듯)_?(?:같아서|같으니까|같으니|같은데|하니|하니까|해서|싶어서|한데)", "reason", False),
        (r"_?(?:거|것|듯)_?(?:같으면|하면|싶으면)", "conditional", False),
        (r"지|가|가요|감|데|데요", "question", False),
        (r"", "attributive", False),
        (r"_?(?:채로?|상태에서)", "other", False),
        (r"_?적_?(?:이|은|도)?_?(?:있|없).*", "ever", False),
    ),
    "l": (
        (r"까|까요|깝쇼", "question", True),
        (r"까_?말까.*|까_?봐.*|까_?하는데|까_?싶.*|지|지도.*|는지|런지", "question", False),
        (r"래|래요|라나", "duty", False),
        (r"게|게요|께|께요|거야|거예요|거에요|건데|예정.*|_?거야|_?거예요|_?예정.*|_?생각.*|란다|테니.*|_?테니.*|려고.*|라고.*", "will", False),
        (r"_?것", "imperative", False),
        (rf"_?수_?(?:는|가)?_?{_CAN}", "question", True),
        (r"_?수_?(?:는|가|도)?_?(?:없.*|있.*)", "question", False),
        (r"_?때(?:만|는|마다|에만|엔)?|_?경우(?:에|에만|엔)?|_?시(?:에|에만|엔)?", "conditional", False),
        (r"_?필요(?:는|가|도)?_?(?:없.*)", "negated", False),
        (r"_?필요(?:는|가|도)?_?(?:있.*)", "duty", False),
        (r"_?(?:거|것|듯)_?(?:같.*|하.*|한.*)|_?듯|_?만.*", "other", False),
        (r"_?때까지|_?동안|때까지|동안|수록.*", "other", False),
        (r"", "attributive", False),
    ),
    "m": ((r"|요|이야|임", "third", False),),
    "b": (
        (r"시다|시다요", "imperative", False),
        (r"니다|니당|니다만", "third", False),
        (r"니까|니까요", "question", False),
    ),
}  # fmt: skip


_MORE = "[가-힣]*"


def _longest_first(text: str) -> str:
    """Return a regular expression with the alternatives of each of its groups in an order in which the longest wins."""
    pieces, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            pieces.append(text[begin:at])
            begin = at + 1
    pieces.append(text[begin:])
    return "|".join(sorted((_inside(piece) for piece in pieces), key=len, reverse=True))


def _inside(text: str) -> str:
    done, at = "", 0
    while (begin := text.find("(?:", at)) >= 0:
        depth, end = 1, begin + 3
        while depth:
            depth += (text[end] == "(") - (text[end] == ")")
            end += 1
        done += text[at:begin] + "(?:" + _longest_first(text[begin + 3 : end - 1]) + ")"
        at = end
    return done + text[at:]


def _compiled(text: str) -> re.Pattern[str]:
    """An ending ends where its word does. `_` becomes a blank that may be there, `.*` the rest of the word."""
    text = _longest_first(text)
    return re.compile(rf"(?:{text.replace('.*', _MORE).replace('_?', '_').replace('_', ' ?')})(?![가-힣])")


@cache
def _table() -> dict[str, tuple[tuple[re.Pattern[str], str, bool], ...]]:
    return {
        base: tuple((_compiled(text), form, polite) for text, form, polite in rows) for base, rows in _ENDINGS.items()
    }


def endings(text: str, at: int, base: str) -> Iterator[Ending]:
    """Give every ending that may follow a base that ends at `at`; all of them end where a word does."""
    for pattern, form, polite in _table()[base]:
        match = pattern.match(text, at)
        if match is not None:
            yield Ending(match.end(), form, polite)
