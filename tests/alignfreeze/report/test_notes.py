"""Which metric a report shows, and what its reader is told of it."""

import re

import pytest

from alignfreeze.errors import ConfigError
from alignfreeze.report import report as reports
from alignfreeze.report import writing
from alignfreeze.report.collecting import collect
from alignfreeze.report.notes import metric_note, mixed_versions
from alignfreeze.report.settings import build_report
from alignfreeze.tracking.store import StoredRun
from alignfreeze_tasks.qa import QuestionAnswering

F1 = "qa f1: by SQuAD's script in English; elsewhere by MLQA's rules"
F1_SQUAD = "qa f1_squad: by SQuAD's script in every language"
PRINTED = "qa f1 in print: another F1, predicted with dropout on"
QA = ("ar", "de", "el", "es", "fr", "hi", "ro", "ru", "th", "tr", "zh")
"""As many as in print."""

POS = {"accuracy": 0.8}
VALUES = {"f1": 0.6, "f1_squad": 0.5, "exact_match": 0.4, "exact_match_squad": 0.3}


def stored(
    strategy="baseline",
    seed=31,
    *,
    task="qa",
    model="m",
    values=None,
    imported=False,
    targets=("th",),
):
    tags = {"model": model, "task": task, "strategy": strategy, "seed": str(seed)}
    tags |= {"imported": "true"} if imported else {}
    metrics = {
        f"test/{language}/{metric}": value
        for metric, value in (VALUES if values is None else values).items()
        for language in ("en", *targets)
    }
    params = {"strategy_args": "{}", "source_language": "en"}
    run_id = f"{model}-{task}-{strategy}-{seed}-{imported}"
    return StoredRun(run_id, f"finetune-{task}", "FINISHED", 0, 1.0, tags, params, metrics)


@pytest.mark.parametrize(
    ("options", "metric", "value", "note"),
    [({}, "f1", 0.6, F1), ({"metrics": "qa=f1_squad"}, "f1_squad", 0.5, F1_SQUAD)],
)
def test_the_metric_is_the_users_choice(options, metric, value, note):
    (table,) = collect([stored()], build_report(options)).tables
    assert (table.metric, table.mean("baseline")) == (metric, value)
    assert table.note.startswith(note)


def test_exact_match_can_be_chosen_too():
    options = build_report({"metrics": "qa=exact_match_squad"})
    (table,) = collect([stored()], options).tables
    assert table.mean("baseline") == 0.3


def test_a_metric_that_no_run_has_is_an_error():
    known = "exact_match, exact_match_squad, f1, f1_squad"
    with pytest.raises(ConfigError, match=f"metrics must be of {known} for qa, got 'f1_mlqa'"):
        collect([stored()], build_report({"metrics": "qa=f1_mlqa"}))


def test_runs_of_before_the_metric_was_logged_are_said_to_be_left_out():
    old = {"f1": 0.7, "exact_match": 0.5}
    runs = [stored("none"), stored(), stored("front", values=old), stored(model="o", values=old)]
    runs.append(stored(task="pos", values={"accuracy": 0.8}))
    collection = collect(runs, build_report({"metrics": "qa=f1_squad"}))
    assert [(b.model, b.task, b.variants) for b in collection.tables] == [
        ("m", "pos", ["baseline"]),
        ("m", "qa", ["baseline", "none"]),
    ]
    lines = collection.missing.sections["Left out"]
    assert lines == ["m, qa: without f1_squad: 1 run(s)", "o, qa: without f1_squad: 1 run(s)"]
    everything = collect(runs, build_report({}))
    assert "Left out" not in everything.missing.sections
    assert [b.metric for b in everything.tables if b.task == "qa"] == ["f1", "f1"]


def test_a_note_is_what_the_task_says():
    for metric, note in QuestionAnswering.metric_notes.items():
        assert metric_note("qa", metric, imported=False) == f"qa {metric}: {note}."


def test_what_is_plain_or_not_installed_has_no_note():
    assert metric_note("pos", "accuracy", imported=False) == ""
    assert metric_note("no-such-task", "f1", imported=False) == ""
    assert metric_note("pos", "accuracy", imported=True) == ""


def test_imported_scores_have_the_note_of_the_reference():
    runs = [stored(), stored(imported=True, values={"f1": 0.3, "em": 0.2})]
    (imported,) = collect(runs, build_report({"source": "imported"})).tables
    assert imported.note.startswith("imported qa f1: another F1, predicted with dropout on: ")
    own, other = collect(runs, build_report({"source": "both"})).tables
    assert (own.model, other.model) == ("m", "m (imported)")
    assert own.note.startswith(F1)
    assert other.note == imported.note


@pytest.fixture
def written(monkeypatch, tmp_path):
    """The outcome and the texts of a report of some runs."""

    def report(runs, **options):
        monkeypatch.setattr(writing, "has_store", lambda: True)
        monkeypatch.setattr(writing, "stored_runs", lambda *_: runs)
        monkeypatch.setattr(writing, "report_figures", lambda tables: {})
        outcome = reports.report({"output": str(tmp_path), **options})
        texts = {k: (tmp_path / f"report.{k}").read_text("utf-8") for k in ("md", "html", "tex")}
        # As a reader sees it: without the escapes of each format.
        plain = {kind: re.sub(r"\\(?=[_()])", "", text) for kind, text in texts.items()}
        return outcome, {kind: text.replace("&#39;", "'") for kind, text in plain.items()}

    return report


