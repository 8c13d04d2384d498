"""The cells of a grid: their order, what they share, and what tells them apart."""

import shutil

import pytest

from alignfreeze.alignment.aligning import alignment_identity
from alignfreeze.benchmark.cells import cells_of
from alignfreeze.benchmark.plan import make_plan
from alignfreeze.benchmark.settings import build_benchmark
from alignfreeze.config import RunConfig
from alignfreeze.data import language_choice
from alignfreeze.data.finding import find_data, find_model
from alignfreeze.data.uriel import has_uriel
from alignfreeze.errors import AlignFreezeError, ConfigError, DataError, EncoderError, PluginError
from alignfreeze.tracking.store import StoredRun
from alignfreeze_aligners.pharaoh import PharaohAligner


def cells(options, **more):
    return cells_of(build_benchmark({**options, "seeds": "31,42", **more}))


def test_each_combination_is_one_cell(options):
    found = cells(options)
    keys = [(c.config.model, c.task, c.strategy, c.config.seed) for c in found]
    assert len(set(keys)) == len(keys) == 8
    assert len({cell.identity for cell in found}) == 8
    # What shares data comes together, and what reads the parallel text first.
    assert [(cell.task, cell.config.seed, cell.strategy) for cell in found[:5]] == [
        ("pos", 31, "front:boundary=2"),
        ("pos", 31, "baseline"),
        ("pos", 42, "front:boundary=2"),
        ("pos", 42, "baseline"),
        ("ner", 31, "front:boundary=2"),
    ]


def test_tasks_share_encoders_when_steps_are_the_same(options):
    assert {cell.shares for cell in cells(options) if cell.realigns} == {True}
    assert not any(cell.shares for cell in cells(options) if not cell.realigns)
    own_steps = {**options, "realign_steps": "", "preset": "standard", "models": "demo"}
    found = cells(own_steps, data="demo", finetune_steps="")
    assert not any(cell.shares for cell in found)
    assert not any(cell.shares for cell in cells(options, tasks="pos"))


def test_a_cell_has_the_lengths_of_its_task(options):
    usual = {cell.identity for cell in cells(options)}
    other = cells(options, eval_max_length="ner=64")
    assert {cell.task: cell.config.eval_max_length for cell in other} == {
        "pos": {},
        "ner": {"ner": 64},
    }
    assert {cell.task for cell in other if cell.identity in usual} == {"pos"}


@pytest.fixture
def folder(tmp_path):
    """The demo's data as a user's folder, without Russian named entities."""
    folder = tmp_path / "folder"
    shutil.copytree(find_data("demo").root, folder)
    shutil.rmtree(folder / "ner" / "ru")
    return folder


def test_a_task_has_those_languages_that_it_has(options, folder):
    found = cells(options, data=str(folder), models="demo")
    languages = {cell.task: cell.config.languages for cell in found}
    assert languages == {"pos": ("de", "ru"), "ner": ("de",)}
    # They realign with the same text nevertheless, so that they can share encoders.
    assert {cell.config.realign_languages for cell in found} == {("de", "ru")}
    assert {cell.shares for cell in found if cell.realigns} == {True}
    with pytest.raises(ConfigError, match="in a task of the grid, got 'fi'"):
        cells(options, data=str(folder), models="demo", languages="de,fi")
    with pytest.raises(ConfigError, match="hold one that ner has a test split of, got ru"):
        cells(options, data=str(folder), models="demo", languages="ru")


@pytest.mark.skipif(not has_uriel(), reason="needs lang2vec")
def test_a_choice_covers_each_tasks_own_languages(options, folder):
    given = {"data": str(folder), "models": "demo", "languages": "", "seeds": "31"}
    found = cells(options, **given, realign_languages="diverse:2")
    languages = {cell.task: cell.config.languages for cell in found}
    assert languages["pos"] == ("ar", "de", "el", "es", "hi", "ru", "tr", "zh")
    assert languages["ner"] == tuple(code for code in languages["pos"] if code != "ru")
    assert {cell.config.realign_languages for cell in found} == {("diverse:2",)}
    assert not any(cell.shares for cell in found)  # each may realign with others
    # What is nearest to the source language is so whatever the targets are.
    nearest = cells(options, **given, realign_languages="nearest:2")
    assert {cell.shares for cell in nearest if cell.realigns} == {True}
    assert {cell.config.languages for cell in nearest} == {()}
    same = cells(options, realign_languages="diverse:2")
    assert {cell.shares for cell in same if cell.realigns} == {True}


