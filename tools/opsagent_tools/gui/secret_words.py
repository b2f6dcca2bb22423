"""Does a field ask for a secret, by what it is called? In the languages of the consoles that people have. Pure."""

from __future__ import annotations

import re

from opsagent_tools.redact import secret_name

_WORDS = re.compile(
    r"pass ?(word|phrase|code|wd)|\bpin\b|\bpsk\b|secret|token|(api|private)[ _-]?key|credential"
    r"|pass?wort|kennwort|geheim|mot de passe|contrase(ñ|n)|clave|senha|parola|wachtwoord|lösenord|hasło|пароль"
    r"|비밀번호|암호|패스워드|パスワード|暗証|密码|密碼|口令",
    re.IGNORECASE,
)


def asks_for_secret(*called: str) -> bool:
    """Tell whether one of the names or labels of a field sounds like a secret, or like one that the user has named."""
    return any(_WORDS.search(one) is not None or secret_name(one) is not None for one in called if one)
