import struct
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex

from alignfreeze.base.plotting import png_bytes
from alignfreeze.probing.layer_figures import alignment_figure, drift_figure
from alignfreeze.probing.scores import AlignmentScore, DriftScore


def alignment(stage: str, languages, n_layers: int, seed: int = 0) -> list[AlignmentScore]:
    random = np.random.default_rng(seed)
    return [
        AlignmentScore(stage, language, layer, kind, direction, float(random.uniform(0.1, 0.9)))
        for language in languages
        for layer in range(n_layers)
        for kind in ("weak", "strong")
        for direction in ("forward", "backward")
    ]


def drift(stage: str, languages, n_layers: int, seed: int = 0) -> list[DriftScore]:
    random = np.random.default_rng(seed)
    return [
        DriftScore(stage, language, layer, float(random.uniform(0, 0.4)))
        for language in ("en", *languages)
        for layer in range(n_layers)
    ]


STAGES = ("pretrained", "realigned", "finetuned-pos")


def one_run(languages=("de", "no"), n_layers: int = 4):
    return {
        "front": [
            score
            for number, stage in enumerate(STAGES)
            for score in alignment(stage, languages, n_layers, number)
        ]
    }


def comparison(strategies=("none", "front", "back"), stages=STAGES[1:]):
    before = alignment("pretrained", ("de", "no"), 4)
    return {
        strategy: before
        + [
            score
            for number, stage in enumerate(stages)
            for score in alignment(stage, ("de", "no"), 4, 10 * row + number + 1)
        ]
        for row, strategy in enumerate(strategies)
    }


