"""What a fault is, and what is expected of whom it strikes."""

from dataclasses import dataclass

from tools.faults.damage import Prepare

KILLED, TERMINATED, FAILED = -9, 143, 1  # exit codes


@dataclass(frozen=True)
class Case:
    """A fault, and what is expected of the command that it strikes.

    Attributes:
        group: Of which kind it is.
        fault: What happens.
        where: At which point.
        command: The name of the command that it happens to.
        point: The function that strikes, at this call of it.
        call: Which call.
        kind: What it does then; see ``injected/sitecustomize.py``.
        always: At all calls from that one on.
        argument: Only in processes that have this argument.
        rank: Only in this one of torchrun's processes.
        processes: ``torchrun``, by how many machines it runs on; 0: without.
        options: Further ones of the command.
        prepare: Makes the fault in a place; without a point, what the command has done before is
            there.
        after: Of what happens between the command and the same again.
        code: The exit code that is right.
        says: What the error must hold.
        again: The same command afterwards goes on to the numbers that it would have come to.
        short: It belongs to the short form, too.
    """

    group: str
    fault: str
    where: str
    command: str = "run"
    point: str = ""
    call: int = 1
    kind: str = ""
    always: bool = False
    argument: str | None = None
    rank: int | None = None
    processes: int = 0
    options: tuple[str, ...] = ()
    prepare: Prepare | None = None
    after: Prepare | None = None
    code: int = FAILED
    says: str = ""
    again: bool = True
    short: bool = False

    def __str__(self) -> str:
        """What the table calls it."""
        return f"{self.group}: {self.fault}, {self.where}, {self.command}"
