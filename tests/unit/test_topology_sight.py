"""What the sockets of one moment say of who talks to whom: directions, addresses, holders, and what nobody can tell."""

from __future__ import annotations

import ipaddress
from itertools import count

import pytest

from opsagent.topology import OUTSIDE, Link, Node, Sort
from opsagent.topology_sight import Holders, Sight, clients_in_passing, sight
from opsagent_tools.processes.talking import End, Listens, Local, Sockets, Talk
from tests.support.histories import uid

API, STORE, WEB = (Node.of(uid(name)) for name in ("api", "store", "web"))
NGINX = Node(Sort.PROCESS, "nginx")
LOOP = "127.0.0.1:40000"


def end(text: str) -> End:
    host, _, port = text.rpartition(":")
    return End(ipaddress.ip_address(host.strip("[]")).packed, int(port))


class Machine:
    """Sockets, and who holds them."""

    def __init__(self) -> None:
        self._inodes = count(1)
        self.listening: list[Listens] = []
        self.talking: list[Talk] = []
        self.local: list[Local] = []
        self.nodes: dict[int, frozenset[Node]] = {}
        self.ours: set[int] = set()
        self.serving: dict[int, Node] = {}

    def _inode(self, holder: Node | str | None) -> int:
        inode = next(self._inodes)
        if isinstance(holder, Node):
            self.nodes[inode] = frozenset({holder})
        elif holder == "ours":
            self.ours.add(inode)
        elif holder == "nobody":
            return 0
        return inode

    def listen(self, at: str, holder: Node | str | None = None) -> Machine:
        self.listening.append(Listens(end(at), self._inode(holder)))
        return self

    def half(self, near: str, far: str, holder: Node | str | None = None, *, begins: bool = False) -> Machine:
        self.talking.append(Talk(end(near), end(far), self._inode(holder), begins))
        return self

    def pair(self, client: Node | str | None, server: Node | str | None, near: str, far: str) -> Machine:
        return self.half(near, far, client).half(far, near, server)

    def unix(self, path: str, client: Node | None, server: Node | None) -> Machine:
        self.local.append(Local(path, self._inode(server), self._inode(client)))
        return self

    @property
    def sockets(self) -> Sockets:
        return Sockets(listening=tuple(self.listening), talking=tuple(self.talking), local=tuple(self.local))

    @property
    def holders(self) -> Holders:
        return Holders(nodes=self.nodes, ours=frozenset(self.ours), serving=self.serving)

    def sight(self) -> Sight:
        return sight(self.sockets, self.holders)

    def edges(self) -> set[tuple[Node, Node, int]]:
        return {(link.source, link.target, link.port) for link in self.sight().links}


@pytest.mark.parametrize(
    ("listens", "near", "far"),
    [
        ("0.0.0.0:80", "127.0.0.1:40000", "127.0.0.1:80"),
        ("127.0.0.1:80", "127.0.0.1:40000", "127.0.0.1:80"),
        ("[::]:80", "127.0.0.1:40000", "127.0.0.1:80"),
        ("[::]:80", "[::1]:40000", "[::1]:80"),
        ("10.0.0.5:80", "10.0.0.5:40000", "10.0.0.5:80"),
        ("0.0.0.0:80", "10.0.0.5:40000", "127.0.0.1:80"),
    ],
)
def test_who_called_a_port_that_is_listened_on_is_the_client(listens: str, near: str, far: str) -> None:
    machine = Machine().listen(listens, STORE).pair(API, STORE, near, far)
    assert machine.edges() == {(API, STORE, 80)}
    assert machine.sight().unexplained == frozenset()


def test_the_worker_that_has_the_connection_goes_before_the_one_that_listens() -> None:
    machine = Machine().listen("127.0.0.1:80", WEB).pair(API, STORE, LOOP, "127.0.0.1:80")
    assert machine.edges() == {(API, STORE, 80)}


@pytest.mark.parametrize("accepted", [None, "ours", "nobody"])
def test_a_socket_that_the_supervisor_holds_is_whose_the_port_is_known_to_be(accepted: str | None) -> None:
    machine = Machine().listen("127.0.0.1:80", "ours").pair(API, accepted, LOOP, "127.0.0.1:80")
    assert machine.edges() == set()
    machine.serving[80] = WEB
    assert machine.edges() == {(API, WEB, 80)}


