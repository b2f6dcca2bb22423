"""Incident texts by cause, as a watcher would describe them: the same cause again, with other numbers, paths and words.

`DEVELOPMENT` chose the similarity floor and the kernel of `opsagent_memory.ranking`; `HELD_OUT` has other services
and other causes, and was only ever measured. All causes of one service are of the same fault class: what tells them
apart is the text alone.
"""

from __future__ import annotations

from collections.abc import Mapping

Causes = Mapping[str, Mapping[str, tuple[str, ...]]]
"""service → cause → texts."""

DEVELOPMENT: Causes = {
    "api": {
        "stale lock": (
            "crash of api: exit 1; FATAL lock <path> held by <num>",
            "crash of api: exit 1; FATAL lock <path> held by <num>; giving up",
            "crash of api: exit 1; FATAL lock /var/run/api/api.lock held by 4711",
            "crash of api: exit 1; ERROR cannot take lock <path>: held by process <num>",
        ),
        "killed": (
            "crash of api: killed by signal 9",
            "crash of api: killed by signal 9 (SIGKILL)",
            "crash of api: killed by signal 9; nothing in the log",
        ),
        "bad configuration": (
            "crash of api: exit 2; ERROR config <path>: line <num>: unexpected token",
            "crash of api: exit 2; ERROR config /etc/api/api.toml: line 14: unexpected token '='",
            "crash of api: exit 2; configuration error in <path>, line <num>: unexpected token",
        ),
        "port taken": (
            "crash of api: exit 1; OSError: [Errno <num>] Address already in use: ('<ip>', <num>)",
            "crash of api: exit 1; OSError: [Errno 98] Address already in use: ('0.0.0.0', 8080)",
            "crash of api: exit 1; bind failed: address already in use, port <num>",
        ),
        "disk full": (
            "crash of api: exit 1; OSError: [Errno <num>] No space left on device: <path>",
            "crash of api: exit 1; OSError: [Errno 28] No space left on device: '/data/api/spool/0017.tmp'",
            "crash of api: exit 1; write failed on <path>: no space left on device",
        ),
    },
    "store": {
        "corrupt journal": (
            "crash of store: exit 3; panic: journal <path> segment <num>: checksum mismatch at offset <num>",
            "crash of store: exit 3; panic: journal /data/j segment 17: checksum mismatch at offset 40960",
            "crash of store: exit 3; journal segment <num> is corrupt: bad checksum",
        ),
        "out of memory": (
            "crash of store: killed by signal 9; kernel: Out of memory: Killed process <num> (store)",
            "crash of store: killed by signal 9; oom-kill: memory cgroup out of memory, killed process <num>",
            "crash of store: killed by signal 9; kernel: Out of memory: Killed process 2214 (store) total-vm:911kB",
        ),
        "too many files": (
            "crash of store: exit 1; accept: Too many open files (os error <num>)",
            "crash of store: exit 1; accept: Too many open files (os error 24)",
            "crash of store: exit 1; OSError: [Errno <num>] Too many open files: <path>",
        ),
        "schema behind": (
            "crash of store: exit 4; schema version <num> is older than required <num>; run migrations",
            "crash of store: exit 4; schema version 41 is older than required 43; run migrations",
            "crash of store: exit 4; database needs migration: version <num>, wanted <num>",
        ),
    },
    "worker": {
        "broker unreachable": (
            "error burst of worker: ConnectionError: broker <ip>:<num> refused the connection",
            "error burst of worker: ConnectionError: broker 10.0.0.7:5672 refused the connection",
            "error burst of worker: cannot reach broker at <ip>:<num>: connection refused",
        ),
        "poison message": (
            "error burst of worker: JSONDecodeError: Expecting value: line <num> column <num> in job <hex>",
            "error burst of worker: JSONDecodeError: Expecting value: line 1 column 1 in job 8f3a01",
            "error burst of worker: job <hex> cannot be decoded: JSONDecodeError: Expecting value",
        ),
        "expired credentials": (
            "error burst of worker: <num> Unauthorized: token expired at <time>",
            "error burst of worker: 401 Unauthorized: token expired at 2026-02-01T10:00:00Z",
            "error burst of worker: request refused: 401, the token has expired",
        ),
        "slow queries": (
            "error burst of worker: TimeoutError: query on <name> took longer than <num> ms",
            "error burst of worker: TimeoutError: query on orders took longer than 30000 ms",
            "error burst of worker: statement timeout: query on <name> cancelled after <num> ms",
        ),
    },
}

