// Paper is white: plots are drawn in light colours for it, and everything folded is unfolded.
(() => {
  "use strict";
  const root = document.documentElement;
  let before = null;

  addEventListener("beforeprint", () => {
    before = { theme: root.dataset.theme, folded: [...document.querySelectorAll("details:not([open])")] };
    root.dataset.theme = "light";
    for (const one of before.folded) one.open = true;
    socklat.redraw();
  });
  addEventListener("afterprint", () => {
    if (!before) return;
    root.dataset.theme = before.theme;
    for (const one of before.folded) one.open = false;
    before = null;
    socklat.redraw();
  });
  socklat.reveal();
})();
