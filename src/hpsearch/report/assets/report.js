"use strict";

const compare = (first, second) => {
  const a = first.dataset.value, b = second.dataset.value;
  if (a !== undefined && b !== undefined) return Number(a) - Number(b);
  return first.textContent.localeCompare(second.textContent, undefined, { numeric: true });
};
const missing = (cell) => cell.textContent === "\u2013";

function sortRows(table, column, sign) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  rows.sort((first, second) => {
    const a = first.cells[column], b = second.cells[column];
    return missing(a) - missing(b) || (missing(a) ? 0 : sign * compare(a, b));
  });
  body.append(...rows);
}

function makeSortable(table) {
  const headers = Array.from(table.tHead.rows[0].cells);
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const descending = header.getAttribute("aria-sort") === "ascending";
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortRows(table, column, descending ? -1 : 1);
    });
  });
}

function makeFilter(input) {
  const rows = Array.from(document.getElementById(input.dataset.filter).tBodies[0].rows);
  const texts = rows.map((row) => Array.from(row.cells, (cell) => cell.textContent).join("\n").toLowerCase());
  const status = input.parentElement.querySelector(".status");
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    rows.forEach((row, index) => { row.hidden = !texts[index].includes(wanted); });
    const shown = rows.filter((row) => !row.hidden).length;
    status.textContent = wanted ? `${shown} of ${rows.length} trials` : "";
  });
  input.parentElement.hidden = false;
}

function makeCopy(button) {
  const source = document.getElementById(button.dataset.copy);
  const status = button.parentElement.querySelector(".status");
  const byHand = () => {
    getSelection().selectAllChildren(source);
    status.textContent = "Selected: copy it with the keyboard.";
  };
  button.addEventListener("click", () => {
    if (!navigator.clipboard) return byHand();
    navigator.clipboard.writeText(source.textContent).then(() => { status.textContent = "Copied."; }, byHand);
  });
  button.hidden = false;
}

/* Paper shows what is folded away. */
const folded = document.querySelectorAll("details.folded");
window.addEventListener("beforeprint", () => folded.forEach((part) => { part.open = true; }));

document.querySelectorAll("#trials, #arms").forEach(makeSortable);
document.querySelectorAll("[data-filter]").forEach(makeFilter);
document.querySelectorAll("[data-copy]").forEach(makeCopy);
