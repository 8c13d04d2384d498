"""What is printed is what it says."""

from io import StringIO

from hypothesis import example, given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from alignfreeze.cli.terminal import PlainConsole
from alignfreeze.messages import plain

NASTY = st.sampled_from(["[red]x[/red]", "[/]", "[link=http://x]y[/link]", ":smile:", "\x1b[31mx"])
NAMES = NASTY | st.text(
    st.sampled_from("[]/=:\\ab1@\x00\x07\x1b\x9b\u202e"), min_size=1, max_size=9
)


@given(NAMES)
@example("[/]")
def test_a_name_is_no_markup(name: str) -> None:
    console = PlainConsole(file=StringIO(), width=200, force_terminal=True, color_system=None)
    table = Table(title=name, caption=name)
    table.add_column(name, no_wrap=True)
    table.add_row(name)
    table.add_row(Text(name, style="bold"))
    console.print(table)
    console.print(name, highlight=False, soft_wrap=True)
    said = console.file.getvalue()  # type: ignore[attr-defined]
    for style in ("\x1b[1m", "\x1b[3m", "\x1b[2m", "\x1b[2;3m", "\x1b[0m"):
        said = said.replace(style, "")
    assert said.count(plain(name)) >= 5
    assert set(said) <= {*"┏┓┃┡┩│└┘━─┇╇ \n", *plain(name)}
