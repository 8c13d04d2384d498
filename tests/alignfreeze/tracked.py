"""How tests find a run: by what it is of, whatever it is called."""

import ast

from mlflow.entities import Run

COMMANDS = ("run", "realign", "evaluate", "search", "benchmark")


def what(run: Run) -> str:
    """``alignfreeze``, ``alignfreeze search``, ``trial-3``, ``test-front-31``, or its name.

    A cell is ``pos-front:boundary=2-31``.
    """
    tags = {name.removeprefix("alignfreeze."): value for name, value in run.data.tags.items()}
    kind = tags.get("kind")
    if kind in COMMANDS:
        return "alignfreeze" if kind == "run" else f"alignfreeze {kind}"
    if kind == "trial":
        return f"trial-{tags.get('trial')}"
    parts = {"baseline": ("kind", "seed"), "test": ("kind", "contender", "seed")}
    if kind in parts:
        return "-".join(tags.get(part, "") for part in parts[kind])
    if kind == "cell":
        args = ast.literal_eval(run.data.params.get("cfg.strategy_args", "{}"))
        strategy = [tags.get("strategy", ""), *(f"{n}={value}" for n, value in args.items())]
        return f"{tags.get('task')}-{':'.join(strategy)}-{tags.get('seed')}"
    return str(run.info.run_name)