def test_every_form_tells_the_rules(written):
    runs = [stored(s, seed) for s in ("baseline", "none") for seed in (31, 42)]
    runs += [stored(model="o"), stored(task="pos", values={"accuracy": 0.8})]
    for options, note in (({}, F1), ({"metrics": "qa=f1_squad"}, F1_SQUAD)):
        outcome, texts = written(runs, **options)
        assert outcome.summary.note.count(note) == 1  # of two models with the same metric
        for text in texts.values():
            assert text.count(note) == 3  # the summary, and the detail of each model
            assert "pos accuracy:" not in text
            assert PRINTED not in text


@pytest.mark.parametrize(
    ("options", "difference", "note"),
    [({}, "+2.9", F1), ({"metrics": "qa=f1_squad"}, "−7.1", F1_SQUAD)],
)
def test_printed_figures_of_qa_are_said_to_be_of_another_f1(written, options, difference, note):
    """In print, mBERT's baseline has 57.1."""
    mbert = "bert-base-multilingual-cased"
    runs = [stored(model=mbert, targets=QA), stored(task="pos", model=mbert, values=POS)]
    _, texts = written(runs, published="true", **options)
    for text in texts.values():
        assert text.count(PRINTED) == 1
        assert text.count(note) == 3  # the summary, ours beside print, the detail
    (row,) = (line for line in texts["md"].splitlines() if "| 57.1 |" in line)
    assert f"| {difference} |" in row
    # Of one language for 34 there is no difference to take.
    (row,) = (line for line in texts["md"].splitlines() if "| 77.0 |" in line)
    assert "| 80.0 | 77.0 | – |" in row


def test_other_printed_figures_have_no_such_footnote(written):
    runs = [stored(task="pos", model="bert-base-multilingual-cased", values={"accuracy": 0.8})]
    _, texts = written(runs, published="true")
    assert "77.0" in texts["md"]
    assert "in print: another" not in texts["md"]


def test_printed_figures_are_beside_no_other_metric_than_f1(written, caplog):
    runs = [stored(model="bert-base-multilingual-cased")]
    _, texts = written(runs, published="true", metrics="qa=exact_match")
    assert "57.1" not in texts["md"]
    assert "no model, task and strategy of this report is in the published table" in caplog.text


def run(version="", libraries=""):
    tags = {name: v for name, v in (("version", version), ("libraries", libraries)) if v}
    return StoredRun("id", "finetune-pos", "FINISHED", 0, 1.0, tags, {}, {})


def test_the_same_versions_are_no_mixture():
    same = run("0.2.0", "numpy 2.4.0, torch 2.13.0")
    assert mixed_versions([same, same]) == []
    assert mixed_versions([run(), run()]) == []
    assert mixed_versions([]) == []


def test_what_differs_is_said_with_how_many_runs():
    runs = [
        run("0.2.0", "numpy 2.4.0, torch 2.13.0"),
        run("0.2.0", "numpy 2.4.0, torch 2.12.1"),
        run("0.1.0", "numpy 2.4.0, torch 2.13.0"),
    ]
    assert mixed_versions(runs) == [
        "alignfreeze 0.1.0 (1 run(s)), 0.2.0 (2 run(s))",
        "torch 2.12.1 (1 run(s)), 2.13.0 (2 run(s))",
    ]


def test_another_device_is_a_mixture_and_that_of_the_encoder_counts():
    own = run("0.2.0")
    one, two = (
        own._replace(tags={**own.tags, "device": f"cpu with AVX512, {text}"})
        for text in ("1 thread", "2 threads")
    )
    assert mixed_versions([one, two]) == [
        "device cpu with AVX512, 1 thread (1 run(s)), cpu with AVX512, 2 threads (1 run(s))"
    ]
    elsewhere = one._replace(tags={**one.tags, "realign_device": "NVIDIA H100"})
    (line,) = mixed_versions([one, elsewhere])
    assert line.endswith("cpu with AVX512, 1 thread on an encoder of NVIDIA H100 (1 run(s))")


def plugged(strategy="front", code="", own="", task_code=""):
    about = {"strategy": strategy, "task": "pos", "strategy_code": code, "code": own}
    about |= {"task_code": task_code}
    return run("0.2.0")._replace(
        tags={"version": "0.2.0", **{name: text for name, text in about.items() if text}}
    )


def test_another_code_of_the_same_version_is_a_mixture():
    runs = [plugged(own="1" * 64), plugged(own="2" * 64), plugged(own="2" * 64)]
    assert mixed_versions(runs) == ["code of alignfreeze 1111111 (1 run(s)), 2222222 (2 run(s))"]


def test_another_code_of_a_plugin_is_a_mixture_and_another_plugin_is_not():
    runs = [plugged("front", "a"), plugged("back", "b"), plugged("baseline", task_code="c")]
    assert mixed_versions(runs) == []
    (line,) = mixed_versions([*runs, plugged("front", "d")])
    assert line.startswith("code of strategy front ")
    (line,) = mixed_versions([*runs, plugged("none", "e", task_code="f")])
    assert line.startswith("code of task pos ")


def test_a_run_of_before_the_tags_is_one_of_an_unknown_version():
    assert mixed_versions([run("0.2.0", "numpy 2.4.0"), run()]) == [
        "alignfreeze 0.2.0 (1 run(s)), unknown (1 run(s))",
        "numpy 2.4.0 (1 run(s)), unknown (1 run(s))",
    ]


def test_an_encoder_of_another_version_is_a_mixture_too():
    own = run("0.2.0", "torch 2.13.0")
    tags = {**own.tags, "realign_version": "0.1.0", "realign_libraries": "torch 2.13.0"}
    assert mixed_versions([own, own._replace(tags=tags)]) == [
        "alignfreeze 0.2.0 (1 run(s)), 0.2.0 on an encoder of 0.1.0 (1 run(s))"
    ]
