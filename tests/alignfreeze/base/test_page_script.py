"""What the script of a page does, in Chromium where that is installed."""

import json
import re
import shutil
import subprocess

import pytest

from alignfreeze.base.documents import Section, html_page
from alignfreeze.base.tables import Cell, Table

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
OPTIONS = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run"
OPTIONS += " --disable-background-networking --disable-component-update --virtual-time-budget=2000"

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")

TABLE = Table(
    "t",
    "",
    "",
    ["name", "score"],
    [
        [Cell("b10"), Cell("2.0", value=2.0)],
        [Cell("b9"), Cell("−10.0", value=-10.0)],
        [Cell("a"), Cell("")],
        [Cell("c"), Cell("11.0", value=11.0)],
        [Cell("other"), Cell("99.0", value=99.0)],
    ],
    groups={4: "rows that differ"},
)

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="900.0" height="3000.0"></svg>'

SECTIONS = [
    Section("one", "One", table=TABLE, figures={"figure": SVG}),
    Section("two", "Two", ["below"], parts=[Section("part", "A part", ["folded"])]),
]

DRIVER = """<script>
const found = {}, $ = (selector) => document.querySelector(selector);
const rows = () => [...document.querySelectorAll("tbody tr:not(.head)")]
  .map((row) => row.cells[0].textContent).join(" ");
const sort = (column) => document.querySelectorAll("thead button")[column].click();
found.given = rows();
for (const order of ["descending", "ascending", "back"]) { sort(1); found[order] = rows(); }
sort(0); found.words = rows();
found.folded = $(".group tr:not(.head)").checkVisibility();
$(".group button").click(); found.unfolded = $(".group tr:not(.head)").checkVisibility();
$("nav li:last-child a").addEventListener("click", (event) => event.preventDefault());
$("nav li:last-child a").click();
$("figure svg").dispatchEvent(new Event("click", { bubbles: true }));
found.opened = $("dialog").open && !!$("dialog svg");
dispatchEvent(new Event("beforeprint")); found.printed = $("details").open;
$("dialog button").click();
setTimeout(() => {
  found.closed = !!$("figure svg");
  found.scrolled = scrollY > 500;
  document.title = JSON.stringify(found);
}, 500);
</script>"""


def shown(page, folder):
    """The page as it is once its script has run."""
    (folder / "page.html").write_text(page, "utf-8")
    command = [CHROMIUM, *OPTIONS.split(), f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    address = (folder / "page.html").as_uri()
    done = subprocess.run([*command, address], capture_output=True, check=False, timeout=300)
    if done.returncode:
        pytest.skip(f"Chromium does not start: {done.stderr.decode()[-200:]}")
    return done.stdout.decode()


def test_the_page_lets_its_own_script_run_and_no_other(tmp_path):
    page = shown(html_page("Title", SECTIONS).replace("</body>", f"{DRIVER}</body>"), tmp_path)
    assert '<button type="button">score</button>' in page
    assert "<title>Title</title>" in page


def test_what_the_script_does(tmp_path):
    page = re.sub(r"<meta http-equiv=.*?>", "", html_page("Title", SECTIONS))
    text = shown(page.replace("</body>", f"{DRIVER}</body>"), tmp_path)
    found = json.loads(re.findall(r"<title>(.*)</title>", text)[0])
    assert found == {
        "given": "b10 b9 a c other",
        "descending": "c b10 b9 a other",
        "ascending": "b9 b10 c a other",
        "back": "b10 b9 a c other",
        "words": "a b9 b10 c other",
        "folded": False,
        "unfolded": True,
        "scrolled": True,
        "opened": True,
        "printed": True,
        "closed": True,
    }
