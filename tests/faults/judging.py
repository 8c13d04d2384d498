"""One case, done and judged."""

import contextlib
import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import running
from tests.faults.cases import KILLED, TERMINATED
from tests.faults.running import COMMANDS, RESUMED, Place, stored

TRACEBACK = "Traceback (most recent call last)"

OWN_FAULT = "a fault of AlignFreeze itself"


@dataclass
class Verdict:
    """What has come of a case: how it was judged, and what was wrong with it, if anything."""

    case: object
    seconds: float = 0.0
    seen: str = ""
    wrong: list[str] = field(default_factory=list)

    def expect(self, holds, otherwise):
        """Note what was wrong, if it was."""
        if not holds:
            self.wrong.append(otherwise)


@dataclass(frozen=True)
class Reference:
    """What a command leaves undisturbed."""

    place: Place
    stored: running.Stored
    options: tuple[str, ...] = ()


def arguments(case, reference, *, again=False):
    """The command of a case, as it is typed first or after the fault."""
    resumed = ["--resume", "true"] if again and case.command in RESUMED else []
    return [*COMMANDS[case.command], *reference.options, *case.options, *resumed]


def torchrun(machines, port):
    """The programs that start two processes, one for each machine."""
    start = ["-m", "torch.distributed.run", "--nproc-per-node", str(2 // machines)]
    if machines == 1:
        return [[*start, "--standalone", "-m", "alignfreeze"]]
    start += ["--nnodes", "2", "--master-addr", "localhost", "--master-port", str(port)]
    return [[*start, "--node-rank", str(rank), "-m", "alignfreeze"] for rank in range(2)]


def started(case, place, given, fault, during=None):
    """Run the command of a case, in as many processes on as many machines as it says."""
    if not case.processes:
        return running.run(place, given, fault=fault, during=during)
    return running.run_processes(place, torchrun(case.processes, running.free_port()), given, fault)


def judged(case, references, folder):
    """Do a case in a folder, which is gone afterwards."""
    began, verdict = time.monotonic(), Verdict(case)
    reference = references[case.command, bool(case.processes)]
    if case.prepare is not None:
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


def _judge(case, reference, place, verdict):
    marker, fault = place.folder / "struck", None
    if case.point:
        fault = {"point": case.point, "call": case.call, "kind": case.kind, "always": case.always}
        fault |= {"rank": case.rank, "argument": case.argument, "marker": str(marker)}
    if case.prepare is not None:
        case.prepare(place)

    def during(process):
        if case.kind == "kill all" and marker.exists():
            running.kill_all(place)

    ended = started(case, place, arguments(case, reference), fault, during)
    left = stored(place.store)
    verdict.seen = f"exit {ended.code}, {len(ended.lines)} line(s)"
    if case.point:
        verdict.expect(marker.exists(), "the fault has not struck")
    _judge_end(case, ended, verdict)
    if case.point and case.code != 0:
        _judge_status(case, left, verdict)
    if case.code == 0:
        verdict.expect(left.scores == reference.stored.scores, "other numbers")
    elif case.again:
        _judge_again(case, reference, place, verdict)


def _judge_end(case, ended, verdict):
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


def _judge_status(case, left, verdict):
    """What MLflow holds of the run: its status is true, and has its reason."""
    status, reason = left.outermost
    verdict.seen += f"; {status}"
    if case.code == KILLED:
        return  # it could say nothing
    signalled = case.code == TERMINATED or case.kind.startswith("SIG")
    verdict.expect(status == ("KILLED" if signalled else "FAILED"), f"status {status}")
    verdict.expect(bool(reason), "no reason in the run")
    verdict.expect(not left.unexplained, "runs without a reason, or that go on")


def _judge_again(case, reference, place, verdict):
    """The same command goes on to the same numbers, and leaves nothing behind."""
    if case.after is not None:
        case.after(place)
    ended = started(case, place, arguments(case, reference, again=True), None)
    left = stored(place.store)
    verdict.expect(ended.code == 0, f"again: exit {ended.code} {' '.join(ended.lines)[:200]}")
    verdict.expect(left.scores == reference.stored.scores, "again: other numbers")
    verdict.expect(not left.unexplained, "again: runs without a reason, or that go on")
    if case.code != KILLED and not case.processes:
        kept = [path.name for path in place.temporary.glob("alignfreeze*")]
        verdict.expect(not kept, f"temporary folders stay: {len(kept)}")


def reference_of(command, processes, folder, encoder=None):
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


def references_for(cases, folder):
    """The undisturbed commands that some cases are compared with."""
    wanted = {(case.command, bool(case.processes)) for case in cases}
    found, encoder = {}, None
    if any(command == "evaluate" for command, _ in wanted):
        wanted.add(("realign", False))
    for command, several in sorted(wanted, key=lambda one: one[0] == "evaluate"):
        if command == "evaluate":
            made = found["realign", False].place.folder / "mlruns"
            encoder = next(path.parent for path in made.rglob("encoder/model.safetensors"))
        name = f"reference-{command}-{2 if several else 1}"
        given = encoder if command == "evaluate" else None
        found[command, several] = reference_of(command, several, folder / name, given)
    return found


def chosen(cases, words):
    """The cases whose line holds all of some words."""
    return [case for case in cases if all(word in str(case) for word in words)]


def numbered(folder: Path, number: int) -> Path:
    """Where a case happens."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    return folder / f"case-{number:03d}"
