"""What a secret looks like: one rule per shape, each with the plain substrings that a text must hold for it to match.

Rules run in the order of `GROUPS`, those with the widest context first. None of them sees a mask that is there already.
A leaf: standard library only.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence

from opsagent_tools.redact_mask import Rule, mask
from opsagent_tools.redact_personal import EMAIL
from opsagent_tools.redact_tokens import TOKENS

# --- names of secrets ---

_PASSWORDS = r"pass(?:w(?:or)?d|phrase|code)|(?<![a-z])(?-i:pass|PASS)(?![a-z])|(?-i:(?<=[a-z])Pass(?![a-z]))|(?<!old)pwd|requirepass"
_KEYS = (
    r"aws[\w-]{0,24}(?:key|token)|secret[_ -]?(?:access[_ -]?)?key(?:[_ -]?base)?"
    r"|(?:api|access|account|app|auth|deploy|encryption|hmac|license|master|private|shared[_ -]?access|signing|storage"
    r"|subscription|webhook)[_ -]?key"
)
_OTHERS = (
    r"secret|token|credentials?|_auth|cvv|cvc|(?<![a-z])otp|session_?id|(?<![a-z])(?:php|j|asp\.net_)sess(?:ion)?_?id"
)
_SECRETS = rf"(?P<key>{_PASSWORDS}|{_KEYS}|{_OTHERS}|connect\.sid|[?&]sig|x-(?:amz|goog)-signature)"
SECRET_NAME = re.compile(
    rf"(?P<key>{_PASSWORDS}|{_KEYS}|{_OTHERS}|cookie|authorization|private)"
    r"(?![s_ -]*(?:file|path|dir|name|type|count|ttl|len|limit|age\b|expir|timeout|policy|per|used|usage|id$))",
    re.IGNORECASE,
)
_NAME_NEEDLES = (
    *("pass", "pwd", "secret", "token", "key", "credential", "_auth", "cvv", "cvc", "otp", "sessionid", "session_id"),
    *("sessid", "connect.sid", "sig=", "signature"),
)


def label_of(name: str) -> str:
    """Return the kind of secret that a field of this name holds."""
    low = name.lower()
    for part, label in (
        ("aws", "aws key"), ("identified", "password"), ("masterauth", "password"), ("pass", "password"), ("pwd", "password"), ("token", "token"), ("cookie", "cookie"),
        ("sess", "session"), ("sid", "session"), ("authorization", "authorization"), ("sig", "signature"), ("key", "key"),
        ("credential", "credential"), ("cv", "card code"), ("otp", "one-time code"),
    ):  # fmt: skip
        if part in low:
            return label
    return "secret"


_HARMLESS = re.compile(
    r"null|none|nil|undefined|true|false|\*+|x{3,}|\.{3}|…|-|<[^<>]*>?|\$\{[\w:.-]*\}?|\$[A-Z_][A-Z0-9_]*|\{\{?[\w. ]*\}{0,2}"
    r"|%s|%\(\w+\)s|\[\w+\]"
    r"|(?:~|\.{1,2}|file://)?/(?:etc|usr|var|opt|home|root|run|srv|tmp|mnt|data|app|proc|secrets?|dev|Users|nix)/[\w./@+-]*"
    r"|(?:~|\.{1,2})/[\w./-]+",
    re.IGNORECASE,
)
_PROSE = frozenset(
    "a an and are at authentication bad by can cannot changed check did does empty error expected expired failed failure"
    " field flag for from given has have if in incorrect instead invalid is it length lookup manager mismatch missing must"
    " no not of ok on option or provided refresh rejected required reset secret should string the to token too unset"
    " unexpected use using value was when will with wrong yes your password".split()
)


def worth_masking(value: str) -> bool:
    """Return whether a value may be a secret at all: not empty, no placeholder, no file path, not `null`."""
    return bool(value) and _HARMLESS.fullmatch(value) is None


# --- values ---

# A group in a lookahead, then itself again, is never given back once matched. The short way to say so (`*+`, `++`)
# matches wrongly before Python 3.11.5 (Debian 12 has 3.11.2).
_QUOTED = (
    r"(?P<open>\\{0,8}[\"'])(?=(?P<quoted>(?:(?!(?P=open))(?:\\.|[^\n]))*))(?P=quoted)"
    r"(?P<close>(?P=open)|(?=\n)|$)"
)
_STOP = r"[&;,]\\{0,8}[\"']?[\w.-]+\\{0,8}[\"']?[=:]|[,;:)\]}.]{1,16}(?:[\s\"']|$)|\\{1,8}[\"'nrt]|</"
_BARE = rf"(?=(?P<bare>(?:(?!{_STOP})[^\s\"'`«»])+))(?P=bare)"
_VALUE = rf"(?:{_QUOTED}|{_BARE})"


def _is_secret(key: str, separator: str, bare: str) -> bool:
    """Tell a bare value after a secret-sounding name from prose: `password: hunter2` from `password: must be set`."""
    if not worth_masking(bare) or (bare[0] in "/~" and key.lower().endswith("pwd")):
        return False
    label = label_of(key)
    if key in {"pass", "PASS"} and (bare.isdigit() or (key == "PASS" and "=" not in separator)):
        return False  # what tests say
    if "=" in separator:
        return label == "password" or len(bare) >= 4
    if bare.lower().strip(".,;:!?()'") in _PROSE:
        return False
    if label == "password":
        return len(bare) >= 3
    return len(bare) >= 6 and (len(bare) >= 12 or not bare.isalpha())


def _mask_named(match: re.Match[str]) -> str:
    key, separator = match["key"], match["sep"]
    if match["open"] is None:
        value = match["bare"]
        if not _is_secret(key, separator, value):
            return match[0]
        return f"{match['head']}{mask(_better_label(value, key))}"
    value = match["quoted"]
    if not worth_masking(value):
        return match[0]
    return f"{match['head']}{match['open']}{mask(_better_label(value, key))}{match['close']}"


def _better_label(value: str, key: str) -> str:
    for label, _, pattern in TOKENS:
        if pattern.fullmatch(value):
            return label
    return label_of(key)


def named_rule(names: Sequence[str], label: Callable[[str], str]) -> Rule:
    """Return the rule that masks whatever is assigned to one of these names. `label`: what stands in the mask."""

    def masked(match: re.Match[str]) -> str:
        if match["open"] is None:
            return f"{match['head']}{mask(label(match['key']))}" if worth_masking(match["bare"]) else match[0]
        if not worth_masking(match["quoted"]):
            return match[0]
        return f"{match['head']}{match['open']}{mask(label(match['key']))}{match['close']}"

    either = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    pattern = _named(rf"(?P<head>(?<![A-Za-z0-9])(?P<key>{either}){_SEPARATOR}){_VALUE}")
    return Rule(tuple(name.lower() for name in names), pattern, masked)


def _named(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_SEPARATOR = r"(?P<sep>\\{0,8}[\"']?\]?\s*(?:=>|:=|={1,2}|:(?!:))\s*)"
_ASSIGNED = _named(rf"(?P<head>{_SECRETS}{_SEPARATOR}){_VALUE}")
_FLAG = _named(
    rf"(?P<head>(?<![\w-])--?[a-z0-9-]*{_SECRETS}(?P<sep>\s+|[\"']\s*,\s*))(?!-){_VALUE}",
)
_SAID = _named(
    rf"(?P<head>(?P<key>identified (?:with \S+ )?by(?: password)?|password)(?P<sep>\s+)(?=\\{{0,8}}['\"])){_VALUE}"
)
_SPACED = _named(rf"(?P<head>(?P<key>requirepass|masterauth|login\s+\S+\s+password)(?P<sep>\s+)){_VALUE}")
_XML = _named(
    r"(?P<head><[\w:.-]*(?:password|passwd|secret|token|api_?key)(?:\s[^<>]*)?>)(?P<value>[^<>\s][^<>]*)(?=</)"
)


# --- headers, command lines, addresses ---


def _kept(label: str) -> Callable[[re.Match[str]], str]:
    """Mask group `value` and keep what stands before and after it in the match."""

    def masked(match: re.Match[str]) -> str:
        if not worth_masking(match["value"]):
            return match[0]
        start, end = match.start("value") - match.start(), match.end("value") - match.start()
        return f"{match[0][:start]}{mask(label)}{match[0][end:]}"

    return masked


_AUTHORIZATION = re.compile(
    r"authorization\\{0,8}[\"']?\]?\s*(?:=>|[:=])\s*(?:\\{0,8}[\"'])?"
    r"(?:(?:digest|aws4-hmac-sha256|oauth|hawk)\s+(?P<rest>[^\n]+?(?=\\{0,8}'|\n|$))"
    r"|(?:(?:bearer|basic|token|negotiate|ntlm|apikey|api-key|key|sharedkey|splunk)[ +]|bearer%20)"
    r"(?P<value>[^\s\"'\\,;«»]+)|(?P<bare>[^\s\"'\\,;«»]+))",
    re.IGNORECASE,
)


def _mask_authorization(match: re.Match[str]) -> str:
    group = "rest" if match["rest"] else "value" if match["value"] else "bare"
    value = match[group]
    harmless_word = value.isalpha() and (group == "bare" or value.lower() in _PROSE)
    if not worth_masking(value) or harmless_word:
        return match[0]
    return match[0][: match.start(group) - match.start()] + mask("authorization")


def _mask_basic(match: re.Match[str]) -> str:
    try:
        plain = base64.b64decode(match["value"] + "=" * (-len(match["value"]) % 4), validate=True)
    except binascii.Error:
        return match[0]
    return f"{match['head']}{mask('authorization')}" if b":" in plain else match[0]


def _mask_bearer(match: re.Match[str]) -> str:
    value = match["value"]
    if len(value) < 20 and (len(value) < 8 or value.isalpha()):
        return match[0]
    return f"{match['head']}{mask('token')}"


def _rule(needles: str, pattern: str, masked: Callable[[re.Match[str]], str], flags: int = re.IGNORECASE) -> Rule:
    return Rule(tuple(needles.split("|")), re.compile(pattern, flags), masked)


def _mask_key_line(match: re.Match[str]) -> str:
    value = match[0]
    kinds = (str.islower, str.isupper, str.isdigit)
    mixed = all(any(map(kind, value)) for kind in kinds) and value.count("/") <= _SLASHES
    return mask("key material") if mixed else value


_SLASHES = 6
"""More of them in 64 characters are a path: in base64 one in 64 is a slash."""
KEY_LINE = Rule(
    (),
    re.compile(r"(?<!\S)[A-Za-z0-9+/]{64}(?:[A-Za-z0-9+/]{6}){0,2}(?!\S)"),
    _mask_key_line,
)
"""A line of a private key by itself, as logs that are read line by line have it (64, 70 or 76 characters of base64)."""
KEY_LINE_CHARS = 64
"""A shorter text has none."""

_IN_CONTEXT: tuple[Rule, ...] = (
    _rule(
        "private key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[\s\S]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)",
        lambda _: mask("private key"),
        re.NOFLAG,
    ),
    Rule(("authorization",), _AUTHORIZATION, _mask_authorization),
    _rule(
        "cookie",
        r"cookie2?\\{0,8}[\"']?\]?\s*(?:=>|[:=])\s*(?:\\{0,8}[\"'])?"
        r"(?P<value>[^\s;,\"'=\\]+=[^\s;\"'\\]*(?:;\s*[^\s;=\"'\\]+(?:=[^;\"'\\\n]*?(?=[;\"'\\\n]|\s|$))?)*)",
        _kept("cookie"),
    ),
    Rule(_NAME_NEEDLES, _ASSIGNED, _mask_named),
    Rule(("--", "-pass", "-token", "-secret"), _FLAG, _mask_named),
    Rule(("identified ", "password '", 'password "', "password \\"), _SAID, _mask_named),
    Rule(("requirepass", "masterauth", "login "), _SPACED, _mask_named),
    Rule(("</",), _XML, _kept("secret")),
    _rule("bearer", r"(?P<head>\bbearer(?:\s+|%20|\+))(?P<value>[\w.~+/=-]+)", _mask_bearer),
    _rule("basic ", r"(?P<head>\bbasic\s+)(?P<value>[A-Za-z0-9+/]{6,}={0,2})", _mask_basic),
    _rule(
        "://",
        r"[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'«»]*:(?P<value>[^\s\"'«»/]+)@|://(?P<sentry>[0-9a-f]{32})@",
        lambda match: _kept("password")(match) if match["value"] else f"://{mask('key')}@",
    ),
    _rule("@tcp(|@unix(", r"\b[\w.-]{1,128}:(?P<value>[^\s\"'@]+)@(?=tcp\(|unix\()", _kept("password")),
    _rule(
        "mysql|mariadb",
        r"\b(?:mysql|mariadb)[\w-]*\s[^|;\n]{0,200}?(?<=\s)-p(?P<value>[^\s\"'-][^\s\"']*)",
        _kept("password"),
    ),
    _rule(
        "sshpass|redis-cli|mongo|login|ldap",
        r"\b(?:sshpass|redis-cli|mongo\w*|(?:docker|podman|helm registry) login|ldap\w+)\s(?:[^|;\n]{0,200}?\s)??-[paw]\s*[\"']?"
        r"(?P<value>[^\s\"'-][^\s\"']*)",
        _kept("password"),
    ),
    _rule(
        "curl|wget|http",
        r"\b(?:curl|https?)\s[^|;\n]{0,200}?(?<=\s)(?:-u|--user|-a|--auth)[\s=]*[\"']?[^\s:\"']+:(?P<value>[^\s\"']+)",
        _kept("password"),
    ),
    EMAIL,
)


def _masked_whole(label: str) -> Callable[[re.Match[str]], str]:
    return lambda _: mask(label)


_TOKENS = tuple(Rule(needles, pattern, _masked_whole(label)) for label, needles, pattern in TOKENS)
_UNDERSCORED = tuple(rule for rule in _TOKENS if all("_" in needle for needle in rule.needles))

GROUPS: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("", _IN_CONTEXT),
    ("_", _UNDERSCORED),
    ("", tuple(rule for rule in _TOKENS if rule not in _UNDERSCORED)),
)
"""Rules in the order in which they run, behind a substring that all needles of a group contain."""
