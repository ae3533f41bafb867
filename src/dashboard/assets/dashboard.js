// Puts the parts of a live view into their places as they come. Without it the page asks again every two seconds.
(() => {
  "use strict";
  const root = document.querySelector("[data-parts]");
  if (!root) return;
  const lost = document.getElementById("lost");
  const source = new EventSource(root.dataset.parts);
  const tell = (text) => { lost.textContent = text; lost.hidden = text === ""; };
  const waiting = new Map(); // what would take the place of something that has the focus
  const put = (place, markup) => {
    waiting.delete(place);
    const focused = place.contains(document.activeElement);
    place.innerHTML = markup; // made by perfgate, which escapes what others wrote
    if (focused) place.querySelector("[tabindex]")?.focus({ preventScroll: true });
  };
  const offer = (place, markup) => (place.contains(document.activeElement) ? waiting.set(place, markup) : put(place, markup));
  root.addEventListener("focusout", () => setTimeout(() => { for (const [place, markup] of waiting) offer(place, markup); }));
  source.addEventListener("parts", (event) => {
    tell("");
    for (const [id, markup] of Object.entries(JSON.parse(event.data))) offer(document.getElementById(id), markup);
  });
  source.addEventListener("end", () => {
    source.close();
    for (const [place, markup] of waiting) put(place, markup);
    for (const form of document.querySelectorAll("form[data-stop]")) form.remove();
  });
  source.addEventListener("error", () => tell("The connection is lost: perfgate has ended, enough others follow this run, or this machine sleeps."));
})();
