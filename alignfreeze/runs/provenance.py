"""Where a realigned encoder comes from: kept beside its weights, and carried into what uses it."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from alignfreeze.base.digests import file_digest
from alignfreeze.base.structured import StructureError, read_json
from alignfreeze.config import (
    About,
    Phase,
    RunConfig,
    as_argument,
    describe_error,
    fields_with,
    model_name,
)
from alignfreeze.errors import ConfigError, DataError

PROVENANCE_FILE = "alignfreeze.json"

CARRIED = fields_with(RunConfig, lambda role: role.phases is Phase.REALIGNMENT)
"""Options that are those of the realignment in every run that uses its encoder."""

SHARED = fields_with(
    RunConfig, lambda role: role.phases is Phase.BOTH and role.about is About.RESULT
)
"""Options that realignment and what comes after it have each for itself, if in different runs."""


class Provenance(BaseModel):
    """What made an encoder; ``None``, or empty, is what the run that made it did not say.

    Attributes:
        options: Of the realignment, `CARRIED` and `SHARED` ones; the others say nothing.
        usual: Whether the strategy froze as it does by default.
        said: Every hyperparameter of the strategy.
        objective_said: Every hyperparameter of the objective.
        identity: The hash of all that the encoder depends on.
        run_id: The MLflow run that made it.
        model_identity: The pretrained weights: a hash, or a name on the hub with its commit.
        precision: fp32 or bf16; version 0.1.0 wrote ``no`` for the first.
        parallel_hash: What the files of the parallel text hold.
        chosen_by: How its languages were chosen, such as ``diverse:8``, if they were.
        code: The hash of the files of this package.
        libraries: The versions of what computed it, in one line.
        device: What computed it: a card, or a CPU and its threads.
        files: The files that it is written beside, by the hash of their bytes.
    """

    model_config = ConfigDict(frozen=True)

    options: RunConfig
    usual: bool
    said: dict[str, Any] = {}
    objective_said: dict[str, Any] = {}
    identity: str
    run_id: str
    model_identity: str | None = None
    precision: Annotated[str, BeforeValidator(lambda text: "fp32" if text == "no" else text)] = ""
    processes: int = 1
    parallel_hash: str | None = None
    chosen_by: str | None = None
    version: str | None = None
    code: str | None = None
    libraries: str | None = None
    device: str | None = None
    files: dict[str, str] = {}

    def carried_into(self, config: RunConfig) -> RunConfig:
        """A configuration with the realignment's options in place of its own."""
        return config.model_copy(update={name: getattr(self.options, name) for name in CARRIED})

    def contradicted_by(self, config: RunConfig, given: Collection[str]) -> list[str]:
        """What options that are given say of the realignment that is not so; a line each.

        One that leaves its value to the data, such as ``realign_steps``, contradicts nothing; the
        strategy has to be resolved.
        """
        lines = []
        for name in CARRIED:
            asked, known = getattr(config, name), getattr(self.options, name)
            says_nothing = name not in given or asked in (None, (), {}, "auto")
            if name == "realign_languages" and asked == (self.chosen_by,):
                continue
            if not (says_nothing or _same(name, asked, known)):
                lines.append(f"{name} must be {_shown(known)}, got {_shown(asked)}")
        return lines

    def differences(self, config: RunConfig, precision: str, processes: int) -> dict[str, Any]:
        """What was otherwise than in a run that uses it, by ``realign_`` and the option's name."""
        found = {
            name: getattr(self.options, name)
            for name in SHARED
            if not _same(name, getattr(config, name), getattr(self.options, name))
        }
        if self.precision not in ("", precision):
            found["precision"] = self.precision
        if self.processes != processes:
            found["processes"] = self.processes
        return {f"realign_{name}": value for name, value in found.items()}

    def __str__(self) -> str:
        written = ", ".join(f"{n}={as_argument(v)}" for n, v in self.options.strategy_args.items())
        options = self.options
        return (
            f"{model_name(options.model)} realigned with {options.strategy}({written}), "
            f"temperature {options.temperature}, {options.realign_steps} steps, seed "
            f"{options.seed}, in run {self.run_id}"
        )


def _same(name: str, one: object, other: object) -> bool:
    """Whether two values of an option mean the same; folders may be in other places."""
    if name in ("data", "model"):
        return model_name(str(one)) == model_name(str(other))
    return one == other


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, Mapping):
        return ",".join(f"{name}={part}" for name, part in value.items()) or "none"
    return str(value)


def write_provenance(folder: Path, provenance: Provenance) -> None:
    """Say where the encoder in a folder comes from, in a file that ``from_pretrained`` ignores."""
    files = {name: file_digest(folder / name) for name in sorted(_file_names(folder))}
    content = provenance.model_copy(update={"files": files})
    without = RunConfig.model_fields.keys() - {*CARRIED, *SHARED}
    text = content.model_dump_json(indent=2, exclude={"options": without})
    (folder / PROVENANCE_FILE).write_text(text + "\n", "utf-8")


def _file_names(folder: Path) -> set[str]:
    """The files of a folder and of those below it, by their paths within it."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def read_provenance(folder: Path) -> Provenance | None:
    """Where the encoder in a folder comes from; ``None`` if nothing there says so.

    Raises:
        ConfigError: If the file is malformed, says what this version does not know, or was written
            for other files than are beside it.
    """
    file = folder / PROVENANCE_FILE
    if not file.is_file():
        return None
    try:
        found = Provenance.model_validate(read_json(file.read_text("utf-8")))
    except ValidationError as error:
        problems = "; ".join(describe_error(details, RunConfig) for details in error.errors())
        raise ConfigError(f"{file}: {problems}") from None
    except StructureError as error:
        raise ConfigError(f"{file}: must be JSON: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from None
    if "files" not in found.model_fields_set:
        raise ConfigError(f"{file}: files must be given")
    for name, digest in found.files.items():
        path = folder / name
        if not path.is_file() or file_digest(path) != digest:
            raise ConfigError(
                f"{file} is of another encoder: {name} beside it must be as it was written, and is "
                f"{'not' if path.is_file() else 'gone'}; without {PROVENANCE_FILE} the folder "
                "counts as a model of its own"
            )
    return found


def fault_of(folder: Path, identity: str) -> str | None:
    """Why a folder is not the encoder of an identity, in one line; ``None`` if it is.

    It has no other files either, which ``from_pretrained`` might read.
    """
    try:
        found = read_provenance(folder)
    except (ConfigError, DataError) as error:
        return str(error)
    file = folder / PROVENANCE_FILE
    if found is None:
        return f"there is no {file}"
    if others := _file_names(folder) - {*found.files, PROVENANCE_FILE}:
        return f"{folder / min(others)} was put there later"
    return None if found.identity == identity else f"{file} is of another realignment"
