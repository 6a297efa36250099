// The heat map is drawn without a script; this one shows what lies under the pointer or the cursor.
(() => {
  "use strict";
  const place = socklat.byId("heat");
  if (!place) return;
  const { edges, height, columns, aside, arms } = socklat.data.heat;
  const output = socklat.byId("heat-reading");
  const panels = [...place.querySelectorAll(".panel[data-arm]")];
  const logs = edges.map((edge) => Math.log2(Math.max(1, edge)));
  const [low, high] = [logs[0], logs[logs.length - 1]];
  const NEAR = 8;
  let at = null;

  const top = (cell) => (height * (high - logs[cell + 1])) / (high - low);
  const bottom = (cell) => (height * (high - logs[cell])) / (high - low);

  function read({ arm, column, cell }) {
    const counts = arms[arm].counts[column];
    const total = counts.reduce((sum, n) => sum + n, 0);
    const share = total ? counts[cell] / total : 0;
    const set = aside[column] ? ", excluded" : "";
    const found = `${arms[arm].name}, run ${columns[column]}${set}, ${socklat.ns(edges[cell])} to ${socklat.ns(edges[cell + 1])}`;
    return `${found}: ${counts[cell].toLocaleString("en")} exchanges, ${share ? socklat.percent(share) : "none"}`;
  }

  function show(cursor) {
    at = cursor;
    for (const [i, panel] of panels.entries()) {
      const mark = panel.querySelector(".cursor");
      mark.setAttribute("visibility", i === cursor.arm ? "visible" : "hidden");
      if (i !== cursor.arm) continue;
      mark.setAttribute("x", `${(100 * cursor.column) / columns.length}%`);
      mark.setAttribute("width", `${100 / columns.length}%`);
      mark.setAttribute("y", top(cursor.cell));
      mark.setAttribute("height", Math.max(3, bottom(cursor.cell) - top(cursor.cell)));
    }
    output.textContent = read(cursor);
  }

  // The mark nearest to a point of a panel, within a few pixels.
  function near(arm, x, y, width) {
    let best = null;
    let least = NEAR;
    for (const [along, up, , text] of arms[arm].marks) {
      const apart = Math.hypot((along / columns.length) * width - x, up - y);
      if (apart < least) [least, best] = [apart, text];
    }
    return best;
  }

  for (const [arm, panel] of panels.entries()) {
    const field = panel.querySelector(".field");
    field.addEventListener("pointermove", (event) => {
      const box = field.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const column = Math.min(columns.length - 1, Math.max(0, Math.floor((columns.length * x) / box.width)));
      const log = high - (y / height) * (high - low);
      let cell = logs.findIndex((edge) => edge > log) - 1;
      if (cell < 0) cell = log >= high ? logs.length - 2 : 0;
      show({ arm, column, cell });
      const spike = near(arm, x, y, box.width);
      if (spike) output.textContent += `; ${spike}`;
    });
  }

  function fullest(arm, column) {
    const counts = arms[arm].counts[column];
    return counts.indexOf(Math.max(...counts));
  }

  function move(columnBy, cellBy) {
    if (!at) return show({ arm: 0, column: 0, cell: fullest(0, 0) });
    let { arm, column, cell } = at;
    column = Math.min(columns.length - 1, Math.max(0, column + columnBy));
    cell += cellBy;
    // Upwards out of one arm's map leads into the one above it.
    if (cell < 0 && arm < arms.length - 1) [arm, cell] = [arm + 1, logs.length - 2];
    else if (cell > logs.length - 2 && arm > 0) [arm, cell] = [arm - 1, 0];
    cell = Math.min(logs.length - 2, Math.max(0, cell));
    return show({ arm, column, cell });
  }

  socklat.keyed(place, output, {
    ArrowRight: () => move(1, 0),
    ArrowLeft: () => move(-1, 0),
    ArrowUp: () => move(0, 1),
    ArrowDown: () => move(0, -1),
    Home: () => move(-Infinity, 0),
    End: () => move(Infinity, 0),
  });
})();
