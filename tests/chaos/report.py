"""What is printed of a run: what was done to it, what was counted, and the seed with each thing that was found."""

from tests.chaos.run import Outcome

_LONGEST_LIST = 8


def print_outcome(seed: int, outcome: Outcome) -> None:
    done = ", ".join(f"{count} {kind}" for kind, count in sorted(outcome.done.items()))
    print(f"seed {seed}: done to it: {done}")
    for name, value in outcome.notes.items():
        print(f"seed {seed}: {name}: {value}")
    for name, found in outcome.found.items():
        print(f"seed {seed}: {len(found):3} {name}")
    for name, found in outcome.found.items():
        for line in found[:_LONGEST_LIST]:
            print(f"seed {seed}: FAILED: {name}: {line}")
        if len(found) > _LONGEST_LIST:
            print(f"seed {seed}: FAILED: {name}: and {len(found) - _LONGEST_LIST} more")
    for kind in outcome.missing:
        print(f"seed {seed}: FAILED: this harm never took place: {kind}")
