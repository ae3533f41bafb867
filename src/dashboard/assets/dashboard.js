// Puts the parts of a live view into their places as they come. Without it the page asks again every two seconds.
(() => {
  "use strict";
  const root = document.querySelector("[data-parts]");
  if (!root) return;
  const QUIET = 5000; // something is told every two seconds, whatever happens
  const AGAIN = 5000;
  const lost = document.getElementById("lost");
  const stage = document.getElementById("stage");
  let source = null;
  let over = false;
  let heard = Date.now();
  let why = ""; // nothing comes
  let retry = 0;
  const speak = (text) => { if (stage.textContent !== text) stage.textContent = text; };
  const tell = () => {
    const quiet = over || document.hidden ? 0 : Date.now() - heard;
    const text = [why, quiet > QUIET ? `No news for ${Math.floor(quiet / 1000)} s.` : ""].filter(Boolean).join(" ");
    if (lost.textContent !== text) lost.textContent = text;
    lost.hidden = text === "";
    root.classList.toggle("stale", text !== "");
    if (text !== "") speak(why || "no news");
  };
  const hear = () => {
    heard = Date.now();
    why = "";
    tell();
    speak(root.querySelector("#state [data-stage]")?.dataset.stage ?? "");
  };

  const waiting = new Map(); // what would take the place of something that has the focus, or is marked
  const isMarked = (place) => { const marked = getSelection(); return marked.rangeCount > 0 && !marked.isCollapsed && marked.containsNode(place, true); };
  const put = (place, markup) => {
    waiting.delete(place);
    const focused = place.contains(document.activeElement);
    const lefts = [...place.querySelectorAll(".scroll")].map((table) => table.scrollLeft);
    place.innerHTML = markup; // made by perfgate, which escapes what others wrote
    place.querySelectorAll(".scroll").forEach((table, index) => { table.scrollLeft = lefts[index] ?? 0; });
    if (focused) place.querySelector("[tabindex]")?.focus({ preventScroll: true });
  };
  const offer = (place, markup) => (isMarked(place) || (!over && place.contains(document.activeElement)) ? waiting.set(place, markup) : put(place, markup));
  const release = () => setTimeout(() => { for (const [place, markup] of waiting) offer(place, markup); });
  root.addEventListener("focusout", release);
  document.addEventListener("selectionchange", release);

  const show = (event) => {
    for (const [id, markup] of Object.entries(JSON.parse(event.data))) offer(document.getElementById(id), markup);
    hear();
    const rest = document.title.split(" · ").slice(1);
    document.title = [`perfgate: ${stage.textContent}`, ...rest].join(" · ");
  };
  const end = () => {
    over = true;
    close();
    hear();
    release();
    for (const element of document.querySelectorAll("[data-until-end]")) element.remove();
    for (const element of document.querySelectorAll("[data-after-end]")) element.hidden = false;
  };
  const close = () => { clearTimeout(retry); source?.close(); source = null; };
  const later = (text) => { why = text; tell(); clearTimeout(retry); retry = setTimeout(open, AGAIN); };
  // The browser does not tell a script with which status it was refused.
  const ask = async () => {
    const asked = new AbortController();
    let status = 0;
    try { ({ status } = await fetch(root.dataset.parts, { signal: asked.signal })); asked.abort(); } catch { /* nobody is there */ }
    if (source !== null || over || document.hidden) return;
    if (status === 200) open();
    else if (status === 503) later("Enough others follow this run. It is tried again every five seconds.");
    else if (status === 0) later("The connection is lost: perfgate has ended, or this machine sleeps. It is tried again every five seconds.");
    else { why = "perfgate was started anew. Open the address that it printed."; tell(); }
  };
  function open() {
    close();
    heard = Date.now();
    const opened = new EventSource(root.dataset.parts);
    source = opened;
    opened.addEventListener("parts", show);
    opened.addEventListener("beat", hear);
    opened.addEventListener("end", end);
    opened.addEventListener("error", () => {
      if (opened !== source) return;
      if (opened.readyState === EventSource.CLOSED) { close(); ask(); }
      else { why = "The connection is lost. It is tried again."; tell(); }
    });
  }
  // A browser has six connections for all tabs of one address: those that nobody sees leave them to the others.
  document.addEventListener("visibilitychange", () => {
    if (over) return;
    if (document.hidden) close(); else open();
  });
  setInterval(tell, 1000);
  if (!document.hidden) open();
})();

// A trend's dots say what they are and lead to their runs, as the table behind the chart does without it.
(() => {
  "use strict";
  for (const trend of document.querySelectorAll("[data-trend]")) {
    for (const [column, name] of [[1, "p95"], [2, "p99"]]) {
      const rows = [...trend.querySelectorAll("tbody tr")].filter((row) => row.cells[column].dataset.v);
      trend.querySelectorAll(`circle.dot.${name}`).forEach((dot, index) => {
        const link = rows[index]?.querySelector("a");
        if (!link) return;
        const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
        title.textContent = `${name} ${rows[index].cells[column].textContent}, ${link.textContent}`;
        dot.append(title);
        dot.addEventListener("click", () => link.click());
      });
    }
  }
})();

// Two runs are compared, no more and no fewer.
(() => {
  "use strict";
  const compare = document.querySelector("#compare button");
  if (!compare) return;
  const boxes = [...document.querySelectorAll("input[form=compare]")];
  const count = () => { compare.disabled = boxes.filter((box) => box.checked).length !== 2; };
  boxes.forEach((box) => box.addEventListener("change", count));
  window.addEventListener("pageshow", count);
  count();
  // Beside the filter of the whole history it would be one of two.
  const filter = document.querySelector(".filter label");
  if (!filter) return;
  filter.firstChild.textContent = "Among these rows ";
  filter.querySelector("input").placeholder = "a branch, a commit";
})();
