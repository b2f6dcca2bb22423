"""What answers say, in English and Korean: the same keys and placeholders in each (a test compares them). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsagent.telling.words import Words

EN: dict[str, str] = {
    "up.healthy": "{name} is up: it answers its health check",
    "up.unasked": "{name} is running; whether it serves is not known, for it has no health check",
    "up.unheard": "{name} is running; whether it serves is not known: its health check was not asked",
    "up.partly": "{name} is only partly up: {n} of {of} instances run",
    "up.unhealthy": "{name} runs but does not serve: its health check fails ({why})",
    "up.frozen": "{name} does not serve: its process is stopped by a signal",
    "up.starting": "{name} is starting", "up.stopping": "{name} is stopping",
    "up.stopped": "{name} is stopped: a person had it stopped, and it stays so",
    "up.exited": "{name} is down: it ended by itself",
    "up.exited_code": "{name} is down: it ended with exit code {code}",
    "up.exited_signal": "{name} is down: it was ended by signal {signal}",
    "up.down": "{name} is down: {why}",
    "up.unknown": "{name}: how it is is not known: {why}",
    "fact.uptime": "up for {time}", "fact.memory": "{size} of memory", "fact.cpu": "{percent} of a core on average",
    "fact.cpu_now": "{percent} of a core now",
    "note.reason": "its supervisor says: {why}",
    "note.restarts": "started again {n} times since its supervisor knows it",
    "note.restarts.one": "started again once since its supervisor knows it",
    "note.grew": "memory grew from {was} to {now} within {time}",
    "note.shrank": "memory went from {was} down to {now} within {time}",
    "note.steady": "memory is steady at {now} for {time}",
    "note.open": "an incident is open: {fault} since {since} ({status}): {summary} [{id}]",
    "note.suffers": "it suffers from an open incident of {other}: {fault} since {since} [{id}]",
    "note.lately": "last trouble: {fault} at {at}, {how} [{id}]",
    "note.held": "on hold by {by} until {until}: {why}", "note.held_open": "on hold by {by} until released: {why}",
    "note.needs_down": "it depends on {others}, which is not well",
    "note.maintenance": "in a maintenance window: {why}",
    "note.no_daemon": "no daemon watches: what is said here was looked at just now, trouble of before may not be recorded",
    "note.paused": "the agent is paused: it does nothing by itself",
    "note.silent": "{kind} does not answer, so its services are not known: {why}",
    "list.none": "no service is known: describe some in a file and run `opsagent up FILE`",
    "list.all": "all {n} services are up", "list.all.one": "the only service is up",
    "list.some": "{up} of {n} services are up; {bad}",
    "list.down": "down: {names}", "list.unhealthy": "running but not serving: {names}",
    "list.stopped": "stopped by a person: {names}", "list.partly": "partly up: {names}",
    "list.between": "starting or stopping: {names}", "list.unknown": "not known: {names}",
    "list.incidents": "open incidents: {text}",
    "log.last": "the last {n} lines of {name}", "log.last.one": "the last line of {name}",
    "log.since": "{n} lines of {name} since {since}", "log.since.one": "one line of {name} since {since}",
    "log.cut": "the last {n} of {of} lines of {name} since {since}",
    "log.none": "no lines: {name} has logged nothing", "log.none_since": "no lines: {name} logged nothing since {since}",
    "log.undated": "lines of {name} carry no time, so these are its last ones, and not those since {since}",
    "log.errors": "{n} of them are errors", "log.errors.one": "one of them is an error",
    "log.nowhere": "it is not known where {name} logs", "log.unread": "not read: {why}",
    "log.found": "{n} lines of {name} have “{query}”", "log.found.one": "one line of {name} has “{query}”",
    "log.found_cut": "{of} lines of {name} have “{query}”; the last {n}",
    "log.not_found": "no such line in the log of {name}: “{query}” is in none of the last {n} lines",
    "log.within": "looked at since {since}",
    "past.why": "{name}: {fault} at {at}", "past.why_open": "{name}: {fault} since {at}, not over yet ({status})",
    "past.cause": "most likely because: {cause} ({percent} sure)", "past.cause_in": "most likely because of {unit}: {cause} ({percent} sure)",
    "past.no_cause": "why is not known",
    "past.repaired": "repaired after {took} by {remedy}", "past.repaired_some": "repaired by {remedy}",
    "past.ended": "over after {took} ({outcome})", "past.ended_some": "over ({outcome})",
    "past.by_itself": "without the agent's doing",
    "past.for": "for it: {text}", "past.against": "against it: {text}", "past.changed": "just before: {what}",
    "past.tried": "tried: {remedy} ({source}): {status}", "past.by": "approved by {by}",
    "past.proof": "proof: {why}", "past.cost": "cost: {cost}",
    "past.before": "seen before: {times} in this journal, last at {at}; {remedy} ended it each time",
    "past.new": "this has not been repaired here before",
    "past.remembered": "remembered: {text}",
    "past.said": "a person was called: {why}",
    "past.now": "now: {text}",
    "past.more": "{n} other incidents of {name} are recorded", "past.more.one": "one other incident of {name} is recorded",
    "past.none": "I do not know: no incident of {name} is known, and the journal goes back to {began}",
    "past.none_since": "no incident of {name} is known since {since}",
    "past.empty": "I do not know: no incident of {name} is known, for nothing was ever recorded here",
    "past.instead": "the latest before that",
    "past.short": "the journal goes back to {began} only: what was before that is not known",
    "past.nothing": "nothing was ever recorded here: what was then is not known",
    "past.order": "{at}: a person had this done: {text}", "past.notice": "{at}: noticed: {text}",
    "past.quiet": "no order of a person and no notice of it is recorded either",
    "all.none": "nothing happened since {since}: no incident, no change is recorded",
    "all.some": "since {since}: {parts}",
    "all.nothing_ever": "no incident is known: nothing was ever recorded here",
    "all.incidents": "{n} incidents", "all.incidents.one": "one incident",
    "all.open": "{n} still open", "all.repaired": "{n} repaired",
    "all.changes": "{n} changes by people", "all.changes.one": "one change by people",
    "all.earlier": "before that: {text}",
    "host.fine": "the machine is fine", "host.strained": "the machine is strained: {why}",
    "host.facts": "load {load} on {cores}, {free} of {total} memory available, disk {path} {percent} full",
    "host.cores": "{n} cores", "host.cores.one": "one core",
    "host.memory": "only {free} of {total} memory is available", "host.load": "load {load} on {cores}",
    "host.disk": "{path} is {percent} full ({free} free)", "host.inodes": "{path} has used {percent} of its inodes",
    "host.hangs": "{path} does not answer", "host.disk_line": "disk {path}: {percent} full, {free} of {size} free",
    "host.full_in": "disk {path} is full in {time} at this rate",
    "host.top_memory": "most memory: {text}", "host.top_cpu": "most processor time: {text}",
    "host.logs": "largest logs: {text}",
    "join": ", ", "and": "; ",
}  # fmt: skip

KO: dict[str, str] = {
    "up.healthy": "{name_은} 정상입니다: 상태 확인에 응답합니다",
    "up.unasked": "{name_은} 실행 중입니다. 상태 확인이 설정되어 있지 않아 제대로 응답하는지는 알 수 없습니다",
    "up.unheard": "{name_은} 실행 중입니다. 상태 확인을 해 보지 못해 제대로 응답하는지는 알 수 없습니다",
    "up.partly": "{name_은} 일부만 실행 중입니다: 인스턴스 {of}개 중 {n}개",
    "up.unhealthy": "{name_은} 실행 중이지만 응답하지 않습니다: 상태 확인 실패({why})",
    "up.frozen": "{name_은} 응답하지 않습니다: 프로세스가 시그널로 멈춰 있습니다",
    "up.starting": "{name_은} 시작하는 중입니다", "up.stopping": "{name_은} 중지하는 중입니다",
    "up.stopped": "{name_은} 중지되어 있습니다: 사람이 중지했고 그대로 둡니다",
    "up.exited": "{name_은} 내려가 있습니다: 스스로 종료되었습니다",
    "up.exited_code": "{name_은} 내려가 있습니다: 종료 코드 {code}(으)로 끝났습니다",
    "up.exited_signal": "{name_은} 내려가 있습니다: 시그널 {signal}(으)로 종료되었습니다",
    "up.down": "{name_은} 내려가 있습니다: {why}",
    "up.unknown": "{name_은} 상태를 알 수 없습니다: {why}",
    "fact.uptime": "실행 {time}째", "fact.memory": "메모리 {size}", "fact.cpu": "CPU 평균 코어의 {percent}",
    "fact.cpu_now": "CPU 지금 코어의 {percent}",
    "note.reason": "관리 데몬의 설명: {why}",
    "note.restarts": "관리 데몬이 알게 된 뒤 {n}번 다시 시작됨",
    "note.restarts.one": "관리 데몬이 알게 된 뒤 {n}번 다시 시작됨",
    "note.grew": "메모리가 {time} 동안 {was}에서 {now}(으)로 늘었습니다",
    "note.shrank": "메모리가 {time} 동안 {was}에서 {now}(으)로 줄었습니다",
    "note.steady": "메모리는 {time} 동안 {now}에서 변함이 없습니다",
    "note.open": "장애가 열려 있습니다: {fault}, {since}부터 ({status}): {summary} [{id}]",
    "note.suffers": "{other}의 열린 장애에 영향을 받고 있습니다: {fault}, {since}부터 [{id}]",
    "note.lately": "최근 장애: {at} {fault}, {how} [{id}]",
    "note.held": "{by} 보류, {until}까지: {why}", "note.held_open": "{by} 보류, 해제할 때까지: {why}",
    "note.needs_down": "의존하는 서비스가 정상이 아닙니다: {others}",
    "note.maintenance": "점검 시간입니다: {why}",
    "note.no_daemon": "지켜보는 데몬이 없습니다: 지금 확인한 내용이며, 그전의 문제는 기록되지 않았을 수 있습니다",
    "note.paused": "에이전트가 일시 정지되어 스스로 아무것도 하지 않습니다",
    "note.silent": "{kind_이} 응답하지 않아 그 서비스는 알 수 없습니다: {why}",
    "list.none": "알려진 서비스가 없습니다: 파일에 적고 `opsagent up FILE`을 실행하세요",
    "list.all": "서비스 {n}개가 모두 실행 중입니다", "list.all.one": "하나뿐인 서비스가 실행 중입니다",
    "list.some": "서비스 {n}개 중 {up}개가 실행 중입니다; {bad}",
    "list.down": "내려감: {names}", "list.unhealthy": "실행 중이나 응답 없음: {names}",
    "list.stopped": "사람이 중지함: {names}", "list.partly": "일부만 실행: {names}",
    "list.between": "시작 또는 중지하는 중: {names}", "list.unknown": "알 수 없음: {names}",
    "list.incidents": "열린 장애: {text}",
    "log.last": "{name} 로그의 마지막 {n}줄", "log.last.one": "{name} 로그의 마지막 {n}줄",
    "log.since": "{since} 이후 {name} 로그 {n}줄", "log.since.one": "{since} 이후 {name} 로그 {n}줄",
    "log.cut": "{since} 이후 {name} 로그 {of}줄 중 마지막 {n}줄",
    "log.none": "로그가 없습니다: {name_은} 아무것도 남기지 않았습니다",
    "log.none_since": "로그가 없습니다: {name_은} {since} 이후 아무것도 남기지 않았습니다",
    "log.undated": "{name} 로그에는 시각이 없어 {since} 이후가 아니라 마지막 줄들을 보여 드립니다",
    "log.errors": "그중 오류 {n}줄", "log.errors.one": "그중 오류 {n}줄",
    "log.nowhere": "{name_이} 어디에 로그를 남기는지 알 수 없습니다", "log.unread": "읽지 못함: {why}",
    "log.found": "{name} 로그에서 “{query}” {n}줄을 찾았습니다", "log.found.one": "{name} 로그에서 “{query}” {n}줄을 찾았습니다",
    "log.found_cut": "{name} 로그에서 “{query}” {of}줄을 찾았습니다; 마지막 {n}줄",
    "log.not_found": "{name} 로그에 그런 줄이 없습니다: “{query}”, 마지막 {n}줄을 살펴봤습니다",
    "log.within": "{since} 이후를 살펴봤습니다",
    "past.why": "{name}: {at} {fault}", "past.why_open": "{name}: {at}부터 {fault}, 아직 끝나지 않음 ({status})",
    "past.cause": "가장 유력한 원인: {cause} (확신 {percent})", "past.cause_in": "가장 유력한 원인은 {unit}: {cause} (확신 {percent})",
    "past.no_cause": "원인은 알 수 없습니다",
    "past.repaired": "{took} 만에 {remedy}(으)로 복구됨", "past.repaired_some": "{remedy}(으)로 복구됨",
    "past.ended": "{took} 만에 끝남 ({outcome})", "past.ended_some": "끝남 ({outcome})",
    "past.by_itself": "에이전트의 조치 없이",
    "past.for": "근거: {text}", "past.against": "반증: {text}", "past.changed": "직전에 바뀐 것: {what}",
    "past.tried": "시도함: {remedy} ({source}): {status}", "past.by": "{by} 승인",
    "past.proof": "확인: {why}", "past.cost": "영향: {cost}",
    "past.before": "전에도 있었습니다: 이 기록에 {times}, 마지막은 {at}; 매번 {remedy}(으)로 끝났습니다",
    "past.new": "여기서 이것을 복구한 적은 아직 없습니다",
    "past.remembered": "기억: {text}",
    "past.said": "사람을 불렀습니다: {why}",
    "past.now": "지금: {text}",
    "past.more": "{name}의 다른 장애 {n}건이 기록되어 있습니다", "past.more.one": "{name}의 다른 장애 {n}건이 기록되어 있습니다",
    "past.none": "모릅니다: {name}의 장애는 알려진 것이 없고, 기록은 {began}부터 있습니다",
    "past.none_since": "{since} 이후 {name}의 장애는 알려진 것이 없습니다",
    "past.empty": "모릅니다: {name}의 장애는 알려진 것이 없습니다. 여기에는 아직 아무것도 기록되지 않았습니다",
    "past.instead": "그전의 마지막 장애",
    "past.short": "기록은 {began}부터만 있어 그전의 일은 알 수 없습니다",
    "past.nothing": "여기에는 아직 아무것도 기록되지 않아 그때의 일은 알 수 없습니다",
    "past.order": "{at}: 사람이 시킨 일: {text}", "past.notice": "{at}: 눈에 띈 것: {text}",
    "past.quiet": "사람의 명령이나 눈에 띈 것도 기록되어 있지 않습니다",
    "all.none": "{since} 이후 아무 일도 없었습니다: 장애도 변경도 기록되지 않았습니다",
    "all.some": "{since} 이후: {parts}",
    "all.nothing_ever": "알려진 장애가 없습니다: 여기에는 아직 아무것도 기록되지 않았습니다",
    "all.incidents": "장애 {n}건", "all.incidents.one": "장애 {n}건",
    "all.open": "아직 열린 것 {n}건", "all.repaired": "복구됨 {n}건",
    "all.changes": "사람이 바꾼 것 {n}건", "all.changes.one": "사람이 바꾼 것 {n}건",
    "all.earlier": "그전: {text}",
    "host.fine": "컴퓨터는 정상입니다", "host.strained": "컴퓨터에 여유가 없습니다: {why}",
    "host.facts": "{cores}에 부하 {load}, 메모리 {total} 중 {free} 사용 가능, 디스크 {path} {percent} 사용",
    "host.cores": "코어 {n}개", "host.cores.one": "코어 {n}개",
    "host.memory": "메모리 {total} 중 {free}만 사용 가능", "host.load": "{cores}에 부하 {load}",
    "host.disk": "{path} {percent} 사용 ({free} 남음)", "host.inodes": "{path}의 inode {percent} 사용",
    "host.hangs": "{path_이} 응답하지 않음", "host.disk_line": "디스크 {path}: {percent} 사용, {size} 중 {free} 남음",
    "host.full_in": "디스크 {path_은} 이대로면 {time} 뒤에 가득 찹니다",
    "host.top_memory": "메모리를 가장 많이 쓰는 것: {text}", "host.top_cpu": "CPU를 가장 많이 쓴 것: {text}",
    "host.logs": "가장 큰 로그: {text}",
    "join": ", ", "and": "; ",
}  # fmt: skip

CAUSES_KO: dict[str, str] = {
    "dependency_down": "의존 서비스 중단", "dependency_slow": "의존 서비스 지연", "bad_config": "잘못된 설정",
    "bad_release": "잘못된 배포", "bad_environment": "잘못된 환경 변수", "stale_credentials": "오래된 자격 증명",
    "port_taken": "포트를 다른 프로세스가 사용 중", "orphan": "남아 있는 이전 프로세스", "stale_lock": "남아 있는 잠금 파일",
    "disk_full": "디스크 가득 참", "deleted_open_file": "지워졌지만 열려 있는 파일", "log_flood": "로그 폭주",
    "descriptor_leak": "파일 디스크립터 누수", "memory_leak": "메모리 누수", "heap_cap": "힙 한도 도달",
    "machine_used_up": "컴퓨터 자원 고갈", "stopped_by_signal": "시그널로 멈춤", "spinning": "무한 반복으로 CPU 점유",
    "deadlock": "교착 상태", "pool_exhausted": "연결 풀 고갈", "noisy_neighbour": "다른 프로세스의 자원 점유",
    "retry_storm": "재시도 폭주", "bad_worker": "인스턴스 하나의 이상", "certificate_expired": "인증서 만료",
    "dns_failure": "이름 조회(DNS) 실패", "permissions": "파일 권한", "poison_item": "처리할 수 없는 항목",
    "flapping": "상태 반복 변화", "killed": "외부에서 강제 종료", "crashed": "스스로 종료", "supervisor_gone": "관리 데몬 종료",
    "planned": "예정된 작업", "false_alarm": "잘못된 경보", "hostile_text": "로그 속의 악의적인 문구", "unknown": "알 수 없음",
}  # fmt: skip
"""What a cause (`opsagent.model.Cause`) is called in Korean, in front of what is known of it in English."""

_SAID = {"en": EN, "ko": KO}
_PARTICLES = {"은": ("은", "는"), "이": ("이", "가")}
_CLOSED_DIGITS = frozenset("013678")
_CLOSED_LETTERS = frozenset("lmn")
_MAYBE_CLOSED = frozenset("bkpt")
_VOWELS = frozenset("aeiou")


@dataclass(frozen=True, slots=True)
class Say:
    """The language and the zone of one answer."""

    words: Words

    def __call__(self, key: str, **values: object) -> str:
        """Return what is said there. In Korean `{name_은}` is the name with 은 or 는 behind it, as it is pronounced."""
        text = _SAID[self.words.language][key]
        if self.words.language == "ko":
            named = [(name, how) for name in values for how in _PARTICLES if f"{{{name}_{how}}}" in text]
            values |= {f"{name}_{how}": with_particle(str(values[name]), how) for name, how in named}
        return text.format(**values)

    def cause(self, hypothesis: Mapping[str, Any]) -> str:
        """Return the cause that a hypothesis names: what probes wrote is English, its kind stands before it in Korean."""
        kind = CAUSES_KO.get(str(hypothesis.get("kind") or "")) if self.words.language == "ko" else None
        return f"{kind} ({hypothesis['cause']})" if kind else str(hypothesis["cause"])

    def count(self, key: str, number: int, **values: object) -> str:
        """Return a number of things in words; one has words of its own."""
        return self(f"{key}.one" if number == 1 else key, n=f"{number:,}", **values)


def with_particle(name: str, how: str) -> str:
    """Return a name with the particle that fits its last sound (`how`: the one behind a consonant, 은 or 이).

    Of a name in Latin letters it is how Koreans usually say it: `web은`, `redis는`.
    """
    return name + _PARTICLES[how][0 if _closed(name) else 1]


def _closed(name: str) -> bool:
    """Tell whether the last syllable ends with a consonant."""
    last = name[-1:].lower()
    if "가" <= last <= "힣":
        return (ord(last) - ord("가")) % 28 != 0
    if last.isdigit():
        return last in _CLOSED_DIGITS
    if last in _MAYBE_CLOSED:  # 웹, 넷: behind a single short vowel
        return name[-2:-1].lower() in _VOWELS and name[-3:-2].lower() not in _VOWELS
    return last in _CLOSED_LETTERS or name[-2:].lower() == "ng"
