"""The faults, each a line: what happens where, and what has to come of it."""

from typing import Any

from tools.faults import away, damage
from tools.faults.case import KILLED, TERMINATED, Case

STEP = "alignfreeze.training.loop:_Loop._step"
LOOKS = "alignfreeze.workers.coordinator:Workers._look_after"
POS = "alignfreeze_tasks.pos:PartOfSpeechTagging"
FRONT = "alignfreeze_strategies.front:FrontFreezing"
PHARAOH = "alignfreeze_aligners.pharaoh:PharaohAligner"

POINTS = {
    "run": {
        "reading data": ("alignfreeze.evaluation.taskdata:TaskData._read", 2),
        "aligning": ("alignfreeze.alignment.aligning:read_stats", 1),
        "caching": ("alignfreeze.base.caching:seal", 2),
        "tokenizing": ("alignfreeze.realignment.pairs:PairStream.word_counts", 1),
        "fine-tuning of the baseline": (STEP, 15),
        "realign step": (STEP, 24 + 15),
        "writing a checkpoint": ("alignfreeze.training.checkpoints:seal", 3),
        "after realignment": ("alignfreeze.runs.realign_phase:save", 1),
        "uploading an artifact": ("alignfreeze.tracking.runs:TrackedRun.artifacts", 1),
        "fine-tuning": (STEP, 48 + 15),
        "evaluation": ("alignfreeze.runs.finetune_phase:evaluate", 2),
        "logging results": ("alignfreeze.runs.finetune_phase:log_scores", 2),
        "ending the run": ("mlflow.tracking.client:MlflowClient.set_terminated", 3),
    },
    "realign": {
        "realign step": (STEP, 15),
        "uploading an artifact": ("alignfreeze.tracking.runs:TrackedRun.artifacts", 1),
    },
    "evaluate": {
        "fine-tuning": (STEP, 15),
        "logging results": ("alignfreeze.runs.finetune_phase:log_scores", 1),
    },
}
"""Where a command is killed: a function, and which call of it, by what it is doing then."""


def kills() -> list[Case]:
    """A run's process is killed, or asked to end, at each point."""
    codes = {"SIGKILL": KILLED, "SIGTERM": TERMINATED}
    return [
        Case(
            "kill",
            kind,
            where,
            command,
            point=point,
            call=call,
            kind=kind,
            code=code,
            short=(kind, where) == ("SIGTERM", "realign step") and command == "realign",
        )
        for command, points in POINTS.items()
        for where, (point, call) in points.items()
        for kind, code in codes.items()
    ]


def study_kills() -> list[Case]:
    """Workers, the coordinator, or all of a search and of a benchmark are killed."""
    found = []
    for command in ("search", "benchmark"):
        worker: dict[str, Any] = {"point": STEP, "call": 15, "argument": f"{command}-worker"}
        looks: dict[str, Any] = {"point": LOOKS, "call": 8}
        found += [
            Case("study", "SIGKILL", "a worker", command, **worker, kind="SIGKILL", code=0),
            Case("study", "SIGKILL", "coordinator", command, **looks, kind="SIGKILL", code=KILLED),
            Case(
                "study", "all killed", "training", command, **worker, kind="kill all", code=KILLED
            ),
        ]
        if command == "search":
            asked: dict[str, Any] = {"kind": "SIGTERM", "code": TERMINATED}
            found.append(Case("study", "SIGTERM", "coordinator", command, **looks, **asked))
    return found


def processes() -> list[Case]:
    """One of torchrun's two processes ends, on one machine or on two without a shared folder."""
    found = []
    for machines in (1, 2):
        told = f"{machines} machine(s)"
        for rank in (0, 1):
            place: dict[str, Any] = {
                "point": STEP,
                "call": 24 + 15,
                "rank": rank,
                "processes": machines,
            }
            where = f"process {rank + 1}, {told}"
            found.append(Case("torchrun", "SIGTERM", where, **place, kind="SIGTERM"))
        place |= {"rank": 1}
        found.append(Case("torchrun", "SIGKILL", where, **place, kind="SIGKILL"))
        found.append(Case("torchrun", "error", where, **place, kind="disk", says="is full|space"))
    return found


FULL = "is full|no space|No space"
SYNC = "alignfreeze sync"
MEMORY = "memory"


ARTIFACTS = "mlflow.tracking.client:MlflowClient.log_artifacts"
EXECUTE = "sqlalchemy.engine.default:DefaultDialect.do_execute"


def disk() -> list[Case]:
    """The disk is full wherever something is written."""
    table: dict[str, dict[str, Any]] = {
        "cache": {"point": "alignfreeze.base.caching:seal", "kind": "disk"},
        "encoder": {"point": "alignfreeze.runs.realign_phase:save", "kind": "safetensors"},
    }
    cases = [Case("disk", "full", where, **what, says=FULL) for where, what in table.items()]
    # Training goes on without a checkpoint, and what the store has no room for is tried again.
    passing: dict[str, tuple[str, int, str]] = {
        "checkpoint": ("accelerate:Accelerator.save_state", 1, "disk"),
        "checkpoint's weights": ("accelerate:Accelerator.save_state", 2, "safetensors"),
        "artifact": (ARTIFACTS, 1, "disk"),
        "results": ("mlflow.tracking.client:MlflowClient.log_text", 2, "disk"),
        "database": (EXECUTE, 200, "database"),
    }
    cases += [
        Case(
            "disk",
            "full",
            f"{where}, once",
            "realign" if "checkpoint" in where else "run",
            point=point,
            call=call,
            kind=kind,
            code=0,
            short=where == "checkpoint",
        )
        for where, (point, call, kind) in passing.items()
    ]
    soon = ("--tracking-wait", "1")
    for where, point, kind, says in (
        ("artifact", ARTIFACTS, "disk", SYNC),
        ("database", "mlflow.tracking.client:MlflowClient.log_batch", "database", SYNC),
        ("temporary folder", "tempfile:mkdtemp", "disk", f"{FULL}|{SYNC}"),
    ):
        lasting: dict[str, Any] = {"point": point, "kind": kind, "always": True, "options": soon}
        cases.append(Case("disk", "full", f"{where}, for good", **lasting, says=says, again=False))
    add = "optuna.storages:RDBStorage._create_new_trial"
    for command in ("search", "benchmark"):
        cases.append(Case("disk", "full", "study", command, point=add, kind="database", says=FULL))
    return cases


