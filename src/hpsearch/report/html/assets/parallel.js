"use strict";

/* Parallel coordinates: lines on a canvas, axes as SVG above it. What is chosen is kept by explore.js. */
const Parallel = (() => {
  const SVG = document.querySelector("#parallel svg").namespaceURI;
  const TOP = 52, HEIGHT = 400, BOTTOM = HEIGHT - 62, LANE = HEIGHT - 22, GAP = 108, LEFT = 60, RIGHT = 50, SPREAD = 14;
  const BEST = [31, 127, 196], MIDDLE = [140, 140, 140], WORST = [190, 125, 0];

  const element = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const short = (value) => {
    const size = Math.abs(value), rounded = Number(Number(value).toPrecision(4));
    return (size && (size < 1e-3 || size >= 1e5) ? rounded.toExponential() : String(rounded)).replace("e+", "e");
  };
  const clip = (text, longest) => {
    const letters = Array.from(text);
    return letters.length > longest ? letters.slice(0, longest - 1).join("") + "\u2026" : text;
  };
  const mix = (a, b, share) => a.map((part, index) => Math.round(part + share * (b[index] - part)));
  const colour = (place) => place < 0.5 ? mix(BEST, MIDDLE, 2 * place) : mix(MIDDLE, WORST, 2 * place - 1);

  /* Where a value stands between the ends of its axis, from 0 to 1; beyond the ends, at the nearer one. */
  function share(axis, value) {
    if (axis.kind === "choice") return axis.options.length > 1 ? value / (axis.options.length - 1) : 0.5;
    const move = axis.log ? Math.log : Number;
    const length = move(axis.high) - move(axis.low);
    return length ? Math.min(Math.max((move(value) - move(axis.low)) / length, 0), 1) : 0.5;
  }

  function valueAt(axis, part) {
    if (!axis.log) return axis.low + part * (axis.high - axis.low);
    return Math.exp(Math.log(axis.low) + part * (Math.log(axis.high) - Math.log(axis.low)));
  }

  const down = (axis, value) => value === null ? LANE : BOTTOM - share(axis, value) * (BOTTOM - TOP);

  /* The marks of a logarithmic axis are powers of ten, of any other even parts; the ends are always there. */
  function ticks(axis) {
    if (axis.kind === "choice") return axis.options.map((option, index) => [index, option]);
    const inner = [];
    if (axis.log) {
      for (let power = Math.ceil(Math.log10(axis.low)); power <= Math.log10(axis.high); power += 1) inner.push(10 ** power);
    } else {
      for (const part of [0.25, 0.5, 0.75]) inner.push(valueAt(axis, part));
    }
    const far = (value) => share(axis, value) > 0.07 && share(axis, value) < 0.93;
    const kept = inner.filter(far);
    const step = Math.ceil(kept.length / 6) || 1;
    const ends = axis.high > axis.low ? [axis.low, axis.high] : [axis.low];
    return [...ends, ...kept.filter((_, index) => index % step === 0)].map((value) => [value, short(value)]);
  }

  function drawAxis(svg, axis, x) {
    const group = element("g", {});
    const cut = axis.name.lastIndexOf(".") + 1;
    const parts = cut ? [axis.name.slice(0, cut), axis.name.slice(cut)] : ["", axis.name];
    parts.forEach((part, line) => group.append(element("text", { x, y: 16 + 15 * line, class: "name" }, clip(part, 15))));
    group.append(element("title", {}, axis.name));
    group.append(element("line", { x1: x, x2: x, y1: TOP, y2: BOTTOM, class: "axis" }));
    for (const [value, label] of ticks(axis)) {
      const y = down(axis, value);
      group.append(element("line", { x1: x - 4, x2: x, y1: y, y2: y, class: "axis" }));
      group.append(element("text", { x: x - 7, y: y + 4, class: "tick" }, clip(label, 13)));
    }
    if (axis.absent !== null) {
      group.append(element("line", { x1: x - 9, x2: x + 9, y1: LANE, y2: LANE, class: "axis" }));
      group.append(element("text", { x, y: LANE + 16, class: "name lane" }, axis.absent));
    }
    svg.append(group);
  }

  class Plot {
    constructor(place, data, brushed) {
      this.place = place;
      this.data = data;
      this.brushed = brushed;
      this.canvas = document.createElement("canvas");
      this.stage = document.createElement("div");
      this.stage.className = "stage";
      this.stage.append(this.canvas);
      place.replaceChildren(this.stage);
      this.shown = data.numbers.map(() => true);
      this.chosen = data.axes.map(() => null);
    }

    x(index) { return LEFT + index * (this.width - LEFT - RIGHT) / (this.data.axes.length - 1); }

    /* Lines that meet at an option are spread a little, by their rank, so that one can follow them. */
    at(axis, index, row) {
      const value = this.data.values[index][row], y = down(axis, value);
      const spread = value === null ? SPREAD / 2 : axis.kind === "choice" ? SPREAD : 0;
      return y + spread * (row / Math.max(this.data.numbers.length - 1, 1) - 0.5);
    }

    layOut() {
      this.width = Math.max(this.place.clientWidth, LEFT + RIGHT + GAP * (this.data.axes.length - 1));
      this.stage.style.width = `${this.width}px`;
      this.stage.style.aspectRatio = `${this.width} / ${HEIGHT}`;
      const dense = window.devicePixelRatio || 1;
      this.canvas.width = this.width * dense;
      this.canvas.height = HEIGHT * dense;
      this.svg?.remove();
      const told = `Parallel coordinates of ${this.data.numbers.length} trials; the ranking holds the same numbers`;
      this.svg = element("svg", { viewBox: `0 0 ${this.width} ${HEIGHT}`, width: this.width, height: HEIGHT, role: "img", "aria-label": told });
      this.data.axes.forEach((axis, index) => drawAxis(this.svg, axis, this.x(index)));
      this.bars = this.data.axes.map((axis, index) => this.addBrush(axis, index));
      this.line = element("polyline", { class: "pointed" });
      this.svg.append(this.line);
      this.stage.append(this.svg);
      this.paths = this.data.numbers.map((_, row) => this.data.axes.map((axis, index) => [this.x(index), this.at(axis, index, row)]));
    }

    draw() {
      const dense = this.canvas.width / this.width, pen = this.canvas.getContext("2d");
      pen.setTransform(dense, 0, 0, dense, 0, 0);
      pen.clearRect(0, 0, this.width, HEIGHT);
      const count = this.shown.filter(Boolean).length;
      for (const visible of [false, true]) {
        const strength = visible ? Math.min(0.85, Math.max(0.12, 90 / (count + 1))) : 0.07;
        for (let row = this.paths.length - 1; row >= 0; row -= 1) {
          if (this.shown[row] !== visible) continue;
          const tone = visible ? colour(row / Math.max(this.paths.length - 1, 1)) : MIDDLE;
          pen.strokeStyle = `rgba(${tone.join(",")},${strength})`;
          pen.lineWidth = visible ? 1.3 : 1;
          pen.beginPath();
          this.paths[row].forEach(([x, y]) => pen.lineTo(x, y));
          pen.stroke();
        }
      }
      this.chosen.forEach((ends, index) => this.drawBar(index, ends));
    }

    drawBar(index, ends) {
      const [from, to] = ends || [0, 0];
      this.bars[index].setAttribute("y", from);
      this.bars[index].setAttribute("height", Math.max(to - from, 0));
    }

    /* Draw the line of one trial strongly; without a row, of none. */
    point(row) {
      this.line.setAttribute("points", this.paths[row] === undefined ? "" : this.paths[row].map((pair) => pair.join(",")).join(" "));
    }

    addBrush(axis, index) {
      const x = this.x(index), bar = element("rect", { x: x - 9, width: 18, y: 0, height: 0, class: "bar" });
      const field = element("rect", { x: x - 18, width: 36, y: TOP - 12, height: HEIGHT - TOP + 12, class: "field", "data-axis": index });
      let start = null;
      const at = (event) => event.clientY - this.svg.getBoundingClientRect().top;
      const ends = (event) => [Math.min(start, at(event)), Math.max(start, at(event))];
      field.addEventListener("pointerdown", (event) => {
        start = at(event);
        if (event.isTrusted) field.setPointerCapture(event.pointerId);
        event.preventDefault();
      });
      field.addEventListener("pointermove", (event) => { if (start !== null) this.drawBar(index, ends(event)); });
      field.addEventListener("pointerup", (event) => {
        if (start === null) return;
        const [from, to] = ends(event);
        start = null;
        this.brushed(index, to - from < 4 ? null : this.rangeOf(axis, from, to));
      });
      field.addEventListener("pointercancel", () => { start = null; this.draw(); });
      this.svg.append(bar, field);
      return bar;
    }

    /* A range that reaches an end of the axis is open there, so that the end points can be chosen. */
    rangeOf(axis, from, to) {
      const part = (y) => (BOTTOM - y) / (BOTTOM - TOP);
      const present = from <= BOTTOM + 6, absent = to >= LANE - 8;
      if (axis.kind === "choice") {
        const inside = axis.options.map((_, place) => place).filter((place) => down(axis, place) >= from - 1 && down(axis, place) <= to + 1);
        return { options: inside, absent };
      }
      const rounded = (y) => Number(valueAt(axis, part(y)).toPrecision(4));
      const open = { low: part(to) <= 0, high: part(from) >= 1 };
      return { low: open.low ? null : rounded(to), high: open.high ? null : rounded(from), present, absent };
    }

    /* The stretch of an axis that a choice covers, or none where everything is chosen. */
    show(choices, shown) {
      this.shown = shown;
      this.chosen = choices.map((choice, index) => choice === null ? null : this.stretch(this.data.axes[index], choice));
      this.draw();
    }

    stretch(axis, choice) {
      const places = axis.kind === "choice" ? choice.options.map((place) => down(axis, place)) : [];
      if (axis.kind === "number" && choice.present) {
        places.push(choice.high === null ? TOP - 8 : down(axis, choice.high), choice.low === null ? BOTTOM + 8 : down(axis, choice.low));
      }
      if (axis.absent !== null && choice.absent) places.push(LANE);
      return places.length ? [Math.min(...places) - 5, Math.max(...places) + 5] : null;
    }
  }

  return { Plot };
})();
