import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import stdev
from typing import Any
from xml.etree import ElementTree

import pytest

from alignfreeze.base.plotting import svg_document, svg_element
from alignfreeze.report.drawing import COLUMN, DOUBLE, add_legend, error, new_figure, settled
from alignfreeze.report.figure_differences import difference_figure
from alignfreeze.report.figure_heatmap import broken, heatmap_figure, signed
from alignfreeze.report.figure_layers import boundary_figure, layers_figure
from alignfreeze.report.figures import report_figures, save_figure
from alignfreeze.report.score_tables import ScoreTable

CODES = "af ar bg cs da de el es fa fi fr he hi hu it ja ko"
MANY = CODES.split()


def table_of(
    scores: Mapping[str, Mapping[str, Sequence[float]]], *, model: str = "model", **others: Any
) -> ScoreTable:
    """A table of scores by variant and language, in the order of their seeds from 0."""
    values = {
        variant: {language: dict(enumerate(found)) for language, found in own.items()}
        for variant, own in scores.items()
    }
    languages = sorted({language for own in scores.values() for language in own})
    return ScoreTable(model, "nli", "accuracy", "en", languages, list(scores), values, **others)


@pytest.fixture
def table() -> ScoreTable:
    return table_of(
        {
            "baseline": {"ru": [0.50, 0.54], "de": [0.60, 0.62], "sv": [0.7, 0.7], "zh": [0.4]},
            "none": {"ru": [0.53, 0.55], "de": [0.61, 0.61], "sv": [0.72, 0.74], "zh": [0.3]},
            "front": {"ru": [0.50, 0.50], "de": [0.63, 0.65]},
        }
    )


def swept(model: str = "model") -> ScoreTable:
    scores = {"baseline": 0.5, "none": 0.52, "front(boundary=2)": 0.53, "front(boundary=4)": 0.55}
    return table_of(
        {name: {"de": [at, at + 0.02], "fr": [at]} for name, at in scores.items()},
        model=model,
        boundaries={"front(boundary=2)": ("front", 2), "front(boundary=4)": ("front", 4)},
    )


def bars(panel: Any, label: str) -> dict[float, float]:
    """Heights of the bars with a label, by the place of their middle."""
    from matplotlib.container import BarContainer

    (own,) = (c for c in panel.containers if isinstance(c, BarContainer) and c.get_label() == label)
    return {p.get_x() + p.get_width() / 2: p.get_height() for p in own.patches}


def codes(panel: Any) -> list[str]:
    return [label.get_text() for label in panel.get_xticklabels()]


def test_bars_are_the_differences_by_family_then_size(table: ScoreTable) -> None:
    figure = difference_figure(table)
    assert figure is not None
    panel = figure.axes[0]
    assert codes(panel) == ["sv", "de", "ru", "zh"]
    none, front = bars(panel, "none"), bars(panel, "front")
    assert list(none.values()) == pytest.approx([3, 0, 2, -10])
    assert list(front.values()) == pytest.approx([3, -2])
    assert list(none) == pytest.approx([-0.2, 0.8, 1.8, 2.8])
    assert list(front) == pytest.approx([1.2, 2.2])
    assert {"Germanic", "Slavic", "Sino-Tibetan"} <= {text.get_text() for text in panel.texts}


def test_band_is_the_deviation_of_the_baseline(table: ScoreTable) -> None:
    figure = difference_figure(table)
    assert figure is not None
    heights = list(bars(figure.axes[0], "baseline ± deviation").values())
    assert heights == pytest.approx([0, 200 * stdev([0.60, 0.62]), 200 * stdev([0.50, 0.54])])


def test_legend_names_variants_bars_and_marks(table: ScoreTable) -> None:
    figure = difference_figure(table)
    assert figure is not None
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "none",
        "front",
        "± deviation over seeds",
        "baseline ± deviation",
        "no score",
    ]


def test_errors_are_of_paired_seeds_where_there_are_two(table: ScoreTable) -> None:
    assert error(table, "none", "ru") == pytest.approx(100 * stdev([0.03, 0.01]))
    assert error(table, "none", "zh") is None
    assert error(table, "front", "sv") is None
    unpaired = replace(
        table, values={"baseline": {"de": {0: 0.5, 1: 0.6}}, "none": {"de": {1: 0.6, 2: 0.63}}}
    )
    assert error(unpaired, "none", "de") is None


