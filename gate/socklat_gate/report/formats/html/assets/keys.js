// A place that is used by keys, and whose readings a screen reader follows.
socklat.keyed = (place, output, keys) => {
  "use strict";
  place.tabIndex = 0;
  place.setAttribute("role", "application");
  place.setAttribute("aria-describedby", output.id);
  place.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
};