def legend_of(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def heights(panel) -> list[list[float]]:
    return [list(line.get_ydata()) for line in panel.lines]


def naive_percent(scores, stage: str, kind: str, layer: int, languages) -> list[float]:
    found = []
    for language in languages:
        both = [s.value for s in scores if s[:4] == (stage, language, layer, kind)]
        assert len(both) == 2
        found.append(100 * sum(both) / 2)
    return found


# Alignment


def test_lines_are_means_over_languages_and_directions():
    scores = one_run()
    for panel, kind in zip(alignment_figure(scores).axes, ("weak", "strong"), strict=True):
        assert len(panel.lines) == 3
        for line, stage in zip(panel.lines, STAGES, strict=True):
            expected = [
                np.mean(naive_percent(scores["front"], stage, kind, layer, ("de", "no")))
                for layer in range(4)
            ]
            assert list(line.get_xdata()) == [0, 1, 2, 3]
            np.testing.assert_allclose(line.get_ydata(), expected)


def test_bands_go_from_the_lowest_to_the_highest_language():
    scores = one_run()
    panel = alignment_figure(scores).axes[0]
    assert len(panel.collections) == 3
    for band, stage in zip(panel.collections, STAGES, strict=True):
        corners = band.get_paths()[0].vertices
        for layer in range(4):
            values = naive_percent(scores["front"], stage, "weak", layer, ("de", "no"))
            there = corners[corners[:, 0] == layer, 1]
            assert there.min() == pytest.approx(min(values))
            assert there.max() == pytest.approx(max(values))


def test_many_lines_have_bars_beside_each_other():
    scores = comparison()
    panel = alignment_figure(scores).axes[1]
    assert len(panel.lines) == len(panel.collections) == 7
    places = [tuple(line.get_xdata()) for line in panel.lines]
    assert len(set(places)) == 7
    np.testing.assert_array_equal(np.round(places), np.tile(np.arange(4), (7, 1)))
    for layer, segment in enumerate(panel.collections[2].get_segments()):
        values = naive_percent(scores["front"], "realigned", "strong", layer, ("de", "no"))
        np.testing.assert_allclose(segment[:, 1], [min(values), max(values)])
        np.testing.assert_allclose(segment[:, 0], places[2][layer])


def test_axes_say_what_they_are():
    figure = alignment_figure(one_run(), title="mBERT")
    weak, strong = figure.axes
    assert weak.get_ylabel() == "word alignment accuracy (%)"
    assert [p.get_xlabel() for p in figure.axes] == ["layer (0 is the first)"] * 2
    assert weak.get_title(loc="left").startswith("weak: ")
    assert strong.get_title(loc="left").startswith("strong: ")
    assert figure.get_suptitle() == "mBERT"
    assert list(weak.get_xticks()) == list(strong.get_xticks()) == [0, 1, 2, 3]
    assert weak.get_ylim() == strong.get_ylim()
    assert weak.get_ylim()[0] == 0


def test_of_one_strategy_the_stages_are_named_and_differ_in_colour():
    figure = alignment_figure(one_run())
    assert legend_of(figure) == list(STAGES)
    lines = figure.axes[0].lines
    assert len({to_hex(line.get_color()) for line in lines}) == 3
    assert len({line.get_marker() for line in lines}) == 3


def test_of_several_strategies_the_common_start_is_drawn_once():
    figure = alignment_figure(comparison())
    assert legend_of(figure) == [
        "pretrained",
        *(f"{strategy}, realigned" for strategy in ("none", "front", "back")),
        *(f"{strategy}, finetuned-pos" for strategy in ("none", "front", "back")),
    ]
    lines = figure.axes[0].lines
    assert [to_hex(line.get_color()) for line in lines[1:4]] == [
        to_hex(line.get_color()) for line in lines[4:]
    ]
    assert {line.get_linestyle() for line in lines[1:4]} == {"-"}
    assert {line.get_linestyle() for line in lines[4:]} == {"--"}
    assert len({to_hex(line.get_color()) for line in lines}) == 4


def test_starts_that_differ_are_drawn_each():
    scores = {
        "mBERT": alignment("pretrained", ["de"], 2, 0),
        "XLM-R": alignment("pretrained", ["de"], 2, 1),
    }
    figure = alignment_figure(scores)
    assert legend_of(figure) == ["mBERT, pretrained", "XLM-R, pretrained"]
    assert heights(figure.axes[0])[0] != heights(figure.axes[0])[1]


@pytest.mark.parametrize(
    ("scores", "caption"),
    [
        (one_run(), "mean over 2 languages (shaded: lowest to highest)"),
        (comparison(), "mean over 2 languages (bars: lowest to highest)"),
        (one_run(["no"]), "language: no"),
        (
            {"a": alignment("s", ["de"], 2), "b": alignment("s", ["de", "no"], 2)},
            "mean over languages (shaded: lowest to highest)",
        ),
    ],
    ids=["bands", "bars", "one language", "other languages"],
)
def test_the_legend_says_what_lines_and_ranges_are(scores, caption):
    figure = alignment_figure(scores)
    assert figure.legends[0].get_title().get_text() == caption


def test_the_legend_is_outside_the_panels():
    figure = alignment_figure(comparison())
    png_bytes(figure)
    legend = figure.legends[0].get_window_extent()
    assert legend.y0 >= 0
    assert legend.y1 < min(panel.get_tightbbox().y0 for panel in figure.axes)


@pytest.mark.parametrize(
    "scores",
    [
        one_run(["de"], 1),
        one_run(["de"], 12),
        one_run([f"x{number}" for number in range(34)], 12),
        one_run(["de", "no"], 24),
        comparison(("a", "b", "c", "d", "e", "f"), ["realigned"]),
        comparison(["$a_b", "_c^", "d%"], ["realigned"]),
    ],
    ids=["one point", "one language", "12 x 34", "24 layers", "six lines", "odd names"],
)
def test_any_size_is_drawn_without_a_warning(scores):
    figure = alignment_figure(scores, title="a_$model")
    data = png_bytes(figure)
    width, height = struct.unpack(">II", data[16:24])
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert (width, height) == tuple(np.round(figure.get_size_inches() * 150).astype(int))
    n_lines = len(legend_of(figure))
    for panel in figure.axes:
        assert len(panel.lines) == n_lines
        assert all(len(line.get_ydata()) > 0 for line in panel.lines)


def test_a_figure_is_the_same_again():
    assert png_bytes(alignment_figure(one_run())) == png_bytes(alignment_figure(one_run()))


@pytest.mark.parametrize("scores", [{}, {"front": []}])
def test_no_score_is_refused(scores):
    with pytest.raises(ValueError, match="a figure needs at least one score, got none"):
        alignment_figure(scores)
    with pytest.raises(ValueError, match="a figure needs at least one score, got none"):
        drift_figure(scores, source_language="en")


# Drift


def test_drift_has_target_languages_and_the_source_language():
    scores = drift("realigned", ("de", "no"), 3)
    figure = drift_figure({"front": scores}, source_language="en")
    targets, source = figure.axes
    expected = [
        np.mean([s.value for s in scores if s.layer == layer and s.language != "en"])
        for layer in range(3)
    ]
    np.testing.assert_allclose(heights(targets), [expected])
    english = [s.value for s in scores if s.language == "en"]
    np.testing.assert_allclose(heights(source), [english])
    assert targets.get_title(loc="left") == "target languages"
    assert source.get_title(loc="left") == "source language (en)"
    assert targets.get_ylabel() == "drift (1 − linear CKA)"
    assert targets.get_ylim()[0] == 0
    caption = figure.legends[0].get_title().get_text()
    assert caption == "mean over 2 languages (shaded: lowest to highest)"


def test_a_stage_has_the_same_look_in_both_figures():
    accuracy = alignment_figure(one_run()).axes[0].lines[1:]
    moved = {"front": drift("realigned", ["de"], 4) + drift("finetuned-pos", ["de"], 4, 1)}
    lines = drift_figure(moved, source_language="en").axes[0].lines
    for one, other in zip(accuracy, lines, strict=True):
        assert (one.get_color(), one.get_marker()) == (other.get_color(), other.get_marker())


def test_rounding_does_not_look_like_drift():
    scores = [score._replace(value=1e-16) for score in drift("realigned", ["de"], 3)]
    figure = drift_figure({"front": scores}, source_language="en")
    assert figure.axes[0].get_ylim() == (0, 0.01)


def test_drift_of_six_strategies_is_drawn():
    scores = {name: drift("realigned", ["de", "no"], 12, n) for n, name in enumerate("abcdef")}
    figure = drift_figure(scores, source_language="en")
    assert png_bytes(figure).startswith(b"\x89PNG")
    assert [len(panel.lines) for panel in figure.axes] == [6, 6]
    assert len({to_hex(line.get_color()) for line in figure.axes[0].lines}) == 6


# Global state

SCRIPT = """
import sys
from types import SimpleNamespace
from alignfreeze.base.plotting import png_bytes
from alignfreeze.probing.layer_figures import alignment_figure
assert not {"matplotlib", "torch"} & {*sys.modules}
score = {"stage": "s", "language": "de", "layer": 0, "value": 0.5}
scores = [SimpleNamespace(**score, kind=kind) for kind in ("weak", "strong")]
import matplotlib
def settings():
    # Not by matplotlib's own reading, which looks for a backend.
    return {name: dict.__getitem__(matplotlib.rcParams, name) for name in matplotlib.rcParams}
before = settings()
png_bytes(alignment_figure({"front": scores}))
assert settings() == before
assert "matplotlib.pyplot" not in sys.modules
"""


def test_nothing_global_is_touched():
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_stages_of_five_kinds_look_different_and_realignment_comes_first():
    stages = ("finetuned-pos", "finetuned-ner", "finetuned-nli", "finetuned-qa")
    of = {
        "baseline": [s for stage in stages for s in alignment(stage, ("de",), 3)],
        "front": [s for stage in (*stages, "realigned") for s in alignment(stage, ("de",), 3)],
    }
    figure = alignment_figure(of)
    assert legend_of(figure)[0] == "front, realigned"
    handles = figure.legends[0].legend_handles
    looks = {(handle.get_color(), str(handle._unscaled_dash_pattern)) for handle in handles}
    assert len(looks) == len(handles) == 9
