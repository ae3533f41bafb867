// Puts the parts of a live view into their places as they come. Without it the page asks again every two seconds.
(() => {
  "use strict";
  const root = document.querySelector("[data-parts]");
  if (!root) return;
  const lost = document.getElementById("lost");
  const source = new EventSource(root.dataset.parts);
  const tell = (text) => { lost.textContent = text; lost.hidden = text === ""; };
  source.addEventListener("parts", (event) => {
    tell("");
    for (const [id, markup] of Object.entries(JSON.parse(event.data))) {
      const place = document.getElementById(id);
      if (!place.contains(document.activeElement)) place.innerHTML = markup; // made by perfgate, which escapes what others wrote
    }
  });
  source.addEventListener("end", () => {
    source.close();
    for (const form of document.querySelectorAll("form[data-stop]")) form.remove();
  });
  source.addEventListener("error", () => tell("The connection is lost: perfgate has ended, or this machine sleeps."));
})();
