"""Progress bars where there is no terminal."""

import io

import pytest

from alignfreeze.base.progress import progress_bar


@pytest.mark.parametrize("total", [3, None])
def test_in_a_log_a_bar_is_lines_that_move_no_cursor(monkeypatch, total):
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    with progress_bar((), "realignment", "step", shown=True, total=total) as bar:
        for _ in range(3):
            bar.update()
    assert "\r" not in log.getvalue()
    lines = log.getvalue().splitlines()
    assert 1 <= len(lines) <= 2
    assert all(line.startswith("realignment: ") for line in lines)
    assert "3" in lines[-1]
