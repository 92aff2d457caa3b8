"""The command line: `python -m tests.chaos --seeds 20`, or `--seed 7` to replay one."""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.environment import prepare
from tests.chaos.postgresql import NoPostgreSQL, Server, find_programs

FAILED = 1


def main() -> int:
    options = _parse()
    try:
        find_programs()
    except NoPostgreSQL as reason:
        print(f"!! THE CHAOS SUITE DID NOT RUN: {reason}", file=sys.stderr)
        return 0
    if options.seed is not None:
        # So that what was started is ended as well when this process is told to end.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))
        return _run_one(options)
    failed = [seed for seed in range(1, options.seeds + 1) if _run_apart(seed)]
    print(f"{options.seeds} seeds, {len(failed)} failed{': ' + ', '.join(map(str, failed)) if failed else ''}")
    for seed in failed:
        print(f"replay: python -m tests.chaos --seed {seed} --workflows {options.workflows}")
    return FAILED if failed else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this one")
    parser.add_argument("--seeds", type=int, default=1, help="run the seeds from 1 to this number")
    parser.add_argument("--workflows", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=90.0, help="how long harm is done")
    parser.add_argument(
        "--rest-seconds", type=float, default=120.0, help="how long rest is waited for while nothing happens"
    )
    parser.add_argument("--short", action="store_true", help="a few kinds of harm only, for a run of seconds")
    parser.add_argument("--processes", type=int, default=2, help="of each of the two workers")
    parser.add_argument("--slots", type=int, default=100, help="of each process")
    parser.add_argument("--keep", action="store_true", help="keep logs and database whatever comes of it")
    return parser.parse_args()


def _run_apart(seed: int) -> int:
    """Run a seed in a process of its own: a process reads its settings once."""
    given = sys.argv[1:]
    for position, argument in enumerate(given):
        if argument.startswith("--seeds"):
            del given[position : position + (1 if "=" in argument else 2)]
            break
    command = [sys.executable, "-m", "tests.chaos", *given, "--seed", str(seed)]
    return subprocess.run(command, check=False).returncode


def _run_one(options: argparse.Namespace) -> int:
    started = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix=f"countersign-chaos-{options.seed}-"))

    def say(line: str) -> None:
        print(f"  seed {options.seed}, {time.monotonic() - started:5.1f} s: {line}", flush=True)

    print(f"seed {options.seed}: {options.workflows} workflows, logs in {directory}", flush=True)
    server = Server()
    with server:
        prepare(server.url, directory, options.processes, options.slots)
        failed = _run(options, server, directory, say)
        say("over")
    if options.keep or failed:
        print(f"seed {options.seed}: logs and database are left in {directory} and {server.directory}")
    else:
        server.remove()
        shutil.rmtree(directory, ignore_errors=True)
    return FAILED if failed else 0


def _run(options: argparse.Namespace, server: Server, directory: Path, say: Callable[[str], None]) -> bool:
    import django

    django.setup()
    from tests.chaos.harm import FULL, SHORT
    from tests.chaos.report import print_outcome
    from tests.chaos.run import Options, run_seed

    outcome = run_seed(
        Options(
            seed=options.seed,
            workflows=options.workflows,
            seconds=options.seconds,
            rest_seconds=options.rest_seconds,
            dose=SHORT if options.short else FULL,
        ),
        server,
        directory,
        say,
    )
    print_outcome(options.seed, outcome)
    return outcome.failed


if __name__ == "__main__":
    sys.exit(main())
