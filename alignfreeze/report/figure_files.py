"""The figures of a report as files, drawn by several processes where there are many."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path

from alignfreeze.base.logs import LogLine, collected_lines, say_again
from alignfreeze.base.plotting import svg_element
from alignfreeze.base.process_pools import available_cores, process_pool, runs_no_script_again
from alignfreeze.report.figures import Drawn, save_figure

FEWEST = 10
"""Figures that are worth the start of processes, of two seconds."""

SCALE = 1.4
"""How much larger than on paper figures are on the page, for their text to be readable."""

DEAD = "a process that draws figures has died; was memory short?"


class FigureFiles:
    """Files of figures in a folder, which come to be while other things are done."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self._folder = folder
        self._opened = opened
        self._waiting: dict[str, Drawn] = {}
        self._begun: dict[str, Future[tuple[str, list[LogLine]]]] = {}

    def add(self, drawn: Mapping[str, Drawn]) -> None:
        """Begin to draw some more, by the stem of their files, if they are many."""
        self._waiting |= drawn
        if not self._begun:
            n_workers = min(available_cores(), len(self._waiting))
            if len(self._waiting) < FEWEST or n_workers < 2 or not runs_no_script_again():
                return
            self._pool = self._opened.enter_context(process_pool(n_workers, DEAD))
        for stem, own in self._waiting.items():
            self._begun[stem] = self._pool.submit(_draw_in_worker, own, self._folder, stem)
        self._waiting = {}

    def elements(self) -> dict[str, str]:
        """Each figure as an element of a page, by its stem, once all files are written.

        Raises:
            OSError: If one cannot be written.
            AlignFreezeError: If a process died.
        """
        found, said = {}, set[LogLine]()
        for stem, future in self._begun.items():
            found[stem], lines = future.result()
            say_again(line for line in lines if line not in said)
            said.update(lines)
        return found | {s: _draw(own, self._folder, s) for s, own in self._waiting.items()}


@contextmanager
def figure_files(folder: Path) -> Iterator[FigureFiles]:
    """Draw figures into a folder; processes that do it end with the block."""
    with ExitStack() as opened:
        yield FigureFiles(folder, opened)


def _draw(drawn: Drawn, folder: Path, stem: str) -> str:
    """Write the files of a figure, and make an element of it."""
    return svg_element(save_figure(drawn.figure, folder, stem), stem, scale=SCALE)


def _draw_in_worker(drawn: Drawn, folder: Path, stem: str) -> tuple[str, list[LogLine]]:
    """The element, and what was logged."""
    with collected_lines() as lines:
        return _draw(drawn, folder, stem), [*lines]
