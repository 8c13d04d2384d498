"""A grid over objectives, and over when to realign: its cells, and what they share."""

import pytest
import yaml
from pydantic import Field

from alignfreeze.benchmark.cells import cells_of
from alignfreeze.benchmark.coordinator import benchmark
from alignfreeze.benchmark.plan import make_plan
from alignfreeze.benchmark.settings import build_benchmark, plugin_of
from alignfreeze.contracts import Objective
from alignfreeze.errors import AlignFreezeError, ConfigError, PluginError
from alignfreeze.planning.speeds import Speeds
from alignfreeze.tracking.store import StoredRun

WHEN = "before,during,before+during,after"


class Nearby(Objective):
    """Each word nearer to its translation, as far as a hyperparameter says."""

    pull: float = Field(1.0, ge=0, le=10)

    def loss(self, batch):
        """The mean squared distance."""
        return (
            self.pull * (batch.words[batch.anchors] - batch.words[batch.positives]).square().mean()
        )


@pytest.fixture(autouse=True)
def nearby(registered):
    """Nearby is an objective as if a distribution had it."""
    registered("alignfreeze.objectives", "nearby", Nearby)


def cells(options, **more):
    return cells_of(build_benchmark({**options, "tasks": "pos", **more}))


def variants(options, **more):
    return [cell.variant for cell in cells(options, **more)]


def test_each_combination_is_a_cell_but_a_baseline_is_one(options):
    found = variants(options, objectives="contrastive,nearby:pull=2", realign_when="before,during")
    assert found == [
        "front:boundary=2",
        "front:boundary=2, realign_when=during",
        "front:boundary=2, objective=nearby:pull=2.0",
        "front:boundary=2, objective=nearby:pull=2.0, realign_when=during",
        "baseline",
    ]
    both = cells(options, objectives="contrastive,nearby", realign_when=WHEN, seeds="31,42")
    assert len(both) == 2 * (2 * 4 + 1)
    assert len({cell.identity for cell in both}) == len(both)


def test_by_default_words_are_contrasted_before_the_fine_tuning(options):
    usual = cells(options)
    said = cells(options, objectives="contrastive", realign_when="before")
    assert [cell.identity for cell in said] == [cell.identity for cell in usual]
    assert [(cell.objective, cell.realign_when) for cell in usual] == [
        ("contrastive", "before"),
        ("", ""),
    ]


def test_a_default_of_an_objective_is_the_same_cell_as_what_it_comes_to(options):
    found = cells(options, objectives="nearby,nearby:pull=1", strategies="front")
    assert [cell.variant for cell in found] == ["front:boundary=2, objective=nearby"]
    other = cells(options, objectives="nearby:pull=2", strategies="front")
    assert not {cell.identity for cell in found} & {cell.identity for cell in other}


def test_the_code_of_an_objective_counts_but_for_a_baseline(options, monkeypatch):
    def identities():
        found = cells(options, objectives="contrastive,nearby")
        return {cell.variant: cell.identity for cell in found}

    before = identities()
    monkeypatch.setattr(
        "alignfreeze.runs.objectives.fingerprint",
        lambda kind, name: "other" if name == "nearby" else "same",
    )
    after = identities()
    assert before["baseline"] == after["baseline"]
    monkeypatch.setattr("alignfreeze.runs.objectives.fingerprint", lambda kind, name: "same")
    again = identities()
    changed = {name for name in again if again[name] != after[name]}
    assert changed == {"front:boundary=2, objective=nearby"}


def test_the_weight_counts_where_a_fine_tuning_realigns_alone(options):
    def identities(**change):
        return {c.variant: c.identity for c in cells(options, realign_when=WHEN, **change)}

    usual, heavy = identities(), identities(realign_weight="0.5")
    assert {name for name in usual if usual[name] != heavy[name]} == {
        "front:boundary=2, realign_when=during",
        "front:boundary=2, realign_when=before+during",
    }


def test_an_encoder_is_shared_by_those_that_fine_tune_it(options):
    found = cells(options, realign_when=WHEN, strategies="front")
    assert [(cell.realign_when, cell.shares) for cell in found] == [
        ("before", True),
        ("during", False),
        ("before+during", True),
        ("after", False),
    ]
    # Of two tasks that realign for as many steps all with an encoder share it.
    both = cells(options, realign_when="before,during", tasks="pos,ner")
    assert [cell.shares for cell in both if cell.realigns] == [True, False, True, False]


