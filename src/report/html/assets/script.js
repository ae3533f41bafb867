// Sorting and filtering of tables, reading and zooming of charts. Without it the page says the same, standing still.
(() => {
  "use strict";
  const make = (name, parent, attributes = {}) => {
    const svg = parent instanceof SVGElement;
    const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  };

  // Tables
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
  };
  const compare = (a, b) => {
    const numbers = typeof a === "number" && typeof b === "number";
    if (numbers) return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? 1 : -1; // what has no number stands below every number
    return a.localeCompare(b, "en", { numeric: true });
  };
  const sort = (table, heading) => {
    const down = heading.getAttribute("aria-sort") === "descending" || (!heading.hasAttribute("aria-sort") && !heading.classList.contains("n"));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "ascending" : "descending");
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => [keyOf(row, heading.cellIndex), row]);
    keyed.sort((one, other) => (down ? compare(one[0], other[0]) : compare(other[0], one[0])));
    body.append(...keyed.map((pair) => pair[1]));
  };
  const addFilter = (table) => {
    const rows = [...table.tBodies[0].rows];
    const region = table.parentElement;
    const bar = document.createElement("div");
    bar.className = "filter";
    const label = make("label", bar);
    label.textContent = "Filter ";
    const input = make("input", label, { type: "search", placeholder: "an endpoint, a word" });
    const count = make("span", bar, { role: "status" });
    const texts = rows.map((row) => row.textContent.toLowerCase());
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, index) => {
        row.hidden = !words.every((word) => texts[index].includes(word));
        shown += row.hidden ? 0 : 1;
      });
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    });
    region.before(bar);
  };
  for (const table of document.querySelectorAll("table[data-sort]")) {
    for (const heading of table.tHead.rows[0].cells) {
      if (heading.dataset.fixed !== undefined) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, heading));
    }
    if (table.tBodies[0].rows.length > 5) addFilter(table);
  }

  // Charts over time: one cursor and one window on the run for all of them
  const charts = [];
  let view = null;
  const LONG = 600; // from so many seconds on times are told in minutes and hours
  const ROUND = [120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400, 172800];
  const clock = (seconds, long) => {
    if (!long || seconds === 0) return `${Number(seconds.toFixed(3))} s`;
    const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), Math.round(seconds % 60)];
    return [[hours, "h"], [minutes, "m"], [rest, "s"]].filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`).join("");
  };
  const within = (seconds, span) => (view ? (seconds - view[0]) / (view[1] - view[0]) : seconds / span);
  const at = (share, span) => (view ? view[0] + share * (view[1] - view[0]) : share * span);

  class Chart {
    constructor(svg) {
      this.svg = svg;
      this.span = Number(svg.dataset.span);
      this.marks = svg.querySelector(".marks");
      this.full = this.marks.getAttribute("viewBox").split(" ").map(Number);
      this.ticks = [...svg.querySelectorAll(".tx")];
      this.names = [...svg.querySelectorAll(".name")].map((name) => [name, parseFloat(name.getAttribute("x")) / 100, parseFloat(name.getAttribute("width")) / 100]);
      this.box = document.createElement("div");
      this.box.className = "box";
      svg.before(this.box);
      this.box.append(svg);
      svg.setAttribute("aria-label", svg.querySelector("title").textContent); // the title would cover what the pointer reads
      svg.removeAttribute("aria-labelledby");
      svg.setAttribute("aria-describedby", svg.querySelector("desc").id);
      svg.querySelector("title").remove();
      svg.setAttribute("tabindex", "0");
      svg.setAttribute("role", "application"); // what reads the page aloud hands the arrow keys on
      svg.setAttribute("aria-roledescription", "chart");
      if (svg.classList.contains("tall")) this.addButtons();
      this.listen();
    }
    addButtons() {
      const bar = make("span", this.box.parentElement.querySelector("figcaption"), { class: "zoom" });
      const button = (sign, label, act) => {
        const made = make("button", bar, { type: "button", "aria-label": label, title: label });
        made.textContent = sign;
        made.addEventListener("click", act);
      };
      button("+", "Zoom in", () => this.closer());
      button("−", "Zoom out", () => this.farther());
      button("←", "Earlier", () => this.along(-1));
      button("→", "Later", () => this.along(1));
      button("↔", "The whole run", () => zoom(null));
    }
    /** A half of what is shown, around what was read last or its middle. */
    closer() {
      const [from, to] = view ?? [0, this.span];
      const middle = this.now?.[0] ?? (from + to) / 2;
      zoom([Math.max(0, middle - (to - from) / 4), Math.min(this.span, middle + (to - from) / 4)]);
    }
    farther() {
      const [from, to] = view ?? [0, this.span];
      zoom([Math.max(0, from - (to - from) / 2), Math.min(this.span, to + (to - from) / 2)]);
    }
    /** By a half of what is shown, as far as there is something. */
    along(direction) {
      if (!view) return;
      const length = view[1] - view[0];
      const from = Math.min(this.span - length, Math.max(0, view[0] + (direction * length) / 2));
      zoom([from, from + length]);
    }
    rows() {
      if (!this.read) {
        const table = document.getElementById(this.svg.dataset.table).querySelector("table");
        const titles = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
        this.read = [...table.tBodies[0].rows].map((row) => [Number(row.cells[0].dataset.x), titles.map((title, index) => [title, row.cells[index].textContent])]);
      }
      return this.read;
    }
    nearest(seconds) {
      return this.rows().reduce((best, row) => (Math.abs(row[0] - seconds) < Math.abs(best[0] - seconds) ? row : best));
    }
    share(event) {
      const box = this.svg.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    }
    listen() {
      const svg = this.svg;
      svg.addEventListener("pointermove", (event) => {
        this.point(this.nearest(at(this.share(event), this.span)));
        if (this.from !== undefined) this.pickTo(this.share(event));
      });
      // What a finger has read stays until it taps elsewhere.
      svg.addEventListener("pointerleave", (event) => { if (this.from === undefined && event.pointerType !== "touch") unpoint(); });
      svg.addEventListener("pointerdown", (event) => {
        if (event.pointerType === "touch") return this.point(this.nearest(at(this.share(event), this.span)));
        this.from = this.share(event);
        svg.setPointerCapture(event.pointerId);
        event.preventDefault();
        svg.focus({ preventScroll: true });
      });
      svg.addEventListener("pointerup", (event) => {
        if (this.from === undefined) return;
        const ends = [this.from, this.share(event)].sort((a, b) => a - b);
        this.from = undefined;
        this.pick?.remove();
        this.pick = undefined;
        if (ends[1] - ends[0] > 0.02) zoom([at(ends[0], this.span), at(ends[1], this.span)]);
      });
      svg.addEventListener("dblclick", () => zoom(null));
      svg.addEventListener("blur", unpoint);
      svg.addEventListener("keydown", (event) => this.key(event));
    }
    key(event) {
      const [from, to] = view ?? [0, this.span];
      const now = this.now ?? this.nearest((from + to) / 2);
      const index = this.rows().indexOf(now);
      const act = {
        ArrowLeft: () => this.point(this.rows()[Math.max(0, index - 1)]),
        ArrowRight: () => this.point(this.rows()[Math.min(this.rows().length - 1, index + 1)]),
        "+": () => this.closer(),
        "-": () => this.farther(),
        0: () => zoom(null),
        Escape: () => zoom(null),
      }[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    }
    pickTo(share) {
      this.pick ??= make("rect", this.svg, { class: "pick", y: 0, height: "100%" });
      this.pick.setAttribute("x", `${100 * Math.min(this.from, share)}%`);
      this.pick.setAttribute("width", `${100 * Math.abs(share - this.from)}%`);
    }
    point(row) {
      if (view && (row[0] < view[0] || row[0] > view[1])) {
        const length = view[1] - view[0];
        const from = Math.min(this.span - length, Math.max(0, row[0] < view[0] ? row[0] : row[0] - length));
        zoom([from, from + length]);
      }
      for (const chart of charts) chart.cursorAt(row[0]);
      this.now = row;
      if (!this.tip) this.tip = make("div", this.box, { class: "tip", role: "status" });
      this.tip.replaceChildren(...row[1].map(([title, value]) => {
        const line = document.createElement("div");
        line.textContent = `${title}: ${value}`;
        return line;
      }));
      const share = within(row[0], this.span);
      const left = this.svg.getBoundingClientRect().left - this.box.getBoundingClientRect().left;
      const x = left + share * this.svg.getBoundingClientRect().width;
      this.tip.style.left = share > 0.5 ? "auto" : `${x + 12}px`;
      this.tip.style.right = share > 0.5 ? `${this.box.clientWidth - x + 12}px` : "auto";
    }
    cursorAt(seconds) {
      const x = `${100 * within(seconds, this.span)}%`;
      this.cursor ??= make("line", this.svg, { class: "cursor", y1: 0, y2: "100%" });
      this.cursor.setAttribute("x1", x);
      this.cursor.setAttribute("x2", x);
    }
    unpoint() {
      this.cursor?.remove();
      this.tip?.remove();
      this.cursor = this.tip = this.now = undefined;
    }
    redraw() {
      const [from, to] = view ?? [0, this.span];
      const scale = this.full[2] / this.span;
      this.marks.setAttribute("viewBox", `${from * scale} 0 ${(to - from) * scale} ${this.full[3]}`);
      for (const [name, x, width] of this.names) {
        const left = Math.max(0, within(x * this.span, this.span));
        const right = Math.min(1, within((x + width) * this.span, this.span));
        name.setAttribute("x", `${100 * left}%`);
        name.setAttribute("width", `${100 * Math.max(0, right - left)}%`);
      }
      const others = this.svg.querySelectorAll(".tx.zoomed");
      others.forEach((tick) => tick.remove());
      this.ticks.forEach((tick) => { tick.style.display = view ? "none" : ""; });
      if (!view) return;
      const raw = (to - from) / 6;
      const power = 10 ** Math.floor(Math.log10(raw));
      const long = to >= LONG;
      const fine = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10);
      const step = long && raw > 50 ? ROUND.find((time) => time >= raw) ?? raw : fine;
      for (let tick = Math.ceil(from / step) * step; tick <= to + 1e-9; tick += step) {
        const text = make("text", this.svg, { class: "tx zoomed", x: `${100 * within(tick, this.span)}%`, y: "100%", dy: "1.5em" });
        text.textContent = clock(tick, long);
      }
    }
  }
  const unpoint = () => charts.forEach((chart) => chart.unpoint());
  const zoom = (window) => {
    const span = charts[0].span;
    view = window && window[1] - window[0] > 0.2 && window[1] - window[0] < span * 0.999 ? window : window && window[1] - window[0] <= 0.2 ? view : null;
    unpoint();
    charts.forEach((chart) => chart.redraw());
  };
  for (const svg of document.querySelectorAll("svg[data-table]")) charts.push(new Chart(svg));
  addEventListener("keydown", (event) => { if (event.key === "Escape") unpoint(); });
  addEventListener("pointerdown", (event) => { if (!event.target.closest?.("[data-table], .zoom")) unpoint(); });

  // What the page says only where this script runs; folds that paper needs open; a fold that a link leads into
  for (const element of document.querySelectorAll("[data-scripted]")) element.hidden = false;
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details:not(.values):not(.endpoint)")) fold.open = true;
  });
  const unfold = () => {
    const aim = document.getElementById(location.hash.slice(1));
    const fold = aim?.closest("details");
    if (!fold) return;
    fold.open = true;
    fold.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