HELD_OUT: Causes = {
    "gateway": {
        "certificate expired": (
            "error burst of gateway: TLS handshake failed: certificate has expired (<path>)",
            "error burst of gateway: TLS handshake failed: certificate has expired (/etc/ssl/gw.pem)",
            "error burst of gateway: upstream TLS error: the certificate expired on <date>",
        ),
        "upstream down": (
            "error burst of gateway: <num> Bad Gateway: upstream api refused the connection",
            "error burst of gateway: 502 Bad Gateway: upstream api refused the connection",
            "error burst of gateway: upstream api unreachable: connection refused, answering <num>",
        ),
        "rate limited": (
            "error burst of gateway: <num> Too Many Requests from auth, retry after <num> s",
            "error burst of gateway: 429 Too Many Requests from auth, retry after 30 s",
            "error burst of gateway: auth limits our requests (429 Too Many Requests)",
        ),
        "name not resolved": (
            "error burst of gateway: getaddrinfo failed for <host>: Temporary failure in name resolution",
            "error burst of gateway: getaddrinfo failed for auth.internal: Temporary failure in name resolution",
            "error burst of gateway: name resolution of <host> failed temporarily",
        ),
    },
    "billing": {
        "missing module": (
            "crash of billing: exit 1; ModuleNotFoundError: No module named '<name>'",
            "crash of billing: exit 1; ModuleNotFoundError: No module named 'pricing_v2'",
            "crash of billing: exit 1; ImportError: module <name> not found",
        ),
        "segmentation fault": (
            "crash of billing: killed by signal 11",
            "crash of billing: killed by signal 11 (SIGSEGV), core dumped",
            "crash of billing: killed by signal 11; Fatal Python error: Segmentation fault",
        ),
        "permission denied": (
            "crash of billing: exit 1; PermissionError: [Errno <num>] Permission denied: <path>",
            "crash of billing: exit 1; PermissionError: [Errno 13] Permission denied: '/srv/billing/out'",
            "crash of billing: exit 1; cannot open <path>: permission denied",
        ),
        "database locked": (
            "crash of billing: exit 1; OperationalError: database is locked (<path>)",
            "crash of billing: exit 1; OperationalError: database is locked (/srv/billing/ledger.db)",
            "crash of billing: exit 1; sqlite: database <path> is locked by another process",
        ),
        "missing setting": (
            "crash of billing: exit 2; KeyError: environment variable <name> is not set",
            "crash of billing: exit 2; KeyError: environment variable PAYMENT_URL is not set",
            "crash of billing: exit 2; required setting <name> missing from the environment",
        ),
    },
    "search": {
        "index corrupt": (
            "crash of search: exit 5; CorruptIndexException: footer mismatch in segment <name>",
            "crash of search: exit 5; CorruptIndexException: footer mismatch in segment _4k",
            "crash of search: exit 5; index segment <name> is corrupt: footer mismatch",
        ),
        "heap exhausted": (
            "crash of search: exit 3; java.lang.OutOfMemoryError: Java heap space",
            "crash of search: exit 3; java.lang.OutOfMemoryError: Java heap space (dumping to <path>)",
            "crash of search: exit 3; terminating due to java.lang.OutOfMemoryError: Java heap space",
        ),
        "port taken": (
            "crash of search: exit 1; BindException: Address already in use: <ip>:<num>",
            "crash of search: exit 1; BindException: Address already in use: 127.0.0.1:9200",
            "crash of search: exit 1; failed to bind port <num>: address in use",
        ),
        "stale lock": (
            "crash of search: exit 1; failed to obtain node lock on <path>: is another node running?",
            "crash of search: exit 1; failed to obtain node lock on /var/lib/search: is another node running?",
            "crash of search: exit 1; node lock <path> is held already",
        ),
    },
}