def test_what_is_realigned_within_a_fine_tuning_is_on_no_way(options):
    own = {"preset": "standard", "models": "demo", "data": "demo", "realign_steps": ""}
    found = cells(
        {**options, **own}, realign_when="before,during,after", tasks="pos,qa", strategies="front"
    )
    assert [(cell.realign_when, bool(cell.trajectory)) for cell in found] == [
        ("before", True),
        ("during", False),
        ("after", False),
    ] * 2


def test_a_plan_counts_the_steps_of_all_realignments(options):
    found = cells(options, realign_when=WHEN, finetune_steps="6")
    plan = make_plan(found, [], workers=1)
    assert plan.lines()[:4] == [
        "5 cells: 0 done, 5 to do",
        "2 of them realign: 1 new encoder(s); cells share them",
        "3 of them realign during their fine-tuning, or after it",
        # Before, and after: 4 each; twice during: 6.
        "30 optimizer steps of fine-tuning, 20 of realigning",
    ]
    (training,) = plan._training()
    assert [own.steps for own in training.realignments] == [4, 6, 6, 4]


def test_a_fine_tuning_that_realigns_takes_as_long_as_such_ones_have(options):
    found = {c.realign_when: c.config for c in cells(options, realign_when=WHEN) if c.realigns}

    def stored(name, seconds, **params):
        tags = {"model": "demo", "task": "pos", "strategy": "front"}
        return StoredRun(name, name, "FINISHED", 0, seconds, tags, params, {})

    runs = [
        stored("finetune-pos", 8.0, finetune_steps="4", realign_when="before"),
        stored("realign", 12.0, realign_steps="4"),
    ]
    speeds = Speeds(runs)

    def seconds(when):
        return speeds.seconds(found[when], "finetune", "pos")

    assert [seconds(when) for when in ("before", "during", "before+during", "after")] == [
        8.0,
        20.0,
        20.0,
        20.0,
    ]
    speeds = Speeds(
        [*runs, stored("finetune-pos", 28.0, finetune_steps="4", realign_when="during")]
    )
    assert [seconds(when) for when in ("before", "during", "before+during", "after")] == [
        8.0,
        28.0,
        28.0,
        20.0,
    ]


def test_both_sides_are_in_the_file_that_makes_the_grid_again(options, tmp_path):
    given = {"objectives": "contrastive,nearby:pull=2", "realign_when": "before,after"}
    first = build_benchmark({**options, **given})
    file = tmp_path / "grid.yaml"
    file.write_text(yaml.safe_dump(dict(first.options)))
    again = build_benchmark({"config": str(file)})
    assert again.settings.objectives == ("contrastive", "nearby:pull=2")
    assert again.settings.realign_when == ("before", "after")
    assert build_benchmark(options).options["objectives"] == ["contrastive"]


@pytest.mark.parametrize(
    ("given", "error", "complaint"),
    [
        ({"objectives": "neraby"}, PluginError, "no objective 'neraby'; did you mean 'nearby'"),
        ({"objectives": "nearby:pull=11"}, ConfigError, "pull must be <= 10, got 11"),
        ({"objectives": "nearby:2"}, ConfigError, "objectives must be NAME, or .* got 'nearby:2'"),
        ({"objectives": ","}, ConfigError, "objectives must name at least one"),
        ({"realign_when": "while"}, ConfigError, "realign_when.0 must be 'before', 'during'"),
        ({"realign_when": "after,after"}, ConfigError, "must not name anything twice: after"),
        ({"objective": "nearby"}, ConfigError, "objective is not .* did you mean 'objectives'"),
    ],
)
def test_nonsense_is_refused_in_one_line(options, given, error, complaint):
    with pytest.raises(error, match=complaint) as caught:
        cells(options, **given)
    assert issubclass(error, AlignFreezeError)
    assert "\n" not in str(caught.value)


def test_one_parser_is_for_both_sides():
    assert plugin_of("objectives", "distance:pull=2:whiten=true") == (
        "distance",
        {"pull": 2, "whiten": True},
    )


def test_a_grid_is_done_and_its_table_names_all_sides(experiment, options):
    few = {"tasks": "pos", "languages": "de", "realign_steps": "2", "finetune_steps": "2"}
    sides = {"objectives": "nearby", "realign_when": "before,during"}
    outcome = benchmark({**options, **few, **sides})
    found = [(row["strategy"], row["objective"], row["realign_when"]) for row in outcome.rows()]
    assert found == [
        ("front:boundary=2", "nearby", "before"),
        ("front:boundary=2", "nearby", "during"),
        ("baseline", "", ""),
    ]
    assert all(row["target_mean"] is not None for row in outcome.rows())
    again = benchmark({**options, **few, **sides, "dry_run": "true"})
    assert not again.plan.to_do
