"""What the reader says in English. Pure."""

from __future__ import annotations

from opsagent.commands.reading import CommandStep

THEN = ", then "
SENTENCES = {
    "did you mean": "{why}. Did you mean `{offer}`",
    "forbids and nothing else": "That forbids something or tells me not to act; I do nothing",
    "more than one way": "That can be read in more than one way",
    "word and name": '{word!r} is a word and a service: put the service in quotes: "{word}"',
    "more than one unit": "There is more than one {word} ({ids}); say which by its full id",
    "no such unit": "There is no unit {word!r}",
    "units are": "There is no unit {word!r}. The units are: {names}",
    "no units": "There is no unit {word!r}. There are none; `opsagent up FILE` starts some",
    "for instance": "{why}. Say for instance: reload NAME safely, logs NAME, why NAME, status",
    "empty": "Say what to do, for instance: reload api safely",
    "too long": "That is {count} characters; a command has at most {most}",
    "unsafe": "I do not act on this text: {why}. Type it anew, in plain letters",
    "hidden": "it has an invisible or control character ({char})",
    "not as a whole": "I do not understand that as a whole",
    "unknown word": "I do not know {word!r}",
    "forbids": "That forbids something",
    "supposes": "I do not act on {word!r}",
    "asks": "That is a question, and it names a change",
    "reports": "That tells of something and does not ask for it",
    "near name": "No service is written quite like that; {word!r} is near",
    "slip": "It is not certain that this is meant",
    "whom": "It is not clear which service that means",
    "when": "That time is not clear enough to act on ({word})",
    "vague": "That does not say exactly when",
    "either": "That time may be {word} or twelve hours later",
    "corrected": "You corrected yourself",
    "relative": "That counts from what runs now",
    "many verbs": "That names more than one action",
    "left out": "That leaves something out",
    "mixed": "That mixes things that I do not do together",
    "count": "A command takes 1 to {most} instances",
    "count of": "A command takes 1 to {most} instances, not {word}",
}  # fmt: skip


def particles(text: str) -> str:
    """English has none: return the text as it is."""
    return text


def command(step: CommandStep) -> str:
    """Return a step as a command."""
    return str(step)
