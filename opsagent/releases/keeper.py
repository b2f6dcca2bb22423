"""Notes releases while services are well with them, and knows what is different once they are not.

One life of a service (the same processes) is looked at once it has been well for long enough, and every few minutes after
that: what its processes write meanwhile is data. Everything here that reads files runs in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from opsagent import last_good
from opsagent.policy import Policy
from opsagent.releases import contents, written
from opsagent.releases.difference import Difference, Look, compare, setup_facts
from opsagent.releases.environment import environment_of, signer
from opsagent.releases.manifest import Content, Manifest, load
from opsagent.releases.place import Place, place_of
from opsagent.store.journal import Journal
from opsagent.store.rows import ReleaseRow
from opsagent_tools.files import UnsafeFile
from opsagent_tools.processes.proc import started_at
from opsagent_tools.supervisors.port import Supervisor, SupervisorError
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitSetup

_LOG = logging.getLogger(__name__)
_AGAIN_S = 300.0
"""How often a life that is noted is looked at again."""
_WELL_BESIDE_S = 900.0
"""Code that changed this long ago under processes that have been well ever since: they run with it, or without it."""
_CHANGING_S = 10.0
"""A release whose files changed this short a time ago is being deployed, whether anybody said so or not."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """When a life was looked at, and until when it need not be."""

    life: frozenset[ProcessKey]
    again_at: float


@dataclass(slots=True)
class Keeper:
    """The releases of one home."""

    folder: Path
    journal: Journal
    supervisors: Mapping[str, Supervisor]
    policy: Callable[[], Policy]
    _seen: dict[UnitId, _Seen] = field(default_factory=dict)

    async def note(self, unit: Unit, now: datetime) -> str | None:
        """Note the release of a unit that is well; return the id of its row where it is noted now. Cheap if unchanged.

        The caller knows that the unit is well; here it is asked whether it has been for long enough.
        """
        if not unit.processes or not self._due(unit, now) or await asyncio.to_thread(self.is_watched, unit.id, now):
            return None
        life = frozenset(process.key for process in unit.processes)
        self._seen[unit.id] = _Seen(life, now.timestamp() + _AGAIN_S)
        try:
            setup = await self.supervisors[unit.id.supervisor].setup(unit.id)
        except (SupervisorError, KeyError) as error:
            _LOG.debug("the release of %s is not noted: %s", unit.name, error)
            return None
        return await asyncio.to_thread(self._note, unit, setup, now)

    def _due(self, unit: Unit, now: datetime) -> bool:
        seen = self._seen.get(unit.id)
        life = frozenset(process.key for process in unit.processes)
        if seen is not None and seen.life == life and now.timestamp() < seen.again_at:
            return False
        youngest = max(process.key.started for process in unit.processes)
        return now.timestamp() - youngest >= self.policy().release_good_after_s

    def is_watched(self, unit: UnitId, now: datetime) -> bool:
        """Tell whether a person's deploy of this unit is under way, or its release still has to prove itself."""
        watch = timedelta(seconds=self.policy().deploy_watch_s)
        return any(
            deploy.unit == unit and (deploy.until > now if deploy.ended_at is None else deploy.ended_at + watch > now)
            for deploy in self.journal.unjudged_deploys()
        )

    def _note(self, unit: Unit, setup: UnitSetup, now: datetime) -> str | None:
        try:
            manifest = self._manifest(unit, setup, now)
        except (OSError, UnsafeFile) as error:
            _LOG.warning("the release of %s cannot be noted: %s", unit.name, error)
            return None
        if manifest is None:
            return None
        return self.journal.note_release(
            unit.id,
            kind=manifest.kind,
            label=manifest.label,
            branch=manifest.branch or None,
            commit=manifest.commit or None,
            manifest=manifest.keep(self.folder),
        )

    def _manifest(self, unit: Unit, setup: UnitSetup, now: datetime) -> Manifest | None:
        """Return what the unit runs with; None where its processes may have been started with something else."""
        place, sign = place_of(setup, unit.uid), signer(self.folder)
        started = min(started_at(process.key) for process in unit.processes)
        found = contents.Contents()
        if place.root is not None:
            found = contents.take(
                place.root,
                unit.uid,
                self.folder,
                entry_script=place.entry,
                started=started,
                sign=sign,
                written=written.remembered(self.folder, unit.id),
                open_for_writing=written.open_below(unit, place.root),
            )
            written.remember(self.folder, unit.id, found.written)
        changed_at = max(found.newest_code, place.link_changed_at)
        if changed_at >= started and now.timestamp() - changed_at < _WELL_BESIDE_S:
            _LOG.debug("%s changed under its processes: its release is not proven", unit.name)
            return None
        config = {path: Content(good.sha256, good.mode) for path, good in self._config(unit.id).items()}
        return Manifest(
            unit=unit.id,
            kind=place.kind,
            root=str(place.root or ""),
            link=str(place.link or ""),
            target=place.target,
            commit=_commit(place),
            branch=place.checkout.branch if place.checkout is not None else "",
            files=found.files,
            config=config,
            secrets=found.secrets,
            left_out=found.left_out or place.why,
            setup=setup_facts(setup),
            env=environment_of(unit, setup, sign),
        )

    def _config(self, unit: UnitId) -> Mapping[str, last_good.Good]:
        return last_good.good_files(unit, self.folder)

    # what is different

    def latest(self, unit: UnitId) -> ReleaseRow | None:
        """Return the release with which the unit was last well."""
        return next(iter(self.journal.releases(unit)), None)

    def find(self, unit: UnitId, wanted: str | None) -> ReleaseRow:
        """Return the release of that id, or of which it is the beginning of id, commit or label; None: the latest.

        LookupError says which there are.
        """
        rows = self.journal.releases(unit)
        if not rows:
            raise LookupError(
                f"no good release of {unit.name} is known yet: one is noted once it has been well for a while"
            )
        if wanted is None:
            return rows[0]
        found = [row for row in rows if _is_meant(row, wanted)]
        if len(found) == 1 or (found and found[0].id == wanted):
            return found[0]
        there = ", ".join(f"{row.id} {row.label}" for row in rows)
        problem = "may be more than one release" if found else "is no release"
        raise LookupError(f"{wanted} {problem} of {unit.name} that was good: there are {there}")

    async def difference(self, unit: Unit, row: ReleaseRow) -> Difference:
        """Compare a release that was good with what stands there now. Raises UnsafeFile, SupervisorError, OSError."""
        good = await asyncio.to_thread(load, self.folder, row.manifest)
        supervisor = self.supervisors.get(unit.id.supervisor)
        if supervisor is None:
            raise SupervisorError(f"no supervisor of kind {unit.id.supervisor} is watched")
        setup = await supervisor.setup(unit.id)
        sign = signer(self.folder)
        return await asyncio.to_thread(compare, Look(good=good, unit=unit, setup=setup, folder=self.folder, sign=sign))

    def keep_states(self, found: Difference) -> tuple[str, str]:
        """Keep what a rollback puts back and what it takes away; return the SHA-256 of both manifests."""
        if found.before is None or found.after is None:
            raise UnsafeFile(found.refused or "there is nothing to roll back")
        return found.after.keep(self.folder), found.before.keep(self.folder)

    async def changing(self, unit: Unit) -> str:
        """Return that the unit's release is being changed at this moment, or nothing. Looks at names and times only."""
        row = await asyncio.to_thread(self.latest, unit.id)
        if row is None:
            return ""
        return await asyncio.to_thread(self._changing, unit, row)

    def _changing(self, unit: Unit, row: ReleaseRow) -> str:
        since = time.time() - _CHANGING_S
        try:
            good = load(self.folder, row.manifest)
            if good.link and Path(good.link).lstat().st_ctime > since:
                return f"{good.link} changed a moment ago"
            root = Path(good.link).resolve() if good.link else Path(good.root) if good.root else None
            fresh = root is not None and next(
                (
                    entry.path
                    for entry in contents.candidates(root, unit.uid)
                    if contents.is_code(entry.path) and entry.changed_at > since
                ),
                "",
            )
        except (OSError, UnsafeFile):
            return ""
        return f"{fresh} changed a moment ago" if fresh else ""


def _commit(place: Place) -> str:
    return place.checkout.commit if place.checkout is not None else ""


def _is_meant(row: ReleaseRow, wanted: str) -> bool:
    return any(text.startswith(wanted) for text in (row.id, row.commit or "", row.label) if text)
