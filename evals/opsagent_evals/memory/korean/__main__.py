"""`python -m opsagent_evals.memory.korean FOLDER`: learn Korean words from the packages in a folder.

Writes rows of Korean, tab, English to stdout; they are what `opsagent_memory/korean/learnt.tsv` holds. Which packages
taught it is in `packages.txt`. Of their sentences nothing is kept.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from opsagent_evals.memory.korean import catalogues, words
from opsagent_evals.telling import say


def main(arguments: list[str]) -> int:
    """Learn from one folder; return the exit code."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        say((__doc__ or "").partition("\n")[0])
        return 2
    learnt = words.learn(_counted(Path(arguments[0])))
    for korean, english in learnt.items():
        sys.stdout.write(f"{korean}\t{english}\n")
    say(f"{len(learnt)} words")
    return 0 if learnt else 1


def _counted(folder: Path) -> Iterator[catalogues.Pair]:
    count = 0
    for count, pair in enumerate(catalogues.pairs(folder), start=1):
        if count % 20_000 == 0:
            say(f"{count} pairs")
        yield pair
    say(f"{count} pairs")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
