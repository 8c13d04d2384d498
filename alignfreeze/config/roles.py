"""What an option is for: said once, on its field, and asked for by everybody who lists options."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, Flag, auto

from pydantic import BaseModel


class Phase(Flag):
    """The phases whose result depends on an option."""

    NONE = 0
    REALIGNMENT = auto()
    """Of what is fine-tuned, the encoder: fine-tuning depends on it through that."""
    FINETUNING = auto()
    BOTH = REALIGNMENT | FINETUNING


class About(Enum):
    """What an option is about."""

    RESULT = "what is computed"
    MACHINE = "how the machine computes it, to other last digits"
    MEMORY = "how much memory a run may take, on whatever machine; it changes no bit"
    COURSE = "how a run gets to its result, which is the same"


class Command(Flag):
    """The commands that take an option; a search and a benchmark set the others themselves."""

    NONE = 0
    RUN = auto()
    REALIGN = auto()
    EVALUATE = auto()
    SEARCH = auto()
    BENCHMARK = auto()
    ALIGN = auto()
    SCORE = auto()


class Panel(Enum):
    """Under which heading the help of a command has an option, in the order of the help."""

    DATA = "Data"
    MODEL = "Model"
    STRATEGY = "Strategy"
    REALIGNMENT = "Realignment"
    FINETUNING = "Fine-tuning"
    SPEED = "Speed and memory"
    TRACKING = "Tracking"


MEASURED = "it changes what is measured"
INERT = "no score depends on it"


@dataclass(frozen=True)
class Role:
    """What an option of a run is for.

    Attributes:
        phases: The phases whose result depends on it.
        content: Whether what it comes to (text that is read, code of a plugin, steps, precision)
            stands for it in their hashes, not its value.
        read: Whether the data depends on it that is read, aligned and tokenized before all phases.
        about: What it is about.
        without: The commands that do not take it, beside ``align`` and ``score``.
        aligns: Whether ``align`` takes it.
        scores: Whether ``score`` takes it.
        told: The phases in whose results a report tells it, as a setting that they may differ in;
            ``None``: those that depend on it. What has a column or a row of its own is no setting.
        fixed: Why a search cannot vary it; empty if it can.
        common: Whether all models of a grid have it in common, as their results stand in a table.
        shown_in: The panel of the help that has it; ``None``: the one that follows from the rest.
    """

    phases: Phase
    content: bool = False
    read: bool = False
    about: About = About.RESULT
    without: Command = Command.NONE
    aligns: bool = False
    scores: bool = False
    told: Phase | None = None
    fixed: str = ""
    common: bool = False
    shown_in: Panel | None = None

    @property
    def panel(self) -> Panel:
        """The panel of the help that has it."""
        if self.shown_in is not None:
            return self.shown_in
        if self.about is About.COURSE:
            return Panel.TRACKING
        if self.about in (About.MACHINE, About.MEMORY) or self.phases is Phase.BOTH:
            return Panel.DATA if self.read else Panel.SPEED
        if self.read and self.content:
            return Panel.DATA
        return Panel.REALIGNMENT if Phase.REALIGNMENT in self.phases else Panel.FINETUNING

    @property
    def commands(self) -> Command:
        """The commands that take it."""
        own = Command.ALIGN if self.aligns else Command.NONE
        own |= Command.SCORE if self.scores else Command.NONE
        return ~self.without & ~(Command.ALIGN | Command.SCORE) | own

    @property
    def settings_of(self) -> Phase:
        """The phases that a report tells apart by it."""
        return self.phases if self.told is None else self.told

    @property
    def of_parallel_text(self) -> bool:
        """Whether it says what parallel text is realigned on, and how that is aligned."""
        alone = self.phases is self.settings_of is Phase.REALIGNMENT
        return alone and self.read and self.content

    def decides(self, phase: Phase) -> bool:
        """Whether the hash of a phase holds its value."""
        return phase in self.phases and not self.content


class StudyRole(Enum):
    """What an option of a search or of a benchmark is for."""

    SCORES = "what trials are worth depends on it, and so the study's name"
    SIDE = "a side of a grid, which makes its cells"
    SOURCE = "other options come from it"
    FREE = "it may differ from one call to the next: trials do not depend on it"


def role_of(model: type[BaseModel], name: str) -> Role | StudyRole:
    """The role of an option.

    Raises:
        LookupError: If its field has not exactly one.
    """
    marks = model.model_fields[name].metadata
    found = [mark for mark in marks if isinstance(mark, Role | StudyRole)]
    if len(found) != 1:
        raise LookupError(f"{model.__name__}.{name} must have one role, got {found}")
    return found[0]


def fields_with(model: type[BaseModel], holds: Callable[[Role], bool]) -> tuple[str, ...]:
    """The options whose `Role` something holds for, in the order of the fields."""
    roles = {name: role_of(model, name) for name in model.model_fields}
    return tuple(name for name, role in roles.items() if isinstance(role, Role) and holds(role))


def study_fields(model: type[BaseModel], role: StudyRole) -> tuple[str, ...]:
    """The options of a search or of a benchmark that have a role, in the order of the fields."""
    return tuple(name for name in model.model_fields if role_of(model, name) is role)
