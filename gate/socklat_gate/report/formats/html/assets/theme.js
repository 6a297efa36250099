// Light and dark: the reader's choice, else the system's; plots are redrawn when it changes.
(() => {
  "use strict";
  const listeners = [];
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function changed() {
    for (const listener of listeners) listener();
  }

  socklat.onTheme = (listener) => listeners.push(listener);
  socklat.redraw = changed;
  // A canvas knows no variables, so an element that is never shown resolves them.
  const sample = document.createElement("span");
  sample.hidden = true;
  document.body.append(sample);
  socklat.colour = (name) => {
    sample.style.color = `var(--${name})`;
    return getComputedStyle(sample).color;
  };

  const choice = socklat.byId("theme");
  choice.hidden = false;
  choice.addEventListener("change", (event) => {
    document.documentElement.dataset.theme = event.target.value;
    changed();
  });
  dark.addEventListener("change", changed);
})();
