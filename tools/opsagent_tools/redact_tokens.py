"""Tokens that can be told by their own shape, whatever stands around them. A leaf: standard library only.

Shapes as their issuers document them (AWS IAM "Identifiers", GitHub "About authentication", GitLab "Token overview",
Slack "Token types", Stripe "API keys", Google "API keys" …); lengths are lower bounds, for issuers lengthen them.
"""

from __future__ import annotations

import re


def _token(label: str, needles: str, pattern: str) -> tuple[str, tuple[str, ...], re.Pattern[str]]:
    return label, tuple(needles.split("|")), re.compile(rf"(?<![A-Za-z0-9_]){pattern}(?![A-Za-z0-9])")


TOKENS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    _token("aws key", "akia|asia|abia|acca", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"),
    _token("github token", "ghp_|gho_|ghu_|ghs_|ghr_", r"gh[pousr]_[A-Za-z0-9]{20,}"),
    _token("github token", "github_pat_", r"github_pat_[A-Za-z0-9_]{20,}"),
    _token("gitlab token", "glpat-|gldt-|glrt-|glptt-|glcbt-", r"gl(?:pat|dt|rt|ptt|cbt)-[\w.-]{18,}"),
    _token("slack token", "xox|xapp-", r"(?:xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,})"),
    _token(
        "slack webhook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{10,}"
    ),
    _token("discord webhook", "api/webhooks/", r"discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}"),
    _token("teams webhook", "webhook.office.com", r"[\w-]{1,100}\.webhook\.office\.com/[\w/@-]{20,}"),
    _token("stripe key", "_live_|_test_", r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,}"),
    _token("stripe key", "whsec_", r"whsec_[A-Za-z0-9+/=]{16,}"),
    _token("google key", "aiza", r"AIza[\w-]{35}"),
    _token("google token", "ya29.", r"ya29\.[\w-]{20,}"),
    _token("google secret", "gocspx-", r"GOCSPX-[\w-]{20,}"),
    _token("google token", "1//0", r"1//0[\w-]{30,}"),
    _token("api key", "sk-", r"sk-(?=[\w-]{0,200}\d)(?:[a-z]+-)*[\w-]{20,}"),
    _token("huggingface token", "hf_", r"hf_[A-Za-z0-9]{30,}"),
    _token("npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _token("pypi token", "pypi-ag", r"pypi-Ag[\w-]{50,}"),
    _token("docker token", "dckr_", r"dckr_(?:pat|oat)_[\w-]{20,}"),
    _token("digitalocean token", "o_v1_|p_v1_|r_v1_", r"do[opr]_v1_[a-f0-9]{64}"),
    _token("sendgrid key", "sg.", r"SG\.[\w-]{16,}\.[\w-]{16,}"),
    _token("mailgun key", "key-", r"key-[0-9a-f]{32}"),
    _token("twilio key", "sk", r"SK[0-9a-f]{32}"),
    _token("telegram token", ":aa", r"\d{8,10}:AA[\w-]{32,}"),
    _token("shopify token", "shpat_|shpca_|shppa_|shpss_", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    _token("databricks token", "dapi", r"dapi[0-9a-f]{32}(?:-\d)?"),
    _token("vault token", "hvs.|hvb.|hvr.", r"hv[sbr]\.[\w-]{20,}"),
    _token("terraform token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,}"),
    _token("new relic key", "nrak-", r"NRAK-[A-Z0-9]{27}"),
    _token("postman key", "pmak-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    _token("linear key", "lin_api_", r"lin_api_[A-Za-z0-9]{40}"),
    _token("age key", "age-secret-key-", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    _token("jwt", "eyj", r"eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*){0,3}"),
)
