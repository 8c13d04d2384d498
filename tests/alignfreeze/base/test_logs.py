"""What is said is kept, and can be said again."""

import logging
from typing import Any

from alignfreeze.base.logs import LogLine, collected_lines, say_again

logger = logging.getLogger("alignfreeze.base.test")


def test_lines_are_collected_once_and_heard_by_others(caplog: Any) -> None:
    with caplog.at_level(logging.INFO), collected_lines() as lines:
        for _ in range(2):
            logger.info("%d of %d", 1, 2)
        logger.warning("odd")
    assert list(lines) == [
        LogLine("alignfreeze.base.test", logging.INFO, "1 of 2"),
        LogLine("alignfreeze.base.test", logging.WARNING, "odd"),
    ]
    assert caplog.messages == ["1 of 2", "1 of 2", "odd"]


def test_hidden_lines_are_heard_by_nobody_else(caplog: Any) -> None:
    with caplog.at_level(logging.INFO), collected_lines(hide=True) as lines:
        logger.info("100 %")
    assert caplog.messages == []
    with caplog.at_level(logging.INFO):
        say_again(lines)
        logger.info("later")
    assert caplog.messages == ["100 %", "later"]
    assert caplog.records[0].name == "alignfreeze.base.test"
    assert len(lines) == 1
