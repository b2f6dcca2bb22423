"""What becomes PID 1 of a box: hides the machine behind empty folders, then executes systemd. Standard library only.

Run by `unshare` inside fresh pid, mount and cgroup namespaces (tests/support/systemd_box.py). Whatever systemd or a test
could write to is a tmpfs of the box's own: without that, systemd-tmpfiles would empty the machine's /tmp at boot.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SYSTEMD = "/usr/lib/systemd/systemd"
MARK = "/run/opsagent-box"
"""A file that is there inside a box, and nowhere else."""
SCRATCH_USER = ("keeper", 4242)
"""A user that exists only inside: name, uid and gid."""
_HIDDEN = {
    "/run": "0755",
    "/tmp": "1777",
    "/var/tmp": "1777",
    "/var/log": "0755",
    "/var/lib/systemd": "0755",
    "/home": "0755",
    "/root": "0755",
    "/etc/systemd/system": "0755",
    "/etc/systemd/user": "0755",
    "/etc/polkit-1/rules.d": "0755",
    # Run by every daemon-reload; they would only tell of the machine's disks and the like.
    "/usr/lib/systemd/system-generators": "0755",
    "/usr/lib/systemd/user-generators": "0755",
    "/usr/lib/systemd/user-environment-generators": "0755",
}
_WANTED = {"systemd-journald.service", "systemd-tmpfiles-setup-dev.service", "systemd-journald-dev-log.socket"}
"""Of what sysinit.target pulls in, all that a box needs; the rest would touch the machine (sysctl, udev, /etc/passwd)."""
_UNWANTED = (
    "console-getty.service",
    "getty.target",
    "systemd-tmpfiles-clean.timer",
    "systemd-networkd.service",
    "systemd-remount-fs.service",
)


def main(keep: list[str]) -> None:
    """Prepare, then become systemd. `keep`: folders that stay visible where they would be hidden."""
    _mount("--make-rprivate", "/")
    for folder, mode in _HIDDEN.items():
        if Path(folder).is_dir():
            _hide(folder, mode, [path for path in keep if path.startswith(folder + "/")])
    _own_devices()
    _only_what_is_needed()
    _add_user(*SCRATCH_USER)
    subprocess.run(["umount", "--recursive", "/sys/fs/cgroup"], check=False, capture_output=True)
    _mount("-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
    environment = {"container": "docker", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    os.execve(SYSTEMD, ["systemd", "--system", "--unit=box.target", "--log-target=journal"], environment)


def _hide(folder: str, mode: str, keep: list[str]) -> None:
    stage = Path("/mnt") if folder != "/mnt" else Path("/media")
    _mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", str(stage))
    for path in keep:
        below = stage / path[len(folder) + 1 :]
        below.mkdir(parents=True, exist_ok=True)
        _mount("--rbind", path, str(below))
    _mount("--move", str(stage), folder)


def _own_devices() -> None:
    """Give the box a /dev of its own with the harmless ones in it: journald puts a socket there."""
    stage = Path("/mnt")
    _mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(stage))
    for name in ("null", "zero", "full", "random", "urandom", "tty", "pts", "shm"):
        real, own = Path("/dev") / name, stage / name
        own.mkdir() if real.is_dir() else own.touch()
        _mount("--rbind", str(real), str(own))
    (stage / "ptmx").symlink_to("pts/ptmx")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (stage / name).symlink_to(f"/proc/self/fd{target}")
    _mount("--move", str(stage), "/dev")


def _only_what_is_needed() -> None:
    own = Path("/etc/systemd/system")
    offered = {path.name for path in Path("/usr/lib/systemd/system/sysinit.target.wants").iterdir()}
    for name in (offered | set(_UNWANTED)) - _WANTED:
        if name.endswith((".service", ".timer", ".path", ".mount", ".automount")) or name == "getty.target":
            (own / name).symlink_to("/dev/null")
    (own / "box.target").write_text(
        "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=dbus.service systemd-logind.service\nAllowIsolate=yes\n"
    )
    Path("/run/systemd").mkdir(exist_ok=True)
    Path(MARK).touch()


def _add_user(name: str, uid: int) -> None:
    home = Path("/home") / name
    home.mkdir(mode=0o755)
    os.chown(home, uid, uid)
    lines = {
        "passwd": f"{name}:x:{uid}:{uid}::{home}:/bin/sh\n",
        "group": f"{name}:x:{uid}:\n",
        "shadow": f"{name}:!:19000:0:99999:7:::\n",
    }
    for file, line in lines.items():
        real = Path("/etc") / file
        copy = Path("/run") / f"box-{file}"
        copy.write_text(real.read_text() + line)
        copy.chmod(real.stat().st_mode & 0o777)
        _mount("--bind", str(copy), str(real))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", "--no-mtab", *arguments], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
