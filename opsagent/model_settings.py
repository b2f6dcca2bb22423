"""`[model]` as a value: which chat model may be asked, of what, and how much it may cost. Standard library only.

A key is a secret: it is named by a file or a variable, and is in no value here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PROVIDERS: dict[str, tuple[str, ...]] = {
    "anthropic": ("api.anthropic.com:443",),
    "openai": ("api.openai.com:443",),
    "google_genai": ("generativelanguage.googleapis.com:443",),
    "ollama": ("localhost:11434", "127.0.0.1:11434"),
}
"""Where each provider is reached, unless `base_url` says otherwise."""
SEERS: dict[str, tuple[str, ...]] = {
    "anthropic": PROVIDERS["anthropic"],
    "openai": PROVIDERS["openai"],
    "lux": ("api.agiopen.org:443",),
    "ui_tars": (),
}
"""The providers of models that look at screens (`[screens.model]`), and where each is reached."""
ALIASES = {"google": "google_genai", "google-genai": "google_genai"}
EXTRAS = {"anthropic": "anthropic", "openai": "openai", "google_genai": "google", "ollama": "ollama"}
"""Which extra of the package brings a provider: `pip install 'opsagent[openai]'`."""
PACKAGES = {
    "anthropic": "langchain_anthropic",
    "openai": "langchain_openai",
    "google_genai": "langchain_google_genai",
    "ollama": "langchain_ollama",
}
"""The package that each extra brings."""
KEYLESS = frozenset({"ollama"})

_HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})

AcceptLearnt = Literal["never", "safe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What a million tokens cost."""

    tokens_in: float
    tokens_out: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OneModel:
    """One chat model, and how to reach it."""

    name: str
    """`PROVIDER:MODEL`."""
    key_file: str = ""
    """File with the key; relative: in the home's folder `model`. Its owner's only."""
    key_env: str = ""
    """Variable with the key."""
    base_url: str = ""
    """Where a server is that speaks the provider's language (`openai:` for most); empty: the provider's own."""
    hosts: tuple[str, ...] = ()
    """Hosts that it may connect to beside the one of `base_url`, or the provider's own."""
    price: Priced | None = None
    """None: nobody knows what it costs."""

    @property
    def provider(self) -> str:
        """Return who runs it, by LangChain's name."""
        said = self.name.partition(":")[0].lower()
        return ALIASES.get(said, said)

    @property
    def model(self) -> str:
        """Return the provider's own name of it."""
        return self.name.partition(":")[2]

    @property
    def needs_key(self) -> bool:
        """Tell whether nothing goes without a key: not at a server of one's own."""
        return self.provider not in KEYLESS and not self.base_url

    @property
    def reached(self) -> tuple[str, ...]:
        """Return every host that it may connect to, with its port."""
        usual = PROVIDERS.get(self.provider) or SEERS.get(self.provider, ())
        own = (host_of(self.base_url),) if self.base_url else usual
        return tuple(dict.fromkeys((*own, *self.hosts)))

    @property
    def leaves(self) -> bool:
        """Tell whether what is asked leaves the machine."""
        return any(_name_of(host) not in _HERE for host in self.reached)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """`[model]`. Without a name no model is ever asked; without `send` nothing leaves."""

    first: OneModel | None = None
    fallback: OneModel | None = None
    """Asked where the first one does not answer."""
    send: bool = False
    """A person's consent that what is asked leaves the machine, masked. A model on this machine needs none."""
    unattended: bool = False
    """Whether an incident that nothing known helps against is put to it, too."""
    accept: AcceptLearnt = "never"
    """Whether what it worked out, a person approved and verification confirmed is accepted as a procedure by itself:
    `safe`: where every step is safe."""
    monthly_limit: float | None = None
    """In `currency`, for a calendar month in UTC; None: no limit."""
    monthly_tokens: int | None = None
    """Tokens of a calendar month, in and out; the one limit that holds where a price is not known."""
    currency: str = "USD"
    calls_per_question: int = 8
    """Requests for one question, those of a retry and of the fallback among them."""
    timeout_s: float = 60.0
    """How long one request may take."""

    @property
    def models(self) -> tuple[OneModel, ...]:
        """Return the models in the order in which they are asked."""
        return tuple(one for one in (self.first, self.fallback) if one is not None)

    def named(self, name: str) -> OneModel | None:
        """Return a model by the name that the configuration gives it."""
        return next((one for one in self.models if one.name == name), None)


def _name_of(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() else host


def host_of(url: str) -> str:
    """Return `host:port` of an http(s) URL."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    name = parts.hostname or ""
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
