"use strict";
// Folds groups of rows, sorts tables, opens figures large. Without it all is there, as it stands.

function button(text, run) {
  const made = document.createElement("button");
  made.type = "button";
  made.append(text);
  made.addEventListener("click", run);
  return made;
}

// Groups of rows.
function fold(group, folded) {
  group.classList.toggle("folded", folded);
  group.querySelector("button").setAttribute("aria-expanded", String(!folded));
}

for (const table of document.querySelectorAll("table")) {
  const groups = [...table.querySelectorAll("tbody.group")];
  for (const group of groups) {
    const head = group.querySelector("th span");
    const made = button(head.textContent, () => fold(group, !group.classList.contains("folded")));
    head.replaceChildren(made);
    fold(group, true);
  }
  if (groups.length > 1) {
    const all = button("Fold or unfold all groups of rows", () => {
      const folded = groups.every((group) => !group.classList.contains("folded"));
      groups.forEach((group) => fold(group, folded));
    });
    table.parentElement.before(all);
  }
}

// Columns: the first click sorts, the second the other way round, the third puts all back.
const WORDS = new Intl.Collator("en", { numeric: true });
const DIRECTIONS = { ascending: 1, descending: -1 };

function sorted(rows, column, numeric, direction) {
  const text = (row) => row.cells[column].textContent;
  const value = (row) => row.cells[column].dataset.value;
  const known = (row) => !numeric || value(row) !== undefined;
  const compared = (one, other) =>
    numeric ? value(one) - value(other) : WORDS.compare(text(one), text(other));
  const found = rows.filter(known).sort((one, other) => direction * compared(one, other));
  return [...found, ...rows.filter((row) => !known(row))];
}

for (const table of document.querySelectorAll("table")) {
  const bodies = [...table.tBodies].map((body) =>
    [body, [...body.rows].filter((row) => !row.classList.contains("head"))]);
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const numeric = bodies.some(([, rows]) => rows.some((row) => row.cells[column].dataset.value));
    const order = numeric ? ["descending", "ascending"] : ["ascending", "descending"];
    const sort = () => {
      const next = order[order.indexOf(head.getAttribute("aria-sort")) + 1];
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      if (next) head.setAttribute("aria-sort", next);
      for (const [body, rows] of bodies) {
        body.append(...(next ? sorted(rows, column, numeric, DIRECTIONS[next]) : rows));
      }
    };
    head.replaceChildren(button(head.textContent, sort));
  });
}

// Figures: opened large in a dialog, which Escape closes.
const dialog = document.createElement("dialog");
dialog.setAttribute("aria-label", "Figure");
const opened = document.createElement("div");
dialog.append(button("Close", () => dialog.close()), opened);
dialog.addEventListener("click", (event) => {
  if (!event.target.closest("button")) dialog.close();
});
let home = null;
dialog.addEventListener("close", () => {
  home.prepend(opened.firstChild);
  home.style.removeProperty("min-height");
});
document.body.append(dialog);

for (const figure of document.querySelectorAll("figure")) {
  const open = () => {
    home = figure;
    figure.style.minHeight = `${figure.offsetHeight}px`;
    opened.style.cssText = figure.style.cssText;
    opened.append(figure.querySelector("svg"));
    dialog.showModal();
  };
  const enlarge = button("Enlarge", open);
  enlarge.setAttribute("aria-label", `Enlarge ${figure.getAttribute("aria-label")}`);
  figure.append(enlarge);
  figure.addEventListener("click", (event) => {
    if (event.target.closest("svg")) open();
  });
}

// Paper has no folds.
addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((details) => { details.open = true; });
});

// A sandbox, such as that of MLflow's viewer, refuses links within the page.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (!link) return;
  const target = document.getElementById(link.getAttribute("href").slice(1));
  setTimeout(() => { if (location.hash !== link.hash) target.scrollIntoView(); });
});
