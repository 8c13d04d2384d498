"""One case, done and judged."""

import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.faults import running
from tools.faults.case import KILLED, TERMINATED, Case
from tools.faults.running import COMMANDS, RESUMED, Ended, Place, stored

TRACEBACK = "Traceback (most recent call last)"

OWN_FAULT = "a fault of AlignFreeze itself"


@dataclass
class Verdict:
    """What has come of a case: how it was judged, and what was wrong with it, if anything."""

    case: Case
    seconds: float = 0.0
    seen: str = ""
    wrong: list[str] = field(default_factory=list)

    def expect(self, holds: object, otherwise: str) -> None:
        """Note what was wrong, if it was."""
        if not holds:
            self.wrong.append(otherwise)


@dataclass(frozen=True)
class Reference:
    """What a command leaves undisturbed."""

    place: Place
    stored: running.Stored
    options: tuple[str, ...] = ()


References = Mapping[tuple[str, bool], Reference]
"""By the command, and whether several processes did it."""


def arguments(case: Case, reference: Reference, *, again: bool = False) -> list[str]:
    """The command of a case, as it is typed first or after the fault."""
    resumed = ["--resume", "true"] if again and case.command in RESUMED else []
    return [*COMMANDS[case.command], *reference.options, *case.options, *resumed]


