"""The options of a run: one frozen model."""

from functools import partial
from typing import Annotated, Literal, Self, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from alignfreeze.config.parsing import Arguments, Layers, Names, Ratio, Seed
from alignfreeze.config.roles import INERT, MEASURED, About, Command, Hashed, Phase, Role

BASELINE = "baseline"
"""The strategy that stands for fine-tuning without realignment."""

NONE, REALIGNMENT, FINETUNING, BOTH = Phase.NONE, Phase.REALIGNMENT, Phase.FINETUNING, Phase.BOTH
CONTENT, MEMORY, COURSE = Hashed.CONTENT, About.MEMORY, About.COURSE
RUN, REALIGN, EVALUATE = Command.RUN, Command.REALIGN, Command.EVALUATE
BENCHMARK, STUDIES = Command.BENCHMARK, Command.SEARCH | Command.BENCHMARK

of_encoder = partial(Role, REALIGNMENT, CONTENT, without=EVALUATE | BENCHMARK, told=NONE)
OF_REALIGNMENT = Role(REALIGNMENT, without=EVALUATE)
OF_PARALLEL_TEXT = Role(REALIGNMENT, CONTENT, read=True, aligns=True, without=EVALUATE)


class RunConfig(BaseModel):
    """Everything that a run depends on. Field descriptions are the command line's help."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: Annotated[
        str, Role(BOTH, CONTENT, read=True, aligns=True, fixed=MEASURED, common=True)
    ] = Field(
        "demo", description="demo, hub, hub:FOLDER or a folder of data (docs/data.md)", min_length=1
    )
    model: Annotated[str, of_encoder(read=True, aligns=True, fixed=MEASURED)] = Field(
        "demo", description="demo, a folder, or a name on the Hugging Face hub", min_length=1
    )
    task: Annotated[
        Names, Role(FINETUNING, CONTENT, read=True, without=BENCHMARK, told=NONE, fixed=MEASURED)
    ] = Field(("pos",), description="task, or several with commas", min_length=1)
    task_args: Annotated[Arguments, Role(FINETUNING, CONTENT, read=True, fixed=MEASURED)] = Field(
        default_factory=dict, description="the tasks' hyperparameters: TASK.name=value,… or JSON"
    )
    strategy: Annotated[str, of_encoder(fixed="search_strategies names those to choose among")] = (
        Field("front", description="freezing strategy, or baseline", min_length=1)
    )
    strategy_args: Annotated[
        Arguments,
        of_encoder(fixed="each of its fields has a name of its own, such as front.boundary"),
    ] = Field(default_factory=dict, description="its hyperparameters: boundary=3,… or JSON")
    compare: Annotated[Names, Role(NONE, without=~RUN, fixed=MEASURED)] = Field(
        (), description="strategies to run beside it, e.g. baseline"
    )
    aligner: Annotated[str, OF_PARALLEL_TEXT] = Field(
        "auto",
        description="dictionary, pharaoh, mutual, simalign, or another word aligner; auto: pharaoh "
        "where there are *.align files, else dictionary",
    )
    aligner_args: Annotated[Arguments, OF_PARALLEL_TEXT] = Field(
        default_factory=dict, description="its hyperparameters: name=value,… or JSON"
    )
    languages: Annotated[
        Names, Role(FINETUNING, CONTENT, read=True, aligns=True, fixed=MEASURED)
    ] = Field((), description="target languages (default: all that the data has)")
    realign_languages: Annotated[Names, Role(REALIGNMENT, CONTENT, read=True, without=EVALUATE)] = (
        Field(
            (),
            description="languages of the parallel text (default: the target languages that have "
            "some)",
        )
    )
    pair_limit: Annotated[PositiveInt | None, OF_PARALLEL_TEXT] = Field(
        None,
        description="read the first so many sentence pairs of each language (default: all)",
    )
    pair_max_words: Annotated[NonNegativeInt, OF_PARALLEL_TEXT] = Field(
        100, description="drop sentence pairs with a side of more words than this; 0: none"
    )
    pair_max_ratio: Annotated[Ratio, OF_PARALLEL_TEXT] = Field(
        9.0,
        description="drop sentence pairs with a side this many times as long, in words; 0: none",
    )
    pair_duplicates: Annotated[Literal["drop", "keep"], OF_PARALLEL_TEXT] = Field(
        "drop", description="drop or keep a sentence pair that has occurred before"
    )
    alignment_pairs: Annotated[
        NonNegativeInt, Role(BOTH, read=True, without=EVALUATE, told=REALIGNMENT, fixed=MEASURED)
    ] = Field(
        0,
        description="measure word alignment and drift by layer on so many sentence pairs of each "
        "language, held out of realignment (and at most 500 words of them); 0: do not",
    )
    source_language: Annotated[
        str, Role(BOTH, read=True, aligns=True, fixed=MEASURED, common=True)
    ] = Field(
        "en", description="language to fine-tune in, and to align the others with", min_length=1
    )
    language_mix: Annotated[Literal["proportional", "uniform"], OF_REALIGNMENT] = Field(
        "proportional",
        description="how languages share realignment: proportional to their text, or uniform",
    )
    temperature: Annotated[PositiveFloat, OF_REALIGNMENT] = Field(
        0.1, description="temperature of the contrastive loss"
    )
    layer: Annotated[Layers, OF_REALIGNMENT] = Field(
        (-1,), description="layer(s) whose output is realigned; -1: the last"
    )
    projection: Annotated[NonNegativeInt, OF_REALIGNMENT] = Field(
        128, description="width of the projection head while realigning; 0: none"
    )
    realign_steps: Annotated[PositiveInt | None, Role(REALIGNMENT, CONTENT, without=EVALUATE)] = (
        Field(
            None,
            description="optimizer steps of realignment (default: as many as the fine-tuning "
            "takes)",
        )
    )
    finetune_steps: Annotated[PositiveInt | None, Role(FINETUNING, CONTENT)] = Field(
        None, description="optimizer steps of fine-tuning (default: as the epochs say)"
    )
    finetune_epochs: Annotated[PositiveFloat | None, Role(FINETUNING, CONTENT)] = Field(
        None, description="passes over the training data (default: the task's own, 5; nli and qa 2)"
    )
    warmup: Annotated[float, Role(FINETUNING, without=REALIGN)] = Field(
        0.1, description="part of the fine-tuning steps that the rate rises in", ge=0, lt=1
    )
    realign_batch_size: Annotated[PositiveInt, OF_REALIGNMENT] = Field(
        16, description="sentence pairs in a batch"
    )
    finetune_batch_size: Annotated[PositiveInt, Role(FINETUNING)] = Field(
        32, description="rows in a batch"
    )
    eval_batch_size: Annotated[
        PositiveInt, Role(FINETUNING, without=REALIGN, told=NONE, fixed=INERT)
    ] = Field(128, description="rows in a batch of evaluation")
    accumulation: Annotated[PositiveInt, Role(BOTH)] = Field(
        1, description="batches in an optimizer step"
    )
    realign_lr: Annotated[PositiveFloat, OF_REALIGNMENT] = Field(
        2e-5, description="learning rate of realignment"
    )
    finetune_lr: Annotated[PositiveFloat, Role(FINETUNING, without=REALIGN)] = Field(
        2e-5, description="learning rate of fine-tuning"
    )
    realign_max_length: Annotated[int, OF_REALIGNMENT] = Field(
        96, description="subwords of a side in realignment", ge=8
    )
    max_length: Annotated[int, Role(FINETUNING, read=True)] = Field(
        256, description="subwords of a row in fine-tuning", ge=8
    )
    word_marks: Annotated[Literal["kept", "removed"], Role(BOTH, read=True)] = Field(
        "kept",
        description="bare marks of a word's beginning (SentencePiece): read by the encoder, though "
        "they stand for no word (kept), or taken out of what is realigned, measured and tagged, as "
        "the reference does (removed)",
    )
    seed: Annotated[Seed, Role(BOTH, without=STUDIES, told=NONE, fixed=MEASURED)] = Field(
        31, description="seed of everything that is drawn"
    )
    precision: Annotated[
        Literal["auto", "bf16", "fp32"],
        Role(BOTH, CONTENT, about=About.MACHINE, fixed=MEASURED, common=True),
    ] = Field("auto", description="auto: bf16 where the hardware has it")
    prefix: Annotated[Literal["cached", "exact"], OF_REALIGNMENT] = Field(
        "cached",
        description="layers that are frozen from the embeddings on: run once for each sentence, "
        "without dropout (cached), or at every step (exact)",
    )
    prefix_memory: Annotated[NonNegativeInt, Role(NONE, about=MEMORY, without=EVALUATE)] = Field(
        2048, description="MiB of memory for what prefix=cached keeps; what is more goes to disk"
    )
    loss_block: Annotated[NonNegativeInt, OF_REALIGNMENT] = Field(
        0,
        description="aligned words whose similarities are in memory at a time, 0: all; changes "
        "the last bits",
    )
    compile: Annotated[bool, Role(BOTH)] = Field(
        False, description="compile the layers for training with torch.compile"
    )
    activation_checkpointing: Annotated[bool, Role(NONE, about=MEMORY)] = Field(
        False, description="save memory in training: run each layer again in the backward pass"
    )
    checkpoint_steps: Annotated[PositiveInt, Role(NONE, about=COURSE, fixed=INERT)] = Field(
        100, description="steps between checkpoints"
    )
    resume: Annotated[bool, Role(NONE, about=COURSE, without=STUDIES, fixed=INERT)] = Field(
        False, description="go on from the last checkpoint of the same run"
    )
    reuse: Annotated[bool, Role(NONE, about=COURSE, without=STUDIES, fixed=INERT)] = Field(
        True, description="take over what a finished run has computed already"
    )
    save_model: Annotated[
        bool, Role(NONE, about=COURSE, without=STUDIES | REALIGN, fixed=INERT)
    ] = Field(False, description="keep the fine-tuned model as an artifact")
    encoder: Annotated[
        str, Role(FINETUNING, CONTENT, without=~EVALUATE, told=NONE, fixed=MEASURED)
    ] = Field("", description="evaluate: a run that realigned, by its id, or an encoder's folder")

    @model_validator(mode="after")
    def _held_out_stays_held_out(self) -> Self:
        if self.alignment_pairs and self.pair_duplicates == "keep":
            raise ValueError(
                "alignment_pairs must be 0 with pair_duplicates 'keep', or what is "
                "held out would be trained on too"
            )
        return self


def is_repeated(name: str) -> bool:
    """Whether an option holds several values, separated by commas."""
    return get_origin(RunConfig.model_fields[name].annotation) is tuple


def model_name(model: str) -> str:
    """The last part of a model's name, or of a folder's: by it reports tell them."""
    return model.rstrip("/").rpartition("/")[2]