def test_many_languages_have_a_panel_for_each_variant() -> None:
    levels = {"baseline": 0.5, "none": 0.51, "front": 0.52}
    many = table_of({name: {code: [at, at] for code in MANY} for name, at in levels.items()})
    figure = difference_figure(many)
    assert figure is not None
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["none", "front"]
    for panel, (name, height) in zip(figure.axes, {"none": 1, "front": 2}.items(), strict=True):
        assert list(bars(panel, name).values()) == pytest.approx([height] * len(MANY))
    assert figure.get_figwidth() == DOUBLE
    few = difference_figure(table_of({name: {"de": [at]} for name, at in levels.items()}))
    assert few is not None
    assert few.get_figwidth() == COLUMN
    assert len(few.axes) == 1


def test_cells_are_the_differences_with_their_mean(table: ScoreTable) -> None:
    figure = heatmap_figure(table)
    assert figure is not None
    panel = figure.axes[0]
    rows = [label.get_text() for label in panel.get_yticklabels()]
    assert rows == ["de", "sv", "ru", "zh", "mean"]
    texts = [text.get_text() for text in panel.texts]
    cells = ["0.0", "+3.0", "+3.0", "–", "+2.0", "−2.0", "−10.0", "–"]
    # Of none over all languages, with the seed that has them; of front over two.
    cells += ["−1.0†", "+0.5†"]
    assert figure.axes[1].get_xlabel().endswith("†: over fewer seeds or languages than others")
    assert [text for text in texts if not text[0].isalpha()] == cells
    assert [text for text in texts if text[0].isalpha()] == ["Germanic", "Slavic", "Sino-Tibetan"]
    low, high = panel.images[0].get_clim()
    assert low == -high
    assert len([patch for patch in panel.patches if patch.get_hatch()]) == 2