def test_what_a_choice_comes_to_counts(options, monkeypatch):
    """As with another version of the distances, or another seed."""

    def realigning(**more):
        return {cell.identity for cell in cells(options, **more) if cell.realigns}

    before = realigning(realign_languages="random:2")
    assert realigning(realign_languages="random:2") == before
    monkeypatch.setattr(language_choice, "drawn", lambda codes, count, seed: sorted(codes)[:count])
    assert not realigning(realign_languages="random:2") & before


def test_the_content_of_the_data_counts_not_its_place(options, folder, tmp_path):
    other = tmp_path / "elsewhere"
    shutil.copytree(folder, other)

    def identities(place):
        return [c.identity for c in cells(options, data=str(place), models="demo")]

    before = identities(folder)
    assert identities(other) == before
    file = next((other / "pos" / "de").glob("*"))
    file.write_text(file.read_text("utf-8") + "\n", "utf-8")
    assert not set(identities(other)) & set(before)


def test_the_content_of_the_aligners_model_counts(options, tmp_path):
    model = tmp_path / "aligner"
    shutil.copytree(find_model("demo"), model)
    args = {"aligner": "mutual", "aligner_args": f"model={model}", "tasks": "pos", "seeds": "31"}

    def identities():
        return {cell.strategy: cell.identity for cell in cells(options, **args)}

    before = identities()
    assert identities() == before
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-4] + b"abcd")
    after = identities()
    assert {name for name in before if before[name] != after[name]} == {"front:boundary=2"}


def test_what_an_aligner_says_of_itself_counts(options, monkeypatch):
    before = [cell.identity for cell in cells(options) if cell.realigns]
    monkeypatch.setattr(PharaohAligner, "identity", lambda self: "another")
    assert not {cell.identity for cell in cells(options)} & set(before)


def test_the_hubs_text_is_not_fetched_to_plan(tmp_path):
    config = RunConfig(data=f"hub:{tmp_path}", realign_languages=("de", "xx"))
    found = alignment_identity(find_data(config.data), config)
    assert [(entry[0], entry[1], entry[-1]) for entry in found] == [
        ("de", "dictionary", []),
        ("xx", "dictionary", []),
    ]


def test_a_default_is_the_same_cell_as_what_it_comes_to(options):
    def identities(strategies):
        return [cell.identity for cell in cells(options, strategies=strategies)]

    said = identities("front:boundary=2,back:boundary=2:embeddings=false")
    assert identities("front,back") == said
    assert not set(identities("front:boundary=1,back:boundary=1")) & set(said)
    # Asked for twice, it is done once, where it was first.
    assert identities("front,back,front:boundary=2") == said
    assert {cell.config.strategy_args["boundary"] for cell in cells(options) if cell.realigns} == {
        2
    }


def test_how_to_realign_makes_no_other_baseline(options):
    def of_baseline(**change):
        found = cells(options, **change)
        return [cell.identity for cell in found if not cell.realigns]

    assert of_baseline() == of_baseline(temperature="0.2", realign_steps="9")
    assert not set(of_baseline()) & set(of_baseline(finetune_lr="0.5"))


@pytest.mark.parametrize(
    "change", [{"temperature": "0.2"}, {"finetune_steps": "5"}, {"realign_languages": "de"}]
)
def test_another_setting_makes_other_cells(options, change):
    before = {cell.identity for cell in cells(options) if cell.realigns}
    assert not before & {cell.identity for cell in cells(options, **change)}


@pytest.mark.parametrize("change", [{"checkpoint_steps": "7"}, {"workers": "3"}])
def test_how_they_are_done_does_not(options, change):
    before = [cell.identity for cell in cells(options)]
    assert before == [cell.identity for cell in cells(options, **change)]


def test_task_args_go_to_their_task(options):
    found = cells(options, tasks="pos,qa", task_args="qa.stride=32")
    assert {cell.task: cell.config.task_args for cell in found} == {
        "pos": {},
        "qa": {"qa.stride": 32},
    }