def torchrun(machines: int, port: int) -> list[list[str]]:
    """The programs that start two processes, one for each machine."""
    start = ["-m", "torch.distributed.run", "--nproc-per-node", str(2 // machines)]
    if machines == 1:
        return [[*start, "--standalone", "-m", "alignfreeze"]]
    start += ["--nnodes", "2", "--master-addr", "localhost", "--master-port", str(port)]
    return [[*start, "--node-rank", str(rank), "-m", "alignfreeze"] for rank in range(2)]


def started(
    case: Case,
    place: Place,
    given: Sequence[str],
    fault: running.Fault | None = None,
    during: Callable[[], None] = lambda: None,
) -> Ended:
    """Run the command of a case, in as many processes on as many machines as it says."""
    if not case.processes:
        return running.run(place, given, fault=fault, during=during)
    return running.run_processes(place, torchrun(case.processes, running.free_port()), given, fault)


def judged(case: Case, references: References, folder: Path) -> Verdict:
    """Do a case in a folder, which is gone afterwards."""
    began, verdict = time.monotonic(), Verdict(case)
    reference = references[case.command, bool(case.processes)]
    if case.prepare is not None and not case.point:
        place = running.copied(reference.place, folder)
    else:
        folder.mkdir()
        place = Place(folder)
    try:
        _judge(case, reference, place, verdict)
    except Exception as error:  # noqa: BLE001  of the harness: no case may pass for it
        verdict.wrong.append(f"{type(error).__name__}: {error}")
    finally:
        for close in place.closing:
            close()
        running.kill_all(place)
        shutil.rmtree(folder, ignore_errors=True)
    verdict.seconds = time.monotonic() - began
    return verdict


def _judge(case: Case, reference: Reference, place: Place, verdict: Verdict) -> None:
    marker = place.folder / "struck"
    fault: dict[str, object] | None = None
    if case.point:
        fault = {"point": case.point, "call": case.call, "kind": case.kind, "always": case.always}
        fault |= {"rank": case.rank, "argument": case.argument, "marker": str(marker)}
    if case.prepare is not None:
        case.prepare(place)

    def during() -> None:
        if case.kind == "kill all" and marker.exists():
            running.kill_all(place)

    ended = started(case, place, arguments(case, reference), fault, during)
    left = stored(place.store)
    verdict.seen = f"exit {ended.code}, {len(ended.lines)} line(s)"
    if case.point:
        verdict.expect(marker.exists(), "the fault has not struck")
    judge_end(case, ended, verdict)
    if case.point and case.code != 0 and "sync" not in case.says:  # then it cannot be there
        _judge_status(case, left, verdict)
    if case.code == 0:
        verdict.expect(left.scores == reference.stored.scores, "other numbers")
    elif case.again:
        _judge_again(case, reference, place, verdict)


def judge_end(case: Case, ended: Ended, verdict: Verdict) -> None:
    """The exit code, one line, no traceback."""
    if ended.code is None:
        verdict.wrong.append(f"hung for {running.PATIENCE:.0f} s")
        return
    lines = ended.lines
    if case.processes:
        verdict.expect(ended.code != 0, "exit 0")
    else:
        verdict.expect(ended.code == case.code, f"exit {ended.code}, not {case.code}")
        verdict.expect(TRACEBACK not in ended.output, "traceback")
    expected = 0 if case.code in (0, KILLED) and not case.processes else 1
    verdict.expect(len(lines) == expected, f"{len(lines)} lines, not {expected}")
    if lines:
        said = lines[-1][: running.SHOWN]
        verdict.seen += f": {said.removeprefix('alignfreeze: ')}"
        verdict.expect(re.search(case.says, lines[-1]), f"does not say {case.says!r}")
        verdict.expect(OWN_FAULT not in lines[-1] or case.kind == "raise", "unforeseen")


def _judge_status(case: Case, left: running.Stored, verdict: Verdict) -> None:
    """What MLflow holds of the run: its status is true, and has its reason."""
    status, reason = left.outermost
    verdict.seen += f"; {status}"
    if case.code == KILLED:
        return  # it could say nothing
    signalled = case.code == TERMINATED or case.kind.startswith("SIG")
    right = {"KILLED"} if signalled else {"FAILED"}
    if case.processes and case.kind == "SIGKILL":  # torchrun ends the other by a signal, or it sees
        right = {"KILLED", "FAILED"}
    verdict.expect(status in right, f"status {status}")
    verdict.expect(bool(reason), "no reason in the run")
    verdict.expect(not left.unexplained, "runs without a reason, or that go on")


def _judge_again(case: Case, reference: Reference, place: Place, verdict: Verdict) -> None:
    """The same command goes on to the same numbers, and leaves nothing behind."""
    if case.after is not None:
        case.after(place)
    ended = started(case, place, arguments(case, reference, again=True))
    left = stored(place.store)
    verdict.expect(ended.code == 0, f"again: exit {ended.code} {' '.join(ended.lines)[:200]}")
    verdict.expect(left.scores == reference.stored.scores, "again: other numbers")
    verdict.expect(not left.unexplained, "again: runs without a reason, or that go on")
    if case.code != KILLED and not case.processes:
        kept = [path.name for path in place.temporary.glob("alignfreeze*")]
        verdict.expect(not kept, f"temporary folders stay: {len(kept)}")


def reference_of(
    command: str, *, processes: bool, folder: Path, encoder: Path | None = None
) -> Reference:
    """Do a command undisturbed, once for all cases."""
    place = Place(folder)
    folder.mkdir()
    options = ("--encoder", str(encoder)) if encoder else ()
    given = [*COMMANDS[command], *options]
    if processes:
        ended = running.run_processes(place, torchrun(1, 0), given, None)
    else:
        ended = running.run(place, given)
    if ended.code != 0:
        raise RuntimeError(f"{command} fails undisturbed: {ended.output[-2000:]}")
    return Reference(place, stored(place.store), options)


def references_for(cases: Sequence[Case], folder: Path) -> References:
    """The undisturbed commands that some cases are compared with."""
    wanted = {(case.command, bool(case.processes)) for case in cases}
    found: dict[tuple[str, bool], Reference] = {}
    encoder = None
    if any(command == "evaluate" for command, _ in wanted):
        wanted.add(("realign", False))
    for command, several in sorted(wanted, key=lambda one: one[0] == "evaluate"):
        if command == "evaluate":
            made = found["realign", False].place.folder / "mlruns"
            encoder = next(path.parent for path in made.rglob("encoder/model.safetensors"))
        name = f"reference-{command}-{2 if several else 1}"
        given = encoder if command == "evaluate" else None
        found[command, several] = reference_of(
            command, processes=several, folder=folder / name, encoder=given
        )
    return found


def chosen(cases: Sequence[Case], words: Sequence[str]) -> list[Case]:
    """The cases whose line holds all of some words."""
    return [case for case in cases if all(word in str(case) for word in words)]


def numbered(folder: Path, number: int) -> Path:
    """Where a case happens."""
    return folder / f"case-{number:03d}"
