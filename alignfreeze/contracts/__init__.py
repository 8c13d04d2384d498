"""What a plugin implements, and the small dataclasses that plugins and the core exchange."""

from alignfreeze.config import PUBLISHED_LANGUAGES
from alignfreeze.contracts.aligner import (
    Aligner,
    RunModel,
    ScoredAlignment,
    Segmentation,
    UsesRunModel,
    WordAlignment,
    links_of,
    one_to_one,
)
from alignfreeze.contracts.classification import PairClassificationTask, TextClassificationTask
from alignfreeze.contracts.examples import Examples, Feature
from alignfreeze.contracts.labelled_texts import LabelledText, TextPair
from alignfreeze.contracts.layouts import Layout
from alignfreeze.contracts.objective import Objective, WordBatch
from alignfreeze.contracts.outcomes import Outcomes, Parts, Said, right_words
from alignfreeze.contracts.plugin import Plugin
from alignfreeze.contracts.rows import parquet_rows
from alignfreeze.contracts.sources import (
    SPLIT_FILES,
    Bitext,
    DataSource,
    HubSplit,
    SentencePair,
    Split,
    Supplier,
)
from alignfreeze.contracts.strategy import (
    Boundary,
    FreezingStrategy,
    LayerBoundary,
    LayerCount,
    LowRank,
    ParameterSite,
    Part,
    Projection,
)
from alignfreeze.contracts.tagged_lines import (
    TaggedSentence,
    cut_sentences,
    tagged_words,
    unquoted,
)
from alignfreeze.contracts.tagging import TaggingTask
from alignfreeze.contracts.task import Prediction, Task
from alignfreeze.messages import counted, listed, shortened, shown
from alignfreeze.text.files import (
    LONE_SURROGATE,
    count_lines,
    line_blocks,
    line_bytes,
    numbered_lines,
)
from alignfreeze.text.numbers import number_in
from alignfreeze.text.offsets import TextSubwords, text_subwords, untrimmed
from alignfreeze.text.pairs import OUTSIDE, PairTemplate, cuts
from alignfreeze.text.spans import Span, best_span, candidate_spans
from alignfreeze.text.tables import json_value
from alignfreeze.text.tokens import split_tokens
from alignfreeze.text.words import SpecialTokens, Subwords, subwords_of

__all__ = [
    "LONE_SURROGATE",
    "OUTSIDE",
    "PUBLISHED_LANGUAGES",
    "SPLIT_FILES",
    "Aligner",
    "Bitext",
    "Boundary",
    "DataSource",
    "Examples",
    "Feature",
    "FreezingStrategy",
    "HubSplit",
    "LabelledText",
    "LayerBoundary",
    "LayerCount",
    "Layout",
    "LowRank",
    "Objective",
    "Outcomes",
    "PairClassificationTask",
    "PairTemplate",
    "ParameterSite",
    "Part",
    "Parts",
    "Plugin",
    "Prediction",
    "Projection",
    "RunModel",
    "Said",
    "ScoredAlignment",
    "Segmentation",
    "SentencePair",
    "Span",
    "SpecialTokens",
    "Split",
    "Subwords",
    "Supplier",
    "TaggedSentence",
    "TaggingTask",
    "Task",
    "TextClassificationTask",
    "TextPair",
    "TextSubwords",
    "UsesRunModel",
    "WordAlignment",
    "WordBatch",
    "best_span",
    "candidate_spans",
    "count_lines",
    "counted",
    "cut_sentences",
    "cuts",
    "json_value",
    "line_blocks",
    "line_bytes",
    "links_of",
    "listed",
    "number_in",
    "numbered_lines",
    "one_to_one",
    "parquet_rows",
    "right_words",
    "shortened",
    "shown",
    "split_tokens",
    "subwords_of",
    "tagged_words",
    "text_subwords",
    "unquoted",
    "untrimmed",
]