def memory() -> list[Case]:
    """Torch has no memory left, on a GPU or a CPU."""
    return [
        Case("memory", kind, where, point=point, call=call, kind=kind, says=MEMORY, again=again)
        for kind in ("gpu memory", "memory")
        for where, point, call, again in (
            ("realign step", STEP, 24 + 15, kind == "memory"),
            ("evaluation", "alignfreeze.evaluation.prediction:said_by", 3, False),
        )
    ]


def plugins() -> list[Case]:
    """A method of a plugin raises, exits, or returns what it must not."""
    table = [
        (POS, "pos", "read_text", ("raise", "exit", "nothing")),
        (POS, "pos", "featurize", ("raise", "exit", "nothing")),
        (POS, "pos", "training_rows", ("raise", "nothing")),
        (POS, "pos", "predict", ("raise", "exit")),
        (POS, "pos", "metrics", ("raise", "exit", "nothing", "nan", "no metric")),
        (FRONT, "front", "freezes", ("raise", "exit")),
        (PHARAOH, "pharaoh", "align", ("raise", "exit", "nothing")),
    ]
    return [
        Case(
            "plugin",
            kind,
            f"{name}.{method}",
            point=f"{owner}.{method}",
            kind=kind,
            always=True,
            says=name,
            again=False,
        )
        for owner, name, method, kinds in table
        for kind in kinds
    ]


def damaged() -> list[Case]:
    """What was kept is no longer what was written: it is computed again, or said to be damaged."""
    artifacts = {
        "results.csv, cut": damage.cut("results.csv"),
        "results.csv, nan": damage.with_nan("results.csv"),
        "results.csv, empty": damage.emptied("results.csv"),
        "results.csv, gone": damage.removed("results.csv"),
        "encoder, cut": damage.cut("model.safetensors"),
        "encoder, gone": damage.removed("model.safetensors"),
        "encoder's config, cut": damage.cut("encoder/config.json"),
    }
    cases = [
        Case("damage", "damaged", where, prepare=prepare, code=0)
        for where, prepare in artifacts.items()
    ]
    checkpoint: dict[str, Any] = {"point": STEP, "call": 24 + 23, "kind": "SIGKILL", "code": KILLED}
    for name in ("progress.json", "optimizer.bin", "random_states_0.pkl", "SHA256SUMS"):
        after = damage.cut_kept("checkpoints", name)
        cases.append(Case("damage", "damaged", f"checkpoint, {name}", **checkpoint, after=after))
    kept = damage.cut_kept("corpora", "pairs.arrow")
    cases.append(Case("damage", "damaged", "kept text", prepare=kept, code=0))
    return cases


def stores() -> list[Case]:
    """The tracking store is not one, or not the one that is meant."""
    table = {
        "deleted experiment": (damage.experiment_deleted, "delete"),
        "no such experiment": (damage.variable("MLFLOW_EXPERIMENT_ID", "987654"), "987654"),
        "no such run": (damage.variable("MLFLOW_RUN_ID", "f" * 32), "f" * 32),
        "old schema": (damage.schema_of_other, "schema|version|upgrade"),
        "no database": (damage.store("sqlite:///{folder}/text.txt"), "text.txt"),
        "misspelt scheme": (damage.store("sqlit:///{folder}/mlflow.db"), "sqlit"),
        "no such folder": (damage.store("sqlite:////proc/no/such/mlflow.db"), "/proc/no/such"),
        "a folder": (damage.store("{folder}/mlruns-of-old"), "mlruns-of-old"),
        "not there": (damage.server("gone"), "127.0.0.1"),
        "401": (damage.server("401"), "127.0.0.1"),
        "500": (damage.server("500"), "127.0.0.1"),
        "HTML": (damage.server("html"), "127.0.0.1"),
        "closes the connection": (damage.server("close"), "127.0.0.1"),
    }
    return [
        Case(
            "store",
            fault,
            "at the beginning",
            prepare=prepare,
            says=says,
            again=False,
        )
        for fault, (prepare, says) in table.items()
    ]


def servers_that_go_away() -> list[Case]:
    """The tracking server goes away in the middle, and comes back, or does not."""
    found = []
    for where, call in (("fine-tuning of the baseline", 15), ("realign step", 24 + 15)):
        point: dict[str, Any] = {"point": STEP, "call": call, "kind": "mark"}
        back, gone = (away.server(back=back) for back in (True, False))
        for_long, soon = ("--tracking-wait", "60"), ("--tracking-wait", "2")
        found += [
            Case("server", "away", where, **point, prepare=back, options=for_long, code=0),
            Case(
                "server",
                "gone",
                where,
                **point,
                prepare=gone,
                options=soon,
                after=away.synced,
                says=SYNC,
            ),
        ]
    return found


CASES = [
    *kills(),
    *study_kills(),
    *processes(),
    *disk(),
    *memory(),
    *plugins(),
    *damaged(),
    *stores(),
    *servers_that_go_away(),
]
