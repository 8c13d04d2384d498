"""Where published sets of questions lie below a data folder, each as it is unpacked."""

from dataclasses import replace

from alignfreeze.contracts import Layout, Split

DEV: dict[Split, str] = {"validation": "dev"}
TRAIN_AND_DEV: dict[Split, str] = {"train": "train", **DEV}
DEV_AND_TEST: dict[Split, str] = {**DEV, "test": "test"}

TYDIQA = "tydiqa/tydiqa-goldp-v1.1-{split}/tydiqa.goldp.{language}.{split}.json"

UNPACKED = (
    Layout("squad/{split}-v1.1.json", TRAIN_AND_DEV, "en"),
    Layout("squad/{split}-v2.0.json", TRAIN_AND_DEV, "en"),
    Layout("xquad/xquad.{language}.json", {"test": ""}),
    *(
        Layout(f"{folder}/{{split}}-context-{{language}}-question-{{language}}.json", DEV_AND_TEST)
        for folder in ("mlqa/MLQA_V1/{split}", "MLQA_V1/{split}", "mlqa/{split}", "mlqa")
    ),
    Layout(TYDIQA, {"train": "train", "test": "dev"}),
)
"""SQuAD trains and validates, XQuAD tests; where a set is not there, the next one counts."""


FLAT = tuple(
    replace(layout, pattern=name)
    for name, layout in {layout.pattern.rpartition("/")[2]: layout for layout in UNPACKED}.items()
)
"""The same files in no folder of their own."""

LAYOUTS = (
    *(Layout(f"qa/{{language}}/{{split}}.{ending}") for ending in ("jsonl", "json-lines")),
    *(replace(layout, pattern=f"qa/{layout.pattern}") for layout in (*UNPACKED, *FLAT)),
    *UNPACKED,
    *FLAT,
)
"""Where the files of the task may be: in its folder, or beside it."""
