"""E-mail addresses and card numbers: told by their shape and by a closer look. A leaf: standard library only."""

from __future__ import annotations

import re

from opsagent_tools.redact_mask import Rule, mask

_UNIT_BEFORE = re.compile(r"(?:circus|pm2|supervisord|systemd|kubernetes|docker|launchd):$|//$", re.IGNORECASE)
_NOT_DOMAIN = re.compile(
    r"\d+(?:\.\d+)+.*|.*\.(?:service|socket|target|timer|slice|scope|mount|path|device|swap|png|jpe?g|js|ts|py|so|local)",
    re.IGNORECASE,
)


def _mask_email(match: re.Match[str]) -> str:
    if match["user"].lower() == "git" or _NOT_DOMAIN.fullmatch(match["domain"]):
        return match[0]
    # `pm2:api@host.example.com` is a unit's id, `ssh://bob@host.example.com` an address of a machine.
    before = match.string[max(0, match.start() - 16) : match.start()]
    return match[0] if _UNIT_BEFORE.search(before) else mask("email")


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _mask_card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    return mask("card number") if len(set(digits)) > 1 and _luhn(digits) else match[0]


CARD = Rule(
    (),
    re.compile(
        # Issuers' prefixes and lengths (ISO/IEC 7812); timestamps begin with 1 and fall out by that.
        r"(?<![\w.])(?:"
        r"(?:4\d{3}|5[0-8]\d\d|2[2-7]\d\d|3528|353\d|35[4-8]\d|6\d{3})(?P<gap>[ -]?)\d{4}(?P=gap)\d{4}(?P=gap)\d{4}"
        r"(?:(?P=gap)\d{3})?"
        r"|3[47]\d\d(?P<amex>[ -]?)\d{6}(?P=amex)\d{5}|3(?:0[0-5]|[68]\d)\d[ -]?\d{6}[ -]?\d{4}"
        r")(?![\w]|\.\d)"
    ),
    _mask_card,
)

EMAIL = Rule(
    ("@",),
    re.compile(
        r"(?<![\w.+-])(?P<user>[a-z0-9](?:[\w.%+-]{0,62}[\w+-])?)@(?P<domain>[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24})(?![\w@-])",
        re.IGNORECASE,
    ),
    _mask_email,
)