def test_no_outlier_fades_the_other_cells() -> None:
    gains = {language: 0.5 + 0.01 * (n % 3) for n, language in enumerate(MANY)}
    outlier = table_of(
        {
            "baseline": {language: [0.5] for language in MANY},
            "none": {language: [0.1 if language == "ko" else gains[language]] for language in MANY},
        }
    )
    figure = heatmap_figure(outlier)
    assert figure is not None
    assert figure.axes[0].images[0].get_clim()[1] < 10
    assert "−40.0" in [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize(
    "scores",
    [
        {},
        {"baseline": {"de": [0.5]}},
        {"none": {"de": [0.5]}, "front": {"de": [0.6]}},
        {"baseline": {"de": [0.5]}, "none": {"fr": [0.5]}},
    ],
)
def test_without_differences_there_is_no_figure(scores: Any) -> None:
    nothing = table_of(scores)
    assert difference_figure(nothing) is None
    assert heatmap_figure(nothing) is None
    assert layers_figure(nothing) is None
    assert boundary_figure([nothing]) is None
    assert report_figures([nothing]) == {}


def test_boundaries_are_a_line_with_dashed_levels() -> None:
    table = swept()
    figure = boundary_figure([table])
    assert figure is not None
    panel = figure.axes[0]
    lines = {str(line.get_label()): line for line in panel.get_lines()}
    (container,) = panel.containers
    line = container.lines[0]
    assert container.get_label() == "front"
    assert list(line.get_xdata()) == [2, 4]
    # Seed 0 alone has both languages.
    assert list(line.get_ydata()) == pytest.approx([53, 55])
    assert [lines[name].get_ydata()[0] for name in ("baseline", "none")] == pytest.approx([50, 52])
    assert panel.get_ylabel() == "mean accuracy, seed 0 (%)"
    assert "± deviation over seeds" not in [t.get_text() for t in figure.legends[0].get_texts()]


def test_boundaries_are_compared_over_the_languages_that_all_have() -> None:
    table = swept()
    lacking = {name: dict(own) for name, own in table.values.items()}
    lacking["front(boundary=4)"] = {"de": {0: 0.55, 1: 0.57}}
    lacking["baseline"] = {"de": {0: 0.5, 1: 0.52}, "fr": {0: 0.1}}
    figure = boundary_figure([replace(table, values=lacking)])
    assert figure is not None
    panel = figure.axes[0]
    (container,) = panel.containers
    assert list(container.lines[0].get_ydata()) == pytest.approx([54, 56])
    (baseline,) = (line for line in panel.get_lines() if line.get_label() == "baseline")
    assert baseline.get_ydata()[0] == pytest.approx(51)
    assert panel.get_ylabel() == "mean accuracy of 1 of 2 languages (%)"


def test_boundaries_have_a_panel_for_each_block_with_two(table: ScoreTable) -> None:
    single = replace(swept("one"), boundaries={"front(boundary=2)": ("front", 2)})
    figure = boundary_figure([swept("a"), table, swept("b"), single])
    assert figure is not None
    assert [panel.get_title(loc="left") for panel in figure.axes] == [
        "a, nli accuracy",
        "b, nli accuracy",
    ]
    assert boundary_figure([single]) is None


def test_boundaries_are_compared_over_the_seeds_that_all_have() -> None:
    # Front gains two points with every seed, and each boundary has other seeds.
    seeds = {1: {1: 0.52, 2: 0.72}, 2: {1: 0.52}, 3: {1: 0.52, 2: 0.72}}
    values = {f"front(boundary={n})": {"de": own} for n, own in seeds.items()}
    values["baseline"] = {"de": {1: 0.5, 2: 0.7}}
    names = {f"front(boundary={n})": ("front", n) for n in seeds}
    table = ScoreTable("m", "pos", "accuracy", "en", ["de"], list(values), values, names)
    figure = boundary_figure([table])
    assert figure is not None
    panel = figure.axes[0]
    (container,) = panel.containers
    assert list(container.lines[0].get_ydata()) == pytest.approx([52, 52, 52])
    (baseline,) = (line for line in panel.get_lines() if line.get_label() == "baseline")
    assert baseline.get_ydata()[0] == pytest.approx(50)
    assert panel.get_ylabel() == "mean accuracy, seed 1 (%)"
    values["front(boundary=2)"] = {"de": {3: 0.9}}
    assert boundary_figure([table]) is None


def test_a_bar_of_fewer_seeds_is_marked() -> None:
    scores = {"baseline": {"de": [0.5, 0.6], "ru": [0.5, 0.6]}}
    scores |= {
        "none": {"de": [0.6, 0.7], "ru": [0.6, 0.7]},
        "front": {"de": [0.4], "ru": [0.6, 0.7]},
    }
    figure = difference_figure(table_of(scores))
    assert figure is not None
    marks = [text for text in figure.axes[0].texts if text.get_text() == "†"]
    assert [text.xy[1] for text in marks] == pytest.approx([-10])  # type: ignore[attr-defined]
    assert str(figure.get_supylabel()).endswith("†: over fewer seeds than others")
    assert figure.get_tightbbox().y1 < figure.get_size_inches()[1] + 0.02


def test_alignments_are_compared_over_what_all_were_measured_with(table: ScoreTable) -> None:
    measured = {
        "baseline": {"de": {0: {1: 0.3, 2: 0.5}}, "fr": {0: {1: 0.1, 2: 0.1}}},
        "none": {"de": {0: {1: 0.9, 2: 0.1}}, "fr": {0: {1: 0.3, 2: 0.3}}},
        "front": {"de": {0: {1: 0.9}}},
    }
    figure = layers_figure(replace(table, alignment=measured))
    assert figure is not None
    panel = figure.axes[0]
    heights = {str(line.get_label()): list(line.get_ydata()) for line in panel.get_lines()}
    assert heights == {"before realignment": [30], "none": [90], "front": [90]}
    assert panel.get_ylabel() == "word alignment accuracy of 1 of 2 languages, seed 1 (%)"
    nothing = replace(table, alignment=measured | {"front": {"ru": {0: {1: 0.9}}}})
    assert layers_figure(nothing) is None


def test_alignments_are_means_over_languages(table: ScoreTable) -> None:
    measured = {
        "none": {"de": {0: {1: 0.2}, 1: {1: 0.4}}, "ru": {0: {1: 0.1}, 1: {1: 0.2}}},
    }
    figure = layers_figure(replace(table, alignment=measured))
    assert figure is not None
    (line,) = figure.axes[0].get_lines()
    assert line.get_label() == "none"
    assert list(line.get_xdata()) == [0, 1]
    assert list(line.get_ydata()) == pytest.approx([15, 30])
    assert figure.axes[0].get_xlabel() == "layer (0 is the first)"


def test_stems_are_file_names_that_differ() -> None:
    names = report_figures([swept("a/b$c"), swept("a b$c")])
    assert list(names) == [
        "differences-a_b_c-nli",
        "differences-a_b_c-nli-2",
        "heatmap-a_b_c-nli",
        "heatmap-a_b_c-nli-2",
        "boundary",
    ]


def test_saved_twice_is_the_same(tmp_path: Path) -> None:
    for stem, drawn in report_figures([swept("dollars$and_lines")]).items():
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir(exist_ok=True)
            svg = save_figure(drawn.figure, tmp_path / folder, stem)
            assert svg == (tmp_path / folder / f"{stem}.svg").read_text("utf-8")
        first, second = (
            [(tmp_path / folder / f"{stem}.{end}").read_bytes() for end in ("svg", "pdf", "png")]
            for folder in ("one", "two")
        )
        assert first == second
        assert b"Date" not in first[0] + first[1]


def test_drawn_twice_is_the_same(table: ScoreTable) -> None:
    one, two = (
        [svg_document(drawn.figure) for drawn in report_figures([table]).values()] for _ in range(2)
    )
    assert one == two


def test_inline_figures_share_no_id(table: ScoreTable) -> None:
    found: list[str] = []
    for stem, drawn in report_figures([table, table]).items():
        text = svg_element(svg_document(drawn.figure, stem), stem)
        assert text.startswith("<svg")
        assert text.endswith("</svg>")
        ids = {e.attrib["id"] for e in ElementTree.fromstring(text).iter() if "id" in e.attrib}
        used = {a or b for a, b in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text)}
        assert used
        assert used <= ids
        found += ids
    assert len(found) == len(set(found))


