// Where the time went: of all requests, or of the one that is chosen.
(() => {
  "use strict";
  const select = socklat.byId("time-request");
  if (!select) return;
  const parts = [...document.querySelectorAll(".of-request")];

  function choose() {
    parts.forEach((part, i) => {
      part.hidden = i !== Number(select.value);
      if (i) part.open = !part.hidden;
    });
  }

  select.addEventListener("change", choose);
  socklat.byId("time-controls").addEventListener("submit", (event) => event.preventDefault());
  choose();
})();
