"""Twenty texts that typing gets wrong: every sign of ASCII, accents, Korean, Chinese, Japanese, emoji."""

from __future__ import annotations

ASCII = "".join(map(chr, range(0x20, 0x7F)))

TEXTS = (
    ASCII,
    "<a href=\"x\">'q' & b</a>",
    "C:\\dir\\*.txt | grep ^x$ > /dev/null",
    "{[(<~`!@#$%^&*-_=+;:,.?/|>)]}",
    "AaBbZzYy 0123456789",
    "éèêëàâäùûüôöîïç ÉÈÀÇ",
    "Straße Größe Übermut äöü",
    "mañana ¿qué? ¡sí!",
    "Ærø, Ångström, naïve, œuvre",
    "Łódź żółć",
    "안녕하세요 세계",
    "한글 mixed 123 ㅋㅋ",
    "日本語テスト",
    "中文测试，标点。",
    "繁體字 龍",
    "emoji 😀🚀 done",
    "family 👨‍👩‍👧 flag 🇩🇪",
    "€ 100 – “quoted” …",
    "  two  spaces  ",
    "Ελληνικά Русский",
)