def test_text_is_within_the_figure() -> None:
    long = "a-rather-long-name-of-a-multilingual-model-that-needs-two-lines"
    names = [f"front(boundary={n})" for n in range(7)]
    levels = dict(zip(["baseline", *names], range(8), strict=True))
    wide = table_of(
        {name: {code: [0.5 + n / 100] for code in MANY} for name, n in levels.items()},
        model=long,
        boundaries={name: ("front", n) for n, name in enumerate(names)},
        alignment={"baseline": {"de": {0: {0: 0.1}, 1: {0: 0.2}}}},
    )
    for figure in (drawn.figure for drawn in report_figures([wide]).values()):
        figure.draw_without_rendering()
        width, height = figure.get_size_inches()
        box = figure.get_tightbbox()
        assert box.x0 > -0.02
        assert box.y0 > -0.02
        assert box.x1 < width + 0.02
        assert box.y1 < height + 0.02


@pytest.mark.parametrize(
    ("value", "text"), [(1.25, "+1.2"), (-0.04, "0.0"), (0.04, "0.0"), (-3, "−3.0")]
)
def test_numbers_have_a_sign_but_zero(value: float, text: str) -> None:
    assert signed(value) == text


def test_a_figure_is_in_its_place_as_after_two_drawings() -> None:
    def drawn(*, by_drawing: bool) -> list[tuple[float, ...]]:
        figure = new_figure("a title", DOUBLE, 3)
        for panel in figure.subplots(2, 1, sharex=True):
            panel.plot([0, 1], [1000, -3], label="name")
            panel.set_ylabel("y")
        figure.supylabel("all")
        add_legend(figure, figure.axes)
        if by_drawing:
            figure.draw_without_rendering()
            figure.draw_without_rendering()
        else:
            assert settled(figure).get_layout_engine() is None
        return [tuple(panel.get_position().bounds) for panel in figure.axes]

    assert drawn(by_drawing=False) == drawn(by_drawing=True)


def test_long_names_of_columns_are_broken_after_commas() -> None:
    assert broken("front(boundary=3)") == "front(boundary=3)"
    name = "front, objective=distance, realign_when=during"
    assert broken(name) == "front, objective=distance,\nrealign_when=during"
    assert broken(name.replace("distance", "a" * 40)).splitlines()[1] == f"objective={'a' * 40},"


def test_word_alignment_is_drawn_of_what_was_measured(table: ScoreTable) -> None:
    groups = {table.variants[1]: "realign_when"}
    measured = {name: {"de": {0: {0: 0.5}}} for name in ("baseline", table.variants[2])}
    found = report_figures([replace(table, groups=groups, alignment=measured)])
    drawn = [one for stem, one in found.items() if stem.startswith("alignment")]
    assert [one.group for one in drawn] == [""]
    drawn[0].figure.clear()