@pytest.mark.parametrize(
    ("change", "error", "complaint"),
    [
        ({"strategies": "middle"}, PluginError, "middle"),
        ({"strategies": "front:bound=3"}, AlignFreezeError, "bound"),
        ({"tasks": "chess"}, PluginError, "chess"),
        ({"data": "/nowhere", "models": "demo"}, DataError, "there is no folder '/nowhere'"),
        ({"models": "/nowhere", "preset": "standard"}, EncoderError, "there is no such folder"),
        ({"task_args": "qa.stride=3"}, ConfigError, "task_args"),
    ],
)
def test_what_is_not_there_is_told_of_before_anything_is_done(options, change, error, complaint):
    with pytest.raises(error, match=complaint):
        cells(options, **change)


def stored(name, *, seconds, status="FINISHED", metrics=(), **about):
    tags = {n: about.pop(n) for n in ("model", "task", "strategy", "cell") if n in about}
    params = {key: str(value) for key, value in about.items()}
    return StoredRun("id", name, status, 0, seconds, tags, params, dict(metrics))


def test_a_plan_says_what_is_done_and_how_long_the_rest_takes(options):
    found = cells(options)
    demo = {"model": "demo", "strategy": "front"}
    runs = [
        stored("pos-front-31", seconds=9.0, task="pos", cell=found[0].identity, **demo),
        stored("pos-front-42", seconds=9.0, status="FAILED", cell=found[2].identity, **demo),
        stored("realign", seconds=40.0, task="pos", realign_steps=20, **demo),
        stored("realign", seconds=60.0, task="pos", realign_steps=20, **demo),
        stored("realign", seconds=90.0, task="pos", realign_steps=20, **demo),
        stored("realign", seconds=1.0, status="KILLED", task="pos", realign_steps=20, **demo),
        stored("finetune-pos", seconds=10.0, task="pos", finetune_steps=10, **demo),
        stored("finetune-ner", seconds=50.0, task="ner", finetune_steps=10, **demo),
    ]
    for run in runs:
        run.tags.setdefault("task", "pos")
    plan = make_plan(found, runs, workers=2)
    assert len(plan.to_do) == 7
    # One realignment of 4 steps of 3 s, since that of the first cell is kept; three times pos, 4
    # steps of 1 s; four times ner, of 5 s.
    assert plan.lines() == [
        "8 cells: 1 done, 7 to do",
        "3 of them realign: 1 new encoder(s), 1 of done cells; cells share them",
        "28 optimizer steps of fine-tuning, 4 of realigning",
        f"about 0:00:{(12 + 3 * 4 + 4 * 20) // 2} (h:mm:ss) with 2 worker(s), as measured before",
    ]


def test_a_plan_says_what_it_cannot_know(options):
    found = cells(options)
    assert make_plan(found, [], workers=1).lines()[-1].startswith("no estimate")
    run = stored(
        "finetune-pos", seconds=10.0, task="pos", finetune_steps=10, model="demo", strategy="x"
    )
    last = make_plan(found, [run], workers=1).lines()[-1]
    assert last == "not measured yet, so not in it: demo realigning"


def test_steps_that_the_data_decides_are_those_of_a_cell_before(options):
    own = {"preset": "standard", "models": "demo", "data": "demo", "finetune_steps": ""}
    found = cells(options, **own, tasks="pos", seeds="31", strategies="baseline")
    config = found[0].config
    sides = {"finetune_epochs": None, "finetune_batch_size": config.finetune_batch_size}
    known = {"model": "demo", "task": "pos", "strategy": "baseline", "data": "demo"}
    runs = [
        stored("finetune-pos", seconds=10.0, finetune_steps=10, **known),
        stored(
            "pos-baseline-1", seconds=1.0, metrics={"cell/finetune_steps": 30.0}, **known
        )._replace(
            params={"data": "demo", "accumulation": "1", **{k: str(v) for k, v in sides.items()}}
        ),
    ]
    assert make_plan(found, runs, workers=1).lines()[-1].startswith("about 0:00:30 ")
    assert make_plan(found, runs[:1], workers=1).lines()[-1].startswith("no estimate")
