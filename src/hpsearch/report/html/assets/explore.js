"use strict";

/* One filter for the ranking and the parallel coordinates: a text, and a choice for each axis. */
(() => {
  const data = JSON.parse(document.getElementById("explored").textContent);
  const table = document.getElementById("trials");
  const rows = Rows.of(table);
  const input = document.getElementById("filter");
  const choices = data.axes.map(() => null);
  const fields = [];
  const places = new Map(data.numbers.map((number, row) => [number, row]));
  const drawn = Array.from(document.querySelectorAll("figure [data-trial]"), (mark) => [mark, places.get(Number(mark.dataset.trial))]);

  const everything = (axis) => axis.kind === "choice"
    ? { options: axis.options.map((_, place) => place), absent: true }
    : { low: null, high: null, present: true, absent: true };
  const isEverything = (axis, choice) => (axis.absent === null || choice.absent)
    && (axis.kind === "choice" ? choice.options.length === axis.options.length : choice.present && choice.low === null && choice.high === null);

  function holds(choice, axis, value) {
    if (choice === null) return true;
    if (value === null) return choice.absent;
    if (axis.kind === "choice") return choice.options.includes(value);
    return choice.present && (choice.low === null || value >= choice.low) && (choice.high === null || value <= choice.high);
  }

  function told(axis, choice) {
    const absent = axis.absent !== null && choice.absent ? [axis.absent] : [];
    if (axis.kind === "choice") return `${axis.name}: ${[...choice.options.map((place) => axis.options[place]), ...absent].join(", ") || "none"}`;
    if (!choice.present) return `${axis.name}: ${absent.join("") || "none"}`;
    const ends = [choice.low === null ? "" : `from ${choice.low}`, choice.high === null ? "" : `to ${choice.high}`];
    return `${axis.name} ${[ends.filter(Boolean).join(" ") || "any", ...absent].join(" or ")}`;
  }

  function apply() {
    const wanted = input.value.trim().toLowerCase();
    const texts = wanted ? rows.texts : null;
    const shown = data.numbers.map((_, row) => (texts === null || texts[row].includes(wanted))
      && choices.every((choice, index) => holds(choice, data.axes[index], data.values[index][row])));
    rows.filter(shown);
    plot.show(choices, shown);
    drawn.forEach(([mark, row]) => mark.classList.toggle("dimmed", row === undefined ? shown.includes(false) : !shown[row]));
    const reasons = choices.flatMap((choice, index) => choice === null ? [] : [told(data.axes[index], choice)]);
    if (wanted) reasons.unshift(`with \u201c${input.value.trim()}\u201d`);
    const count = shown.filter(Boolean).length;
    const sentence = reasons.length ? `${count} of ${shown.length} trials: ${reasons.join("; ")}` : `all ${shown.length} trials`;
    document.querySelectorAll(".controls .status").forEach((status) => { status.textContent = sentence; });
  }

  function choose(index, choice) {
    choices[index] = choice === null || isEverything(data.axes[index], choice) ? null : choice;
    fields[index].write(choices[index] || everything(data.axes[index]));
    apply();
  }

  function labelled(text, made) {
    const label = document.createElement("label");
    label.append(made.type === "checkbox" ? made : text, " ", made.type === "checkbox" ? text : made);
    return label;
  }

  function box(text, parent, changed) {
    const made = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    made.addEventListener("change", changed);
    parent.append(labelled(text, made));
    return made;
  }

  function numberField(text, end, axis, parent, changed) {
    const made = Object.assign(document.createElement("input"), { type: "number", step: "any", placeholder: String(Number(end.toPrecision(4))) });
    made.addEventListener("change", changed);
    parent.append(labelled(text, made));
    return made;
  }

  /* The fields of one axis; they read and write the same choice that is brushed. */
  function makeFields(axis, index) {
    const group = document.createElement("fieldset");
    const changed = () => choose(index, read());
    group.append(Object.assign(document.createElement("legend"), { textContent: axis.name, dir: "auto" }));
    const isChoice = axis.kind === "choice";
    const low = isChoice ? null : numberField("from", axis.low, axis, group, changed);
    const high = isChoice ? null : numberField("to", axis.high, axis, group, changed);
    const options = isChoice ? axis.options.map((option) => box(option, group, changed)) : [];
    const present = isChoice || axis.absent === null ? null : box("in this range", group, changed);
    const absent = axis.absent === null ? null : box(axis.absent, group, changed);
    const number = (field) => field.value === "" ? null : Number(field.value);
    const read = () => {
      const there = absent === null || absent.checked;
      if (isChoice) return { options: options.flatMap((option, place) => option.checked ? [place] : []), absent: there };
      return { low: number(low), high: number(high), present: present === null || present.checked, absent: there };
    };
    const write = (choice) => {
      options.forEach((option, place) => { option.checked = choice.options.includes(place); });
      if (low !== null) { low.value = choice.low ?? ""; high.value = choice.high ?? ""; }
      if (present !== null) { present.checked = choice.present; }
      if (absent !== null) absent.checked = choice.absent;
    };
    document.querySelector("#ranges .ranges").append(group);
    return { write };
  }

  function makeColumns() {
    const parent = document.querySelector("#columns fieldset");
    Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
      if (column === 1) return;
      const made = box(header.textContent.trim(), parent, () => {
        for (const row of [table.tHead.rows[0], ...rows.all]) row.cells[column].hidden = !made.checked;
      });
    });
  }

  function clear() {
    input.value = "";
    choices.fill(null);
    fields.forEach((field, index) => field.write(everything(data.axes[index])));
    apply();
  }

  document.getElementById("parallel-absent").hidden = true;
  const place = document.getElementById("parallel");
  place.hidden = false;
  document.querySelectorAll(".controls").forEach((controls) => { controls.hidden = false; });
  const plot = new Parallel.Plot(place, data, choose);
  data.axes.forEach((axis, index) => fields.push(makeFields(axis, index)));
  makeColumns();
  plot.layOut();
  apply();
  input.addEventListener("input", apply);
  document.querySelectorAll("[data-clear]").forEach((button) => button.addEventListener("click", clear));
  table.tBodies[0].addEventListener("pointerover", (event) => plot.point(rows.known.indexOf(event.target.closest("tr"))));
  table.tBodies[0].addEventListener("pointerleave", () => plot.point());
  let width = place.clientWidth;
  window.addEventListener("resize", () => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    plot.layOut();
    apply();
  });
})();
