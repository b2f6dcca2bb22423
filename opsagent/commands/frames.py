"""From a clause to the call that it asks for, with everything that makes it doubtful. Pure, the same for all languages.

A change is free of doubt only if every tag of its clause has a place in the frame of its tool, in an order in which
people ask for it. Looking at something is laxer: there, a word that nobody knows is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from opsagent.commands.clauses import TARGETS, Clause, Doubt, Why
from opsagent.commands.places import ends_with_whom, is_in_place, leaves_out_clearly, of_the_list, parted
from opsagent.commands.tags import COMMANDING, NEAR, Role, Tag
from opsagent.model import Scalar
from opsagent_tools.registry import ORDERS, READING

ONES = frozenset({"restart", "stop", "start", "reload", "rollback"})
"""Changes of units that take no number."""
_SCALING = frozenset({"scale", "scale_up", "scale_down"})
_OTHER = "deploy"
CHANGES = ONES | _SCALING | frozenset(ORDERS) | {"kill", "run_gui_procedure", "touch", _OTHER}
LOOKING = frozenset({"show", "check", "search"}) | frozenset(READING)
_NEUTRAL = frozenset({Role.EXCEPT, Role.FILLER, Role.REQUEST, Role.JOIN, Role.REASON, Role.VERB})
_TAKES: Mapping[str, frozenset[Role]] = {
    **dict.fromkeys(ONES, TARGETS | {Role.MANNER, Role.TIME, Role.CONDITION}),
    **dict.fromkeys(_SCALING, TARGETS | {Role.NUMBER, Role.TIME, Role.CONDITION, Role.MANNER}),
    "pause": frozenset({Role.TIME}),
    "resume": TARGETS,
    "hold": TARGETS | {Role.DURATION},
    "approve": frozenset({Role.ID, Role.NUMBER, Role.PRONOUN}),
    "deny": frozenset({Role.ID, Role.NUMBER, Role.PRONOUN}),
    "teach": frozenset({Role.TEXT}),
    "run_gui_procedure": frozenset({Role.PROCEDURE, Role.PARAMS, Role.TIME, Role.CONDITION}),
}
"""What a frame has places for."""
_NOUNS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(ONES, frozenset({"unit"})),
    "rollback": frozenset({"unit", "release", "last_release"}),
    **dict.fromkeys(_SCALING, frozenset({"unit", "instances"})),
    "pause": frozenset({"agent"}),
    "resume": frozenset({"unit", "agent", "hold"}),
    "hold": frozenset({"unit", "hold"}),
    "approve": frozenset({"approval"}),
    "deny": frozenset({"approval"}),
    "run_gui_procedure": frozenset({"procedure"}),
}


@dataclass(frozen=True, slots=True)
class Call:
    """What one clause asks for. Who is meant is not yet looked up."""

    tool: str
    targets: tuple[Tag, ...] = ()
    left_out: tuple[Tag, ...] = ()
    args: Mapping[str, Scalar] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
    relative: str = ""
    """How a number of instances is to be counted from those that run: `more`, `fewer`, `times2`, `times3`, `half`."""
    towards: str = ""
    """`up` or `down` where it was said; it must fit the number."""
    join: str = ""
    blames: tuple[str, ...] = ()
    """Units that a reason names."""
    looks_at: tuple[str, ...] = ()
    """Units that a condition names."""
    forbidden: bool = False
    """It says what is not to be done."""
    asks: bool = False
    """It is a question."""
    leaves: bool = False
    """It says that something is not to be touched: an order by itself, and beside others what they are not to do."""
    goes_on: bool = False
    """Its verb says that something follows."""

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return self.tool not in READING


def change_of(clause: Clause, *, asked: bool, free_particles: bool) -> Call | None:
    """Return the change that a clause asks for; None: it asks for none. `asked`: a question mark ends the text."""
    verb = _verb(clause)
    if verb is None:
        return None
    tool = _tool(clause, verb)
    doubts = [
        *_of_the_verb(clause, tool, verb, asked=asked),
        *_of_the_rest(clause, tool, free_particles=free_particles),
    ]
    call = Call(
        tool,
        join=clause.join,
        blames=blamed(clause),
        looks_at=_looked_at(clause),
        forbidden=verb.form == "negated" and verb.value != "touch",
        leaves=verb.form == "negated" and verb.value in {"touch", _OTHER},
        goes_on=verb.form == "then",
    )
    targets, left_out = parted(clause, verb_last=free_particles)
    if left_out and not (
        leaves_out_clearly(clause, tool, targets, left_out) and (free_particles or ends_with_whom(clause))
    ):
        doubts.append(Doubt(Why.LEFT_OUT, left_out[0].value))
    elif clause.has(Role.EXCEPT) and not left_out:  # but not yet, but not really
        doubts.append(Doubt(Why.FORBIDS, "not"))
    args, more = _args(clause, tool)
    call = replace(call, targets=targets, left_out=left_out, args=args, doubts=(*doubts, *more))
    return _counted(clause, call) if tool in _SCALING else call


_OF_THE_AGENT = {"stop": "pause", "kill": "pause", _OTHER: "pause", "start": "resume"}
"""What is meant where the agent itself is to be stopped or started."""


def _tool(clause: Clause, verb: Tag) -> str:
    if clause.has(Role.PROCEDURE) and verb.value not in ORDERS:
        return "run_gui_procedure"
    if verb.value == "touch" and verb.form == "negated":
        return "hold"
    if clause.has(Role.NOUN, "agent") and not clause.targets and verb.form != "negated":
        return _OF_THE_AGENT.get(verb.value, verb.value)
    return verb.value


def _verb(clause: Clause) -> Tag | None:
    """Return the changing verb that the clause is about: one that commands, or else the only one that names."""
    verbs = [tag for tag in clause.of(Role.VERB) if tag.value in CHANGES]
    commanding = [tag for tag in verbs if tag.form in COMMANDING or tag.form == NEAR]
    looks = any(tag.value in LOOKING and tag.form in COMMANDING for tag in clause.of(Role.VERB))
    if commanding:
        return commanding[0]
    negated = [tag for tag in clause.of(Role.VERB) if tag.form == "negated"]
    asks = any(tag.value != "mark" for tag in clause.of(Role.QUESTION))
    if negated:
        return None if looks or asks or clause.has(Role.NOUN, "logs") else negated[0]
    light = any(tag.form == "light" for tag in clause.of(Role.VERB))
    if clause.has(Role.PROCEDURE) and not looks and not asks:
        every = clause.of(Role.VERB)
        place = clause.of(Role.PROCEDURE)[0]
        return every[0] if every else Tag(Role.VERB, "run_gui_procedure", place.start, place.start, "noun")
    reading = clause.nouns() - {
        "unit",
        "instances",
        "release",
        "last_release",
        "agent",
        "approval",
        "hold",
        "procedure",
    }
    if verbs and not looks and not asks and not reading and not light and not clause.has(Role.STATE):
        return verbs[0]
    return None


def _of_the_verb(clause: Clause, tool: str, verb: Tag, *, asked: bool) -> list[Doubt]:
    found: list[Doubt] = []
    others = [tag for tag in clause.of(Role.VERB) if tag is not verb and tag.start != verb.start]
    if any(tag.value in CHANGES or tag.value in LOOKING for tag in others):
        found.append(Doubt(Why.MANY_VERBS, verb.said or verb.value))
    elif [tag for tag in others if not clause.has(Role.PROCEDURE)]:
        found.append(Doubt(Why.UNKNOWN, others[0].said or others[0].value))
    if tool in {"kill", _OTHER, "touch"}:
        found.append(Doubt(Why.UNKNOWN, verb.said or verb.value))
    place = clause.tags.index(verb) if verb in clause.tags else 0
    if verb.form == "noun" and any(tag.role is Role.GLUE and tag.value == "the" for tag in clause.tags[:place]):
        found.append(Doubt(Why.REPORTS, verb.value))  # the api restart: something that is spoken of
    if verb.form == NEAR:
        found.append(Doubt(Why.SLIP, verb.value))
    if verb.form not in COMMANDING | {"noun", "negated", NEAR, "light"}:
        supposes = verb.form in {"conditional", "question"}
        found.append(Doubt(Why.SUPPOSES if supposes else Why.REPORTS, verb.value))
    if asked and not clause.has(Role.REQUEST) and verb.form != "negated":
        found.append(Doubt(Why.ASKS))
    return found


def _of_the_rest(clause: Clause, tool: str, *, free_particles: bool) -> list[Doubt]:
    """Return a doubt for every tag that has no place in the frame of the tool."""
    found = [
        doubt
        for place, tag in enumerate(clause.tags)
        if (doubt := _of_one(clause, place, tag, tool, free_particles=free_particles)) is not None
    ]
    if clause.has(Role.JOIN, "or"):
        found.append(Doubt(Why.WHOM, "or"))
    if not free_particles:
        found.extend(of_the_list(clause))
    return found


def _of_one(clause: Clause, place: int, tag: Tag, tool: str, *, free_particles: bool) -> Doubt | None:
    """Return why a tag has no place in the frame of the tool; None: it has one."""
    match tag.role:
        case Role.NEGATION:
            return Doubt(Why.FORBIDS, tag.value)
        case Role.DOUBT:
            return Doubt(Why.WHEN if tag.value == "vague time" else Why.SUPPOSES, tag.value)
        case Role.QUESTION:
            return Doubt(Why.ASKS, tag.value)
        case Role.NOUN:
            fits = tag.value in _NOUNS.get(tool, frozenset({"unit"}))
            return None if fits else Doubt(Why.MIXED, tag.value)
        case Role.GLUE:
            fits = free_particles or is_in_place(clause, place)
            return None if fits else Doubt(Why.UNKNOWN, tag.value)
        case Role.UNKNOWN:
            return Doubt(Why.UNKNOWN, tag.value)
        case Role.STATE if tag.form == "past":
            return Doubt(Why.REPORTS, tag.value)
        case Role.DURATION if tool in ONES and tag.form == "for":  # for how long, or until when: nobody undoes it then
            return Doubt(Why.WHEN, "vague time")
        case role:
            fits = role in _NEUTRAL or role in _TAKES.get(tool, TARGETS)
            return None if fits else Doubt(Why.MIXED, tag.value)


def blamed(clause: Clause) -> tuple[str, ...]:
    """Return the units that the reasons of a clause name."""
    return tuple(dict.fromkeys(name for tag in clause.of(Role.REASON) for name in tag.value.split(",") if name))


def _looked_at(clause: Clause) -> tuple[str, ...]:
    names = (tag.value.split(" ")[0] for tag in clause.of(Role.CONDITION))
    return tuple(dict.fromkeys(name for name in names if name != "it"))


def _args(clause: Clause, tool: str) -> tuple[dict[str, Scalar], list[Doubt]]:
    args: dict[str, Scalar] = {}
    doubts: list[Doubt] = []
    if tool == "reload" or (clause.has(Role.MANNER) and tool == "restart"):
        args["safely"] = True
    for tag in clause.of(Role.TIME):
        if "at" in args:
            doubts.append(Doubt(Why.WHEN, tag.value))
        args["at"] = tag.value.split("|")[0]
        if tag.form == "either":
            doubts.append(Doubt(Why.EITHER, tag.value))
        elif tag.form:
            doubts.append(Doubt(Why.WHEN, tag.value))
    for tag in clause.of(Role.CONDITION):
        if "if" in args:
            doubts.append(Doubt(Why.SUPPOSES, tag.value))
        args["if"] = tag.value
        if tag.form == "when":  # it waits for that, where an `if` looks once
            doubts.append(Doubt(Why.WHEN, f"when {tag.value}"))
    _order_args(clause, tool, args, doubts)
    return args, doubts


def _order_args(clause: Clause, tool: str, args: dict[str, Scalar], doubts: list[Doubt]) -> None:
    if tool == "hold":
        for tag in clause.of(Role.DURATION):
            args["for"] = tag.value.split("|")[0]
            if tag.form == "either":
                doubts.append(Doubt(Why.EITHER, tag.value))
            elif tag.form not in {"for", ""}:
                doubts.append(Doubt(Why.WHEN, tag.value))
    if tool in {"approve", "deny"}:
        ids = [*clause.of(Role.ID), *clause.of(Role.NUMBER)]
        if len(ids) > 1:
            doubts.append(Doubt(Why.WHOM, ids[1].value))
        if ids:
            args["id"] = ids[0].value
    if tool == "teach":
        args["text"] = " ".join(tag.value for tag in clause.of(Role.TEXT))
    if tool == "run_gui_procedure":
        names = clause.of(Role.PROCEDURE)
        args["procedure"] = names[0].value if names else ""
        if len(names) != 1:
            doubts.append(Doubt(Why.WHOM, "procedure"))
        if clause.has(Role.PARAMS):
            args["params"] = " ".join(tag.value for tag in clause.of(Role.PARAMS))


_FORMS_OF_MORE = frozenset({"more", "fewer", "by", "times2", "times3", "half"})


def _counted(clause: Clause, call: Call) -> Call:
    """Return a scaling call with its number, as far as the text tells it."""
    numbers = clause.of(Role.NUMBER)
    towards = {"scale_up": "up", "scale_down": "down"}.get(call.tool, "")
    for particle in clause.of(Role.GLUE):
        towards = particle.value if particle.value in {"up", "down"} else towards
    doubts = list(call.doubts)
    if len(numbers) != 1 or numbers[0].form == "size":
        doubts.append(Doubt(Why.COUNT, numbers[1].value if len(numbers) > 1 else ""))
    args = dict(call.args)
    relative = ""
    if numbers and numbers[0].value.isdigit():
        args["replicas"] = int(numbers[0].value)
        form = numbers[0].form
        if form in _FORMS_OF_MORE:
            relative = form if form != "by" else "fewer" if towards == "down" else "more"
            doubts.append(Doubt(Why.RELATIVE, numbers[0].value))
        elif form == "maybe":
            doubts.append(Doubt(Why.COUNT, numbers[0].value))
    return replace(call, tool="scale", args=args, relative=relative, towards=towards, doubts=tuple(doubts))
