"use strict";

const compare = (first, second) => {
  const a = first.dataset.value, b = second.dataset.value;
  if (a !== undefined && b !== undefined) return Number(a) - Number(b);
  return first.textContent.localeCompare(second.textContent, undefined, { numeric: true });
};
const missing = (cell) => cell.textContent === "\u2013";

/* The rows of a table, of which only the first stand in the document until they are scrolled to. */
class Rows {
  static tables = new Map();

  /* Give the rows of a table, always the same object. */
  static of(table) {
    if (!Rows.tables.has(table)) Rows.tables.set(table, new Rows(table));
    return Rows.tables.get(table);
  }

  constructor(table) {
    this.table = table;
    this.body = table.tBodies[0];
    this.known = Array.from(this.body.rows);
    this.ordered = this.known;
    this.shown = null;
    this.rest = document.getElementById(`${table.id}-rest`);
    this.chunk = this.rest === null ? Infinity : this.known.length;
    if (this.rest !== null) this.addMore();
  }

  /* Give all rows in the order of the file. */
  get all() {
    if (this.rest !== null) {
      const holder = document.createElement("template");
      holder.innerHTML = this.rest.textContent;
      this.rest.remove();
      this.rest = null;
      this.known.push(...holder.content.querySelectorAll("tbody tr"));
      this.ordered = Array.from(this.known);
    }
    return this.known;
  }

  get texts() {
    this.written ??= this.all.map((row) => Array.from(row.cells, (cell) => cell.textContent).join("\n").toLowerCase());
    return this.written;
  }

  sort(column, sign) {
    this.ordered = Array.from(this.all).sort((first, second) => {
      const a = first.cells[column], b = second.cells[column];
      return missing(a) - missing(b) || (missing(a) ? 0 : sign * compare(a, b));
    });
    this.show();
  }

  /* Show some rows, given as a truth for each in the order of the file. */
  filter(shown) {
    const every = !shown.includes(false);
    if (every && this.shown === null) return;
    this.shown = every ? null : new Set(this.all.filter((_, row) => shown[row]));
    this.show();
  }

  get wanted() { return this.shown === null ? this.ordered : this.ordered.filter((row) => this.shown.has(row)); }

  show() {
    this.body.replaceChildren(...this.wanted.slice(0, this.chunk));
    this.tell();
  }

  extend(count) {
    this.all;
    const there = this.body.rows.length;
    this.body.append(...this.wanted.slice(there, there + count));
    this.tell();
  }

  tell() {
    if (!this.more) return;
    this.left = (this.rest === null ? this.wanted.length : this.total) - this.body.rows.length;
    this.more.parentElement.hidden = this.left <= 0;
    this.more.textContent = this.left === 1 ? "Show the other row" : `Show the other ${this.left} rows`;
  }

  /* Rows follow where one scrolls to the end, or all of them by a button; on paper there are all. */
  addMore() {
    const region = this.table.parentElement, place = document.createElement("p");
    this.total = Number(this.rest.dataset.rows);
    this.more = Object.assign(document.createElement("button"), { type: "button" });
    place.className = "more";
    place.append(this.more);
    region.after(place);
    this.more.addEventListener("click", () => this.extend(Infinity));
    region.addEventListener("scroll", () => {
      if (this.left > 0 && region.scrollTop + 2 * region.clientHeight > region.scrollHeight) this.extend(this.chunk);
    }, { passive: true });
    window.addEventListener("beforeprint", () => this.extend(Infinity));
    this.tell();
  }
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
      Rows.of(table).sort(column, descending ? -1 : 1);
    });
  });
}

function makeFilter(input) {
  const rows = Rows.of(document.getElementById(input.dataset.filter));
  const status = input.parentElement.querySelector(".status");
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    const shown = rows.texts.map((text) => text.includes(wanted));
    rows.filter(shown);
    status.textContent = wanted ? `${shown.filter(Boolean).length} of ${shown.length} trials` : "";
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
