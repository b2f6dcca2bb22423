"""What many looks at connections add up to: sure, stale, forgotten, renamed, bounded, written and read; what a world makes
of it beside what is configured."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from opsagent.topology import (
    EDGES_KEPT,
    FORGOTTEN_AFTER_S,
    OUTSIDE,
    PEERS_KEPT,
    SURE_AFTER,
    Edge,
    Link,
    Node,
    Sort,
    Topology,
)
from tests.support.histories import History, service, uid

START = datetime(2026, 1, 1, tzinfo=UTC)


def link(source: str, target: str, port: int = 5432) -> Link:
    return Link(Node.of(uid(source)), Node.of(uid(target)), port)


class Watched:
    """A topology, and a clock that goes on by each look."""

    def __init__(self) -> None:
        self.topology = Topology()
        self.now = START

    def look(
        self, *links: Link, every_s: float = 5.0, times: int = 1, down: tuple[str, ...] = (), well: tuple[str, ...] = ()
    ) -> None:
        names = {
            node.name for one in (*links, *(edge.link for edge in self.topology)) for node in (one.source, one.target)
        }
        up = [uid(name) for name in "abcdexyz" if str(uid(name)) in names and name not in down]
        for _ in range(times):
            self.now += timedelta(seconds=every_s)
            self.topology.take(
                links, up, self.now, every_s, well=[uid(name) for name in well], absent=[uid(name) for name in down]
            )

    @property
    def states(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for edge in self.topology:
            source, target = edge.link.source.unit, edge.link.target.unit
            assert source is not None
            assert target is not None
            found[f"{source.name}>{target.name}"] = edge.state
        return found


def test_an_edge_is_sure_once_it_was_seen_often_enough() -> None:
    watched = Watched()
    for times in range(1, SURE_AFTER + 1):
        watched.look(link("a", "b"))
        assert watched.states == {"a>b": "sure" if times >= SURE_AFTER else "young"}
        assert watched.topology.depends_on(uid("a")) == ((uid("b"),) if times >= SURE_AFTER else ())
    assert watched.topology.depends_on(uid("b")) == ()
    (edge,) = watched.topology
    assert (edge.seen, edge.looked, edge.first_seen) == (SURE_AFTER, SURE_AFTER, START + timedelta(seconds=5))
    assert edge.confidence == pytest.approx(0.5)


def test_what_is_not_seen_for_a_day_is_stale_and_comes_back_at_once() -> None:
    watched = Watched()
    watched.look(link("a", "b"), times=10)
    watched.look(every_s=3600, times=24)
    assert watched.states == {"a>b": "sure"}
    watched.look(every_s=3600)
    assert watched.states == {"a>b": "stale"}
    assert watched.topology.depends_on(uid("a")) == ()
    assert next(iter(watched.topology)).confidence == 0.0
    watched.look(link("a", "b"))
    assert watched.states == {"a>b": "sure"}


def test_what_comes_once_a_night_is_not_stale_after_a_day() -> None:
    watched = Watched()
    for _ in range(4):
        watched.look(link("a", "b"))
        watched.look(every_s=3600, times=20)
    watched.look(every_s=3600, times=48)
    assert watched.states == {"a>b": "sure"}
    watched.look(every_s=86_400, times=30)
    assert watched.states == {}, "seen last more than a month ago"


def test_while_either_end_is_down_nothing_gets_stale() -> None:
    for down in ("a", "b"):
        watched = Watched()
        watched.look(link("a", "b"), times=5)
        watched.look(every_s=3600, times=100, down=(down,))
        assert watched.states == {"a>b": "sure"}, down
        (edge,) = watched.topology
        assert (edge.seen, edge.looked) == (5, 5)


def test_what_is_well_for_an_hour_without_another_does_without() -> None:
    watched = Watched()
    watched.look(link("a", "b"), times=5)
    watched.look(every_s=600, times=100, down=("b",))  # it is not well: it may be for that
    watched.look(every_s=600, times=6, down=("b",), well=("a",))
    assert watched.states == {"a>b": "sure"}
    watched.topology = Topology.load(json.loads(json.dumps(watched.topology.dump(watched.now))))
    watched.look(every_s=600, down=("b",), well=("a",))
    assert watched.states == {"a>b": "stale"}
    assert watched.topology.depends_on(uid("a")) == ()
    watched.look(link("a", "b"))
    assert watched.states == {"a>b": "sure"}


def test_the_version_tells_that_who_depends_on_whom_has_changed() -> None:
    watched = Watched()
    watched.look(link("a", "b"), times=SURE_AFTER)
    version = watched.topology.version
    watched.look(link("a", "b"), link("c", "b"))
    watched.look(times=5)
    assert watched.topology.version == version
    watched.look(link("a", "b"), link("c", "b"), times=SURE_AFTER)
    assert watched.topology.version == version + 1


def test_edges_go_with_a_unit_that_is_renamed() -> None:
    watched = Watched()
    watched.look(link("a", "b"), link("c", "a", 80), times=5)
    watched.topology.rename({uid("a"): uid("x")})
    assert watched.topology.depends_on(uid("x")) == (uid("b"),)
    assert watched.topology.depends_on(uid("c")) == (uid("x"),)
    assert watched.topology.depends_on(uid("a")) == ()


def test_what_is_kept_is_bounded() -> None:
    topology = Topology()
    crawler = Node.of(uid("a"))
    db = Link(crawler, Node(Sort.REMOTE, "10.0.0.1:5432"), 5432)
    for look in range(20):
        crowd = [Link(crawler, Node(Sort.REMOTE, f"10.1.{look}.{n}:443"), 443) for n in range(50)]
        topology.take([db, *crowd], [uid("a")], START + timedelta(seconds=look), 1.0)
    assert len(topology) == PEERS_KEPT
    assert db in {edge.link for edge in topology}, "what is seen most often stays"
    many = [Link(OUTSIDE, crawler, port) for port in range(EDGES_KEPT + 100)]
    topology.take(many, [uid("a")], START + timedelta(minutes=1), 1.0)
    assert len(topology) == EDGES_KEPT
    topology.take([], [], START + timedelta(seconds=FORGOTTEN_AFTER_S + 61), 1.0)
    assert len(topology) == 0


def test_what_is_written_is_read() -> None:
    watched = Watched()
    watched.look(link("a", "b"), Link(Node.of(uid("a")), Node(Sort.PROCESS, "postgres"), path="/run/db.sock"), times=7)
    watched.look(link("a", "b"))
    again = Topology.load(watched.topology.dump(watched.now))
    assert list(again) == list(watched.topology)
    assert again.saved_at == watched.now


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"edges": None},
        {"edges": [{}]},
        {"saved_at": "now"},
        {"saved_at": "2026-01-01T00:00:00"},
        {"unseen_s": float("nan")},
        {"seen": "many"},
        {"from": ["unit", "no id"]},
        {"from": ["nobody", "x"]},
        {"to": ["remote", 7]},
    ],
)
def test_what_was_not_written_by_us_is_refused(change: dict[str, object]) -> None:
    watched = Watched()
    watched.look(link("a", "b"))
    data = watched.topology.dump(watched.now)
    where = data if set(change) <= set(data) else data["edges"][0]
    with pytest.raises(ValueError, match=r"."):
        Topology.load(data if where.update(change) is None else {})


def test_who_served_a_port_is_known_while_nobody_listens() -> None:
    watched = Watched()
    watched.look(link("a", "b", 80), link("a", "c", 81), link("a", "d", 81))
    assert watched.topology.servers() == {80: Node.of(uid("b"))}


# What a world makes of it.


def learn(history: History, *links: Link, times: int = SURE_AFTER) -> None:
    for n in range(times):
        history.world.topology.take(links, history.world.units, START + timedelta(seconds=n), 1.0)


def test_learnt_edges_are_dependencies_beside_the_configured_ones() -> None:
    history = History(service("a", "b"), service("b"), service("c"), service("d"))
    learn(history, link("a", "c"), link("c", "d"), link("a", "b"), times=2)
    assert history.world.upstream(uid("a")) == (uid("b"),)
    learn(history, link("a", "c"), link("c", "d"), link("a", "b"), times=1)
    assert history.world.upstream(uid("a")) == (uid("b"), uid("c"))
    assert history.world.all_upstream(uid("a")) == (uid("b"), uid("c"), uid("d"))
    assert history.world.downstream(uid("d")) == (uid("c"),)
    assert {edge.link for edge in history.world.learnt_edges(uid("c"))} == {link("a", "c"), link("c", "d")}
    assert len(history.world.learnt_edges()) == 3


def test_configuration_wins() -> None:
    history = History(service("a", "b"), service("b", "c"), service("c"), service("d", independent=True))
    learn(history, link("b", "a"), link("c", "a"), link("d", "a"), link("c", "d"))
    assert history.world.upstream(uid("b")) == (uid("c"),), "a calls back"
    assert history.world.upstream(uid("c")) == (uid("d"),), "and so does what b depends on"
    assert history.world.upstream(uid("d")) == (), "a person wrote depends_on = []"


def test_what_is_seen_of_units_that_are_gone_is_no_dependency() -> None:
    history = History(service("a"), service("b"))
    learn(history, link("a", "b"))
    assert history.world.upstream(uid("a")) == (uid("b"),)
    history.world.replace_units("circus", [history.world.units[uid("a")]])
    assert history.world.upstream(uid("a")) == ()


def test_new_descriptions_count_at_once() -> None:
    history = History(service("a"), service("b"))
    learn(history, link("a", "b"))
    assert history.world.upstream(uid("a")) == (uid("b"),)
    history.world.replace_specs({"a": service("a", independent=True), "b": service("b")})
    assert history.world.upstream(uid("a")) == ()


def test_a_topology_that_is_read_later_counts_at_once() -> None:
    history = History(service("a"), service("b"))
    assert history.world.upstream(uid("a")) == ()
    other = History(service("a"), service("b"))
    learn(other, link("a", "b"))
    history.world.topology = Topology.load(other.world.topology.dump(START))
    assert history.world.upstream(uid("a")) == (uid("b"),)


@pytest.mark.parametrize("learnt", [True, False])
def test_the_cause_of_trouble_is_looked_for_where_connections_lead(learnt: bool) -> None:
    history = History(service("api"), service("store"))
    if learnt:
        history.world.topology = Topology(
            Edge(link("api", "store"), history.now - timedelta(days=1), history.now, seen=100, looked=100) for _ in "1"
        )
    for name in ("api", "store"):
        history.ok(name)
    history.wait(30)
    history.failing(["store", "api"], 20, "timeout")
    found = {incident.unit.name for incident in history.detector.open}
    assert found == ({"store"} if learnt else {"store", "api"})
