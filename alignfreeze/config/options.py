"""The options of a run: one frozen model."""

import warnings
from functools import partial
from typing import Annotated, Literal, Self, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from alignfreeze.config.languages import codes_all_or_subset, split_languages
from alignfreeze.config.parsing import (
    FOR_ALL,
    Arguments,
    BatchSize,
    Count,
    CountOrZero,
    Epochs,
    EvalLengths,
    Layers,
    LearningRate,
    Length,
    Line,
    Names,
    Ratio,
    Registered,
    Seed,
    Share,
    Temperature,
    Text,
    When,
    Width,
)
from alignfreeze.config.roles import INERT, MEASURED, About, Command, Panel, Phase, Role

BASELINE = "baseline"
"""The strategy that stands for fine-tuning without realignment."""

NONE, REALIGNMENT, FINETUNING, BOTH = Phase.NONE, Phase.REALIGNMENT, Phase.FINETUNING, Phase.BOTH
CONTENT, MEMORY, COURSE = True, About.MEMORY, About.COURSE
RUN, REALIGN, EVALUATE = Command.RUN, Command.REALIGN, Command.EVALUATE
BENCHMARK, STUDIES = Command.BENCHMARK, Command.SEARCH | Command.BENCHMARK

Languages = Annotated[Names, BeforeValidator(split_languages)]

measured = partial(Role, fixed=MEASURED)
of_course = partial(Role, NONE, about=COURSE, fixed=INERT)
of_encoder = partial(Role, REALIGNMENT, CONTENT, without=EVALUATE | BENCHMARK, told=NONE)
of_strategy = partial(of_encoder, shown_in=Panel.STRATEGY)
of_task = partial(measured, FINETUNING, CONTENT, read=True, shown_in=Panel.FINETUNING)
of_realignment = partial(Role, REALIGNMENT, without=EVALUATE)
of_objective = partial(of_realignment, CONTENT, without=EVALUATE | BENCHMARK)
of_time = partial(Role, FINETUNING, CONTENT, told=REALIGNMENT, shown_in=Panel.REALIGNMENT)
OF_REALIGNMENT = of_realignment()
OF_SPEED = of_realignment(shown_in=Panel.SPEED)
OF_PARALLEL_TEXT = of_realignment(CONTENT, read=True, aligns=True)

# Python's metaclass of abstract classes has a method of that name, which pydantic takes for one of
# the model; no model is asked for it.
warnings.filterwarnings("ignore", 'Field name "register" in "RunConfig" shadows')


