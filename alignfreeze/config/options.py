"""The options of a run: one frozen model."""

from typing import Literal, Self, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from alignfreeze.config.parsing import Arguments, Layers, Names, Ratio

BASELINE = "baseline"
"""The strategy that stands for fine-tuning without realignment."""


class RunConfig(BaseModel):
    """Everything that a run depends on. Field descriptions are the command line's help."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: str = Field(
        "demo", description="demo, hub, hub:FOLDER or a folder of data (docs/data.md)", min_length=1
    )
    model: str = Field(
        "demo", description="demo, a folder, or a name on the Hugging Face hub", min_length=1
    )
    task: Names = Field(("pos",), description="task, or several with commas", min_length=1)
    task_args: Arguments = Field(
        default_factory=dict, description="the tasks' hyperparameters: TASK.name=value,… or JSON"
    )
    strategy: str = Field("front", description="freezing strategy, or baseline", min_length=1)
    strategy_args: Arguments = Field(
        default_factory=dict, description="its hyperparameters: boundary=3,… or JSON"
    )
    compare: Names = Field((), description="strategies to run beside it, e.g. baseline")
    aligner: str = Field(
        "auto",
        description="dictionary, pharaoh, mutual, simalign, or another word aligner; auto: pharaoh "
        "where there are *.align files, else dictionary",
    )
    aligner_args: Arguments = Field(
        default_factory=dict, description="its hyperparameters: name=value,… or JSON"
    )
    languages: Names = Field((), description="target languages (default: all that the data has)")
    realign_languages: Names = Field(
        (),
        description="languages of the parallel text (default: the target languages that have some)",
    )
    pair_limit: PositiveInt | None = Field(
        None,
        description="read the first so many sentence pairs of each language (default: all)",
    )
    pair_max_words: NonNegativeInt = Field(
        100, description="drop sentence pairs with a side of more words than this; 0: none"
    )
    pair_max_ratio: Ratio = Field(
        9.0,
        description="drop sentence pairs with a side this many times as long, in words; 0: none",
    )
    pair_duplicates: Literal["drop", "keep"] = Field(
        "drop", description="drop or keep a sentence pair that has occurred before"
    )
    alignment_pairs: NonNegativeInt = Field(
        0,
        description="measure word alignment and drift by layer on so many sentence pairs of each "
        "language, held out of realignment (and at most 500 words of them); 0: do not",
    )
    source_language: str = Field(
        "en", description="language to fine-tune in, and to align the others with", min_length=1
    )
    language_mix: Literal["proportional", "uniform"] = Field(
        "proportional",
        description="how languages share realignment: proportional to their text, or uniform",
    )
    temperature: PositiveFloat = Field(0.1, description="temperature of the contrastive loss")
    layer: Layers = Field((-1,), description="layer(s) whose output is realigned; -1: the last")
    projection: NonNegativeInt = Field(
        128, description="width of the projection head while realigning; 0: none"
    )
    realign_steps: PositiveInt | None = Field(
        None,
        description="optimizer steps of realignment (default: as many as the fine-tuning takes)",
    )
    finetune_steps: PositiveInt | None = Field(
        None, description="optimizer steps of fine-tuning (default: as the epochs say)"
    )
    finetune_epochs: PositiveFloat | None = Field(
        None, description="passes over the training data (default: the task's own, 5; nli and qa 2)"
    )
    warmup: float = Field(
        0.1, description="part of the fine-tuning steps that the rate rises in", ge=0, lt=1
    )
    realign_batch_size: PositiveInt = Field(16, description="sentence pairs in a batch")
    finetune_batch_size: PositiveInt = Field(32, description="rows in a batch")
    eval_batch_size: PositiveInt = Field(128, description="rows in a batch of evaluation")
    accumulation: PositiveInt = Field(1, description="batches in an optimizer step")
    realign_lr: PositiveFloat = Field(2e-5, description="learning rate of realignment")
    finetune_lr: PositiveFloat = Field(2e-5, description="learning rate of fine-tuning")
    realign_max_length: int = Field(96, description="subwords of a side in realignment", ge=8)
    max_length: int = Field(256, description="subwords of a row in fine-tuning", ge=8)
    word_marks: Literal["kept", "removed"] = Field(
        "kept",
        description="bare marks of a word's beginning (SentencePiece): read by the encoder, though "
        "they stand for no word (kept), or taken out of what is realigned, measured and tagged, as "
        "the reference does (removed)",
    )
    seed: int = Field(31, description="seed of everything that is drawn", ge=0, lt=2**32)
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto", description="auto: bf16 where the hardware has it"
    )
    prefix: Literal["cached", "exact"] = Field(
        "cached",
        description="layers that are frozen from the embeddings on: run once for each sentence, "
        "without dropout (cached), or at every step (exact)",
    )
    prefix_memory: NonNegativeInt = Field(
        2048, description="MiB of memory for what prefix=cached keeps; what is more goes to disk"
    )
    loss_block: NonNegativeInt = Field(
        0,
        description="aligned words whose similarities are in memory at a time, 0: all; changes "
        "the last bits",
    )
    compile: bool = Field(False, description="compile the layers for training with torch.compile")
    activation_checkpointing: bool = Field(
        False, description="save memory in training: run each layer again in the backward pass"
    )
    checkpoint_steps: PositiveInt = Field(100, description="steps between checkpoints")
    resume: bool = Field(False, description="go on from the last checkpoint of the same run")
    reuse: bool = Field(True, description="take over what a finished run has computed already")
    save_model: bool = Field(False, description="keep the fine-tuned model as an artifact")
    encoder: str = Field(
        "", description="evaluate: a run that realigned, by its id, or an encoder's folder"
    )

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
