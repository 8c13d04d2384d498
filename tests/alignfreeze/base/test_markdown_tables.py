from rich.table import Table
from rich.text import Text

from alignfreeze.base.markdown_tables import GAP, markdown_of


def test_a_table_of_the_terminal_is_one_in_markdown():
    table = Table("a_b", title="pos: f1, %", caption="One *note*.")
    table.add_column("x\ny", justify="right")
    table.add_row("front|back", Text("+1.0", style="green"))
    table.add_row(Text("mean", style="bold"), "")
    assert markdown_of(table) == "\n".join(
        [
            "**pos: f1, %**",
            "",
            rf"| a\_b | {GAP}x y |",
            "| --- | ---: |",
            rf"| front\|back | {GAP}+1.0 |",
            f"| mean | {GAP} |",
            "",
            r"One \*note\*.",
        ]
    )


def test_a_table_without_title_has_none():
    assert markdown_of(Table("a")) == "| a |\n| --- |"