def test_the_same_port_of_two_addresses_is_two_servers() -> None:
    machine = Machine().listen("127.0.0.1:80", WEB).listen("10.0.0.5:80", STORE)
    machine.pair(API, None, LOOP, "127.0.0.1:80").pair(API, None, "10.0.0.5:40001", "10.0.0.5:80")
    assert machine.edges() == {(API, WEB, 80), (API, STORE, 80)}


def test_other_machines() -> None:
    machine = Machine().listen("0.0.0.0:80", WEB)
    machine.half("10.0.0.5:80", "203.0.113.7:5000", WEB).half("10.0.0.5:40000", "10.0.0.9:5432", API)
    machine.half("10.0.0.5:40001", "10.0.0.9:6379", None).half("10.0.0.5:40002", "10.0.0.9:9200", API, begins=True)
    assert machine.edges() == {
        (OUTSIDE, WEB, 80),
        (API, Node(Sort.REMOTE, "10.0.0.9:5432"), 5432),
        (API, Node(Sort.REMOTE, "10.0.0.9:9200"), 9200),
    }
    assert len(machine.sight().unexplained) == 1


def test_a_server_that_is_down_is_known_by_its_port() -> None:
    machine = Machine().half(LOOP, "127.0.0.1:80", API, begins=True)
    assert machine.edges() == set(), "nobody can tell"
    machine.serving[80] = STORE
    assert machine.edges() == {(API, STORE, 80)}


def test_nothing_is_made_up() -> None:
    machine = Machine().listen("127.0.0.1:80", STORE)
    machine.pair("nobody", STORE, LOOP, "127.0.0.1:80")  # its client has closed it
    machine.pair(API, STORE, "127.0.0.1:80", "127.0.0.1:80")  # both ends are listened on
    machine.pair(API, WEB, "127.0.0.1:41", "127.0.0.1:42")  # and neither
    machine.pair(NGINX, Node(Sort.PROCESS, "postgres"), "127.0.0.1:43", "127.0.0.1:80")
    assert machine.edges() == set()
    assert machine.sight().unexplained == frozenset()


def test_what_is_not_known_of_a_connection_to_a_unit_is_asked_for_by_name() -> None:
    machine = Machine().listen("127.0.0.1:80", STORE).listen("127.0.0.1:81", NGINX)
    machine.pair(None, STORE, LOOP, "127.0.0.1:80").pair(None, NGINX, "127.0.0.1:40001", "127.0.0.1:81")
    found = machine.sight()
    assert (len(found.unexplained), len(found.nameless)) == (2, 1)
    assert machine.edges() == set()


def test_the_agent_and_supervisors_daemons_are_nobodys_clients() -> None:
    machine = Machine().listen("127.0.0.1:80", STORE).pair("ours", STORE, LOOP, "127.0.0.1:80")
    assert machine.sight() == Sight()


def test_a_unit_that_talks_to_itself_makes_no_edge() -> None:
    assert Machine().listen("127.0.0.1:80", API).pair(API, API, LOOP, "127.0.0.1:80").edges() == set()


def test_a_socket_that_two_units_hold_is_whose_the_port_is() -> None:
    machine = Machine().listen("127.0.0.1:80").pair(API, None, LOOP, "127.0.0.1:80")
    machine.nodes[1] = frozenset({STORE, WEB})
    assert machine.edges() == set()
    machine.serving[80] = STORE
    assert machine.edges() == {(API, STORE, 80)}


def test_unix_sockets() -> None:
    machine = Machine().unix("/srv/db.sock", API, STORE).unix("/srv/x.sock", None, STORE)
    machine.unix("/run/systemd/journal/stdout", API, Node(Sort.PROCESS, "systemd-journald"))
    machine.unix("/run/postgresql/.s.PGSQL.5432", API, Node(Sort.PROCESS, "postgres"))
    assert machine.sight().links == {
        Link(API, STORE, path="/srv/db.sock"),
        Link(API, Node(Sort.PROCESS, "postgres"), path="/run/postgresql/.s.PGSQL.5432"),
    }


def test_who_was_called_in_passing_is_told_and_who_called_is_not() -> None:
    machine = Machine().listen("127.0.0.1:80", STORE).listen("127.0.0.1:81", NGINX)
    ended = [
        (end(LOOP), end("127.0.0.1:80")),
        (end("127.0.0.1:81"), end("127.0.0.1:40001")),
        (end("127.0.0.1:80"), end("203.0.113.7:5000")),
    ]
    assert clients_in_passing(ended, machine.sockets, machine.holders) == {STORE}
    assert clients_in_passing(ended[2:], machine.sockets, machine.holders) == frozenset()
