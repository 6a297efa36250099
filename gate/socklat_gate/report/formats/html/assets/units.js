// Numbers as people read them, and the page's data.
const socklat = (() => {
  "use strict";
  const UNITS = [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]];

  function ns(value) {
    if (value === null || value === undefined) return "n/a";
    if (value === 0) return "0 ns";
    let [unit, factor] = UNITS[0];
    for (const [name, size] of UNITS) {
      // What rounds to 1000 of a unit is shown in the next one.
      if (Math.abs(value) >= 0.9995 * size) [unit, factor] = [name, size];
    }
    return `${significant(value / factor)} ${unit}`;
  }

  function significant(value) {
    return Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
  }

  function percent(share) {
    return `${significant(100 * share)}%`;
  }

  function byId(id) {
    return document.getElementById(id);
  }

  function reveal() {
    for (const one of document.querySelectorAll(".needs-script")) one.hidden = false;
  }

  const data = JSON.parse(byId("data").textContent);
  return { ns, significant, percent, byId, reveal, data };
})();
