// Evidence after each pair against its thresholds, on a logarithmic axis.
(() => {
  "use strict";
  const place = socklat.byId("evidence");
  if (!place) return;
  const { metrics } = socklat.data.evidence;
  const select = socklat.byId("evidence-metric");
  let shown = metrics[0];

  function read(at) {
    const [pair, change, fail, pass] = shown.rows[at];
    if (!shown.pass.length) {
      return `after pair ${pair}: ${fail} to fail, threshold ${socklat.significant(shown.threshold_fail)}`;
    }
    return (
      `after pair ${pair} (${change}): ${fail} to fail, threshold ${socklat.significant(shown.threshold_fail)}; ` +
      `${pass} to pass, threshold ${socklat.significant(shown.threshold_pass)}`
    );
  }

  function make(width) {
    const xs = shown.labels.map((_, i) => i + 1);
    const flat = (value) => xs.map(() => value);
    const [fail, pass] = [socklat.colour("fail"), socklat.colour("pass")];
    const line = (stroke, extra) => ({ stroke, width: 2, points: { show: true, size: 6, stroke, fill: stroke }, ...extra });
    const limit = (stroke) => ({ stroke, width: 1.5, dash: [3, 4], points: { show: false } });
    // One pair alone would leave the axis without a width.
    const ends = xs.length > 1 ? undefined : [0.5, 1.5];
    const both = shown.pass.length > 0;
    const series = [[shown.fail, line(fail)], [flat(shown.threshold_fail), limit(fail)]];
    if (both) series.push([shown.pass, line(pass, { dash: [7, 4] })], [flat(shown.threshold_pass), limit(pass)]);
    return {
      data: [xs, ...series.map(([values]) => values)],
      options: {
        height: width >= 500 ? 320 : 260,
        scales: { x: { time: false, range: ends }, y: { distr: 3, log: 10 } },
        series: [{}, ...series.map(([, drawn]) => drawn)],
        axes: [
          socklat.plot.axis({
            incrs: [1, 2, 5, 10, 20, 50, 100],
            values: (u, found) =>
              found.map((i) => (Number.isInteger(i) && shown.labels[i - 1] !== undefined ? String(shown.labels[i - 1]) : "")),
          }),
          socklat.plot.axis({ size: 62, values: (u, found) => found.map((v) => (v === null ? "" : socklat.significant(v))) }),
        ],
        cursor: { points: { size: (u, i) => (i % 2 ? 8 : 0) } },
      },
    };
  }

  const chart = socklat.plot.plot(place, socklat.byId("evidence-reading"), {
    make,
    read,
    name: "Evidence after each pair; arrow keys read, plus and minus zoom, 0 shows all",
  });
  select.addEventListener("change", () => {
    shown = metrics[Number(select.value)];
    chart.redraw();
  });
  socklat.byId("evidence-controls").addEventListener("submit", (event) => event.preventDefault());
})();