class RunConfig(BaseModel):
    """Everything that a run depends on. What stands below a field is the command line's help."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    data: Annotated[
        Text, measured(BOTH, CONTENT, read=True, aligns=True, scores=True, common=True)
    ] = "demo"
    """demo, hub, hub:FOLDER or a folder of data (docs/data.md)"""
    model: Annotated[
        Text, of_encoder(read=True, aligns=True, scores=True, fixed=MEASURED, shown_in=Panel.MODEL)
    ] = "demo"
    """demo, a folder, or a name on the Hugging Face hub"""
    task: Annotated[Names, of_task(without=BENCHMARK, told=NONE)] = Field(("pos",), min_length=1)
    """task, or several with commas"""
    task_args: Annotated[Arguments, of_task()] = Field(default_factory=dict)
    """the tasks' hyperparameters: TASK.name=value,… or JSON"""
    strategy: Annotated[
        Text, of_strategy(fixed="search_strategies names those to choose among")
    ] = "front"
    """freezing strategy, or baseline"""
    strategy_args: Annotated[
        Arguments,
        of_strategy(fixed="each of its fields has a name of its own, such as front.boundary"),
    ] = Field(default_factory=dict)
    """its hyperparameters: boundary=3,… or JSON"""
    compare: Annotated[Names, measured(NONE, without=~RUN, shown_in=Panel.STRATEGY)] = ()
    """strategies to run beside it, e.g. baseline"""
    objective: Annotated[
        Text, of_objective(fixed="search_objectives names those to choose among")
    ] = "contrastive"
    """what realignment minimises: contrastive, distance, sentence, or another objective"""
    objective_args: Annotated[
        Arguments,
        of_objective(fixed="each of its fields has a name of its own, such as distance.pull"),
    ] = Field(default_factory=dict)
    """its hyperparameters: name=value,… or JSON"""
    realign_when: Annotated[When, of_time(without=REALIGN | EVALUATE | BENCHMARK)] = "before"
    """realign before the fine-tuning; during it (every step takes a batch of realignment too);
    both; or after it"""
    realign_weight: Annotated[float, Field(gt=0), of_time(without=REALIGN | EVALUATE)] = 0.1
    """weight of the objective beside the task's loss, where realign_when says during"""
    gather: Annotated[bool, OF_REALIGNMENT] = False
    """several processes: each word is told from those of all processes, not of its own alone"""
    aligner: Annotated[Text, OF_PARALLEL_TEXT] = "auto"
    """dictionary, pharaoh, mutual, simalign, or another word aligner; auto: pharaoh where there are
    *.align files, else dictionary"""
    aligner_args: Annotated[Arguments, OF_PARALLEL_TEXT] = Field(default_factory=dict)
    """its hyperparameters: name=value,… or JSON"""
    languages: Annotated[
        Languages, measured(FINETUNING, CONTENT, read=True, aligns=True, scores=True)
    ] = ()
    """target languages; published: the 34 of the paper (default: all that the data has)"""
    realign_languages: Annotated[
        Languages,
        AfterValidator(codes_all_or_subset),
        of_realignment(CONTENT, read=True, aligns=True),
    ] = ()
    """languages of the parallel text; published: the 34 of the paper, all: every one that has some,
    diverse:K: K of these that cover the target languages, nearest:K: those nearest to the source
    language, random:K: drawn by the seed (default: the target languages that have some)"""
    missing: Annotated[
        Literal["skip", "error"], of_course(aligns=True, scores=True, shown_in=Panel.DATA)
    ] = "skip"
    """a language that the hub turns out to have no test split of, or no parallel text: leave it out
    with a warning (skip), or end (error)"""
    pair_limit: Annotated[
        Count | None, of_realignment(CONTENT, read=True, aligns=True, scores=True)
    ] = None
    """read the first so many sentence pairs of each language (default: all)"""
    pair_max_words: Annotated[CountOrZero, OF_PARALLEL_TEXT] = 100
    """drop sentence pairs with a side of more words than this; 0: none"""
    pair_max_ratio: Annotated[Ratio, OF_PARALLEL_TEXT] = 9.0
    """drop sentence pairs with a side this many times as long, in words; 0: none"""
    pair_duplicates: Annotated[Literal["drop", "keep"], OF_PARALLEL_TEXT] = "drop"
    """drop or keep a sentence pair that has occurred before"""
    pair_quality: Annotated[Share, OF_PARALLEL_TEXT] = 0.0
    """drop this part of the sentence pairs of each language, those that parallel/en-de.scores has
    the lowest scores of (alignfreeze score writes such files); 0: none"""
    alignment_pairs: Annotated[
        CountOrZero,
        measured(BOTH, read=True, without=EVALUATE, told=REALIGNMENT, shown_in=Panel.REALIGNMENT),
    ] = 0
    """measure word alignment and drift by layer on so many sentence pairs of each language, held
    out of realignment (and at most 500 words of them); 0: do not"""
    source_language: Annotated[
        Text, measured(BOTH, read=True, aligns=True, scores=True, common=True)
    ] = "en"
    """language to fine-tune in, and to align the others with"""
    language_mix: Annotated[Literal["proportional", "uniform"], OF_REALIGNMENT] = "proportional"
    """how languages share realignment: proportional to their text, or uniform"""
    temperature: Annotated[Temperature, OF_REALIGNMENT] = 0.1
    """temperature of the contrastive loss"""
    layer: Annotated[Layers, of_realignment(scores=True)] = (-1,)
    """layer(s) whose output is realigned; -1: the last"""
    projection: Annotated[Width, OF_REALIGNMENT] = 128
    """width of the projection head while realigning; 0: none"""
    realign_steps: Annotated[Count | None, of_realignment(CONTENT)] = None
    """optimizer steps of realignment (default: as many as the fine-tuning takes)"""
    finetune_steps: Annotated[Count | None, Role(FINETUNING, CONTENT)] = None
    """optimizer steps of fine-tuning (default: as the epochs say)"""
    finetune_epochs: Annotated[Epochs | None, Role(FINETUNING, CONTENT)] = None
    """passes over the training data (default: the task's own, 5; nli and qa 2)"""
    warmup: Annotated[float, Field(ge=0, lt=1), Role(FINETUNING, without=REALIGN)] = 0.1
    """part of the fine-tuning steps that the rate rises in"""
    realign_batch_size: Annotated[BatchSize, OF_REALIGNMENT] = 16
    """sentence pairs in a batch"""
    finetune_batch_size: Annotated[BatchSize, Role(FINETUNING)] = 32
    """rows in a batch"""
    eval_batch_size: Annotated[
        BatchSize, Role(FINETUNING, without=REALIGN, scores=True, told=NONE, fixed=INERT)
    ] = 128
    """rows in a batch of evaluation"""
    accumulation: Annotated[BatchSize, Role(BOTH)] = 1
    """batches in an optimizer step"""
    realign_lr: Annotated[LearningRate, OF_REALIGNMENT] = 2e-5
    """learning rate of realignment"""
    finetune_lr: Annotated[LearningRate, Role(FINETUNING, without=REALIGN)] = 2e-5
    """learning rate of fine-tuning"""
    realign_max_length: Annotated[Length, of_realignment(scores=True)] = 96
    """subwords of a side in realignment"""
    max_length: Annotated[Length, Role(FINETUNING, read=True)] = 256
    """subwords of a row in fine-tuning"""
    eval_max_length: Annotated[
        EvalLengths, measured(FINETUNING, CONTENT, read=True, shown_in=Panel.FINETUNING)
    ] = Field(default_factory=dict)
    """subwords of a row of validation and test: a number, or by task, qa=384,pos=128 (default:
    max_length)"""
    word_marks: Annotated[
        Literal["kept", "removed"], Role(BOTH, read=True, shown_in=Panel.MODEL)
    ] = "kept"
    """bare marks of a word's beginning (SentencePiece): read by the encoder, though they stand for
    no word (kept), or taken out of what is realigned, measured and tagged, as the reference does
    (removed)"""
    seed: Annotated[
        Seed, measured(BOTH, without=STUDIES, told=NONE, aligns=True, shown_in=Panel.STRATEGY)
    ] = 31
    """seed of everything that is drawn"""
    precision: Annotated[
        Literal["auto", "bf16", "fp32"],
        measured(BOTH, CONTENT, about=About.MACHINE, scores=True, common=True),
    ] = "auto"
    """auto: bf16 where the hardware has it"""
    prefix: Annotated[Literal["cached", "exact"], OF_SPEED] = "cached"
    """layers that are frozen from the embeddings on: run once for each sentence, without dropout
    (cached), or at every step (exact)"""
    prefix_memory: Annotated[CountOrZero, Role(NONE, about=MEMORY, without=EVALUATE)] = 2048
    """MiB of memory for what prefix=cached keeps; what is more goes to disk"""
    loss_block: Annotated[CountOrZero, OF_SPEED] = 0
    """aligned words whose similarities are in memory at a time, 0: all; changes the last bits"""
    compile: Annotated[bool, Role(BOTH)] = False
    """compile the layers for training with torch.compile"""
    activation_checkpointing: Annotated[bool, Role(NONE, about=MEMORY)] = False
    """save memory in training: run each layer again in the backward pass"""
    checkpoint_steps: Annotated[Count, of_course()] = 100
    """steps between checkpoints"""
    keep_optimizer: Annotated[bool, of_course(without=STUDIES | EVALUATE)] = False
    """keep the state of a finished realignment, from which one of more steps goes on; it takes
    three times the room of what is trained"""
    tracking_wait: Annotated[CountOrZero, of_course()] = 300
    """seconds to wait for a tracking store that has gone away; then results are kept in the cache,
    and alignfreeze sync logs them"""
    system_metrics: Annotated[bool, of_course()] = False
    """log the load and memory of the machine, as MLflow measures them"""
    resume: Annotated[bool, of_course(without=STUDIES)] = False
    """go on from the last checkpoint of the same run"""
    reuse: Annotated[bool, of_course(without=STUDIES)] = True
    """take over what a finished run has computed already"""
    save_predictions: Annotated[bool, of_course(without=REALIGN)] = True
    """keep what was said of each example of the validation and test splits (docs/predictions.md)"""
    save_model: Annotated[bool, of_course(without=STUDIES | REALIGN)] = False
    """log the fine-tuned model as an MLflow Model, to load and to serve (docs/models.md)"""
    register: Annotated[Registered, of_course(without=STUDIES | REALIGN)] = ""
    """log the fine-tuned model, and register it in MLflow under this name; NAME@ALIAS: with another
    alias than candidate"""
    register_encoder: Annotated[Registered, of_course(without=STUDIES | EVALUATE)] = ""
    """register the realigned encoder in MLflow, likewise"""
    encoder: Annotated[
        Line,
        measured(FINETUNING, CONTENT, without=~EVALUATE, told=NONE, shown_in=Panel.MODEL),
    ] = ""
    """evaluate: a run that realigned, by its id, or an encoder's folder"""

    def realigns(self, when: Literal["before", "during", "after"]) -> bool:
        """Whether it is realigned before, during or after fine-tuning, if the strategy realigns."""
        return when in self.realign_when.split("+")

    def evaluated_length(self, task: str) -> int:
        """Subwords of a row in which a task is evaluated."""
        lengths = self.eval_max_length
        return lengths.get(task, lengths.get(FOR_ALL, self.max_length))

    @model_validator(mode="after")
    def _held_out_stays_held_out(self) -> Self:
        if self.alignment_pairs and self.pair_duplicates == "keep":
            raise ValueError(
                "alignment_pairs must be 0 with pair_duplicates 'keep', or what is "
                "held out would be trained on too"
            )
        return self

    @model_validator(mode="after")
    def _kept_is_realigned_before(self) -> Self:
        for name in ("register_encoder", "keep_optimizer"):
            if getattr(self, name) and not self.realigns("before"):
                raise ValueError(
                    f"{name} needs an encoder that is realigned before it is fine-tuned, so "
                    f"realign_when must be before or before+during, got {self.realign_when!r}"
                )
        return self


def is_repeated(name: str) -> bool:
    """Whether an option holds several values, separated by commas."""
    return get_origin(RunConfig.model_fields[name].annotation) is tuple


def model_name(model: str) -> str:
    """The last part of a model's name, or of a folder's: by it reports tell them."""
    return model.rstrip("/").rpartition("/")[2]
