// What both plots share: size, zoom by keys, the cursor by keys, a reading in words.
socklat.plot = (() => {
  "use strict";
  const ZOOM = 0.6;

  // make(width): options and data for uPlot; read(index): the text for that point, "" for none.
  function plot(place, output, { make, read, name }) {
    let chart = null;
    let index = null;

    function draw(range) {
      const width = place.clientWidth;
      if (!width) return;
      if (chart) chart.destroy();
      const { options, data } = make(width);
      options.width = width;
      options.legend = { show: false };
      options.hooks = { setCursor: [(u) => show(u.cursor.idx)] };
      chart = new uPlot(options, data, place);
      const canvas = place.querySelector("canvas");
      canvas.setAttribute("role", "presentation");
      if (range) chart.setScale("x", range);
      if (index !== null) point(Math.min(index, data[0].length - 1));
    }

    function show(at) {
      if (at === null || at === undefined) return;
      index = at;
      output.textContent = read(at);
    }

    function point(at) {
      const x = chart.data[0][at];
      const series = chart.data.findIndex((one, i) => i && one[at] !== null && one[at] !== undefined);
      const y = series > 0 ? chart.valToPos(chart.data[series][at], chart.series[series].scale) : 0;
      chart.setCursor({ left: chart.valToPos(x, "x"), top: y });
      show(at);
    }

    function fullRange() {
      const xs = chart.data[0];
      return { min: xs[0], max: xs[xs.length - 1] };
    }

    function zoom(factor) {
      const xs = chart.data[0];
      const { min, max } = chart.scales.x;
      const at = index === null ? (min + max) / 2 : xs[index];
      const all = fullRange();
      const low = Math.max(all.min, at - (at - min) * factor);
      const high = Math.min(all.max, at + (max - at) * factor);
      if (high > low) chart.setScale("x", { min: low, max: high });
    }

    function step(by) {
      const xs = chart.data[0];
      const { min, max } = chart.scales.x;
      const first = xs.findIndex((x) => x >= min - 1e-9);
      let last = xs.length - 1;
      while (last > first && xs[last] > max + 1e-9) last -= 1;
      const start = index === null ? (by > 0 ? first - 1 : last + 1) : index;
      point(Math.min(last, Math.max(first, start + by)));
    }

    place.hidden = false;
    place.setAttribute("aria-label", name);
    socklat.keyed(place, output, {
      ArrowRight: () => step(1),
      ArrowLeft: () => step(-1),
      PageDown: () => step(10),
      PageUp: () => step(-10),
      Home: () => step(-Infinity),
      End: () => step(Infinity),
      "+": () => zoom(ZOOM),
      "=": () => zoom(ZOOM),
      "-": () => zoom(1 / ZOOM),
      0: () => chart.setScale("x", fullRange()),
    });
    new ResizeObserver(() => {
      if (chart && Math.abs(place.clientWidth - chart.width) > 1) draw(range());
    }).observe(place);
    socklat.onTheme(() => draw(range()));

    function range() {
      return chart ? { min: chart.scales.x.min, max: chart.scales.x.max } : null;
    }

    draw(null);
    return {
      redraw() {
        draw(null);
      },
      get chart() {
        return chart;
      },
    };
  }

  function axis(extra) {
    const colour = socklat.colour("text");
    const grid = { stroke: socklat.colour("line"), width: 1 };
    return { stroke: colour, grid, ticks: grid, font: "12px system-ui, sans-serif", ...extra };
  }

  return { plot, axis };
})();
