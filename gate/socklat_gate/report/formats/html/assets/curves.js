// Percentile curves of the arms: x is -log10(1 - q), y the time.
(() => {
  "use strict";
  const place = socklat.byId("curves");
  if (!place) return;
  const { arms, sets } = socklat.data.curves;
  const requests = [...new Set(sets.map((one) => one.request))];
  const request = socklat.byId("curve-request");
  const stage = socklat.byId("curve-stage");
  let stages = [];
  const controls = socklat.byId("curve-controls");
  let shown = null;

  // The stages of the request that is chosen; the same one as before, where it has that.
  function listStages(ofRequest) {
    const before = stages[Number(stage.value)];
    stages = [...new Set(ofRequest.map((one) => one.stage))];
    stage.replaceChildren(...stages.map((name, i) => new Option(name, i)));
    stage.value = String(Math.max(0, stages.indexOf(before)));
  }

  function choose() {
    const ofRequest = sets.filter((one) => one.request === requests[request ? Number(request.value) : 0]);
    listStages(ofRequest);
    const wanted = stages[Number(stage.value)];
    const numbers = controls.elements.numbers;
    const ours = ofRequest.filter((one) => one.stage === wanted);
    for (const radio of numbers) radio.disabled = !ours.some((one) => one.numbers === radio.value);
    shown = ours.find((one) => one.numbers === numbers.value) || ours[0];
    for (const radio of numbers) radio.checked = radio.value === shown.numbers;
  }

  // "p99.9": enough digits to differ from its neighbours.
  function name(x) {
    if (x === 0) return "quickest";
    return `p${Number((100 * (1 - 10 ** -x)).toFixed(Math.max(1, Math.floor(x))))}`;
  }

  function read(at) {
    const texts = shown.curves.map((curve, arm) => {
      const low = curve.low[at] ?? null;
      const runs = low === null ? "" : ` (runs ${socklat.ns(low)} to ${socklat.ns(curve.high[at])})`;
      return `${arms[arm]} ${socklat.ns(curve.at[at])}${runs}`;
    });
    const [first, last] = [shown.curves[0].at[at], shown.curves[shown.curves.length - 1].at[at]];
    const ratio = arms.length > 1 && first ? `; ratio ${socklat.significant(last / first)}` : "";
    const x = shown.step * at;
    const rare = x >= 1 ? `, 1 in ${socklat.significant(10 ** x)}` : "";
    return `${name(x)}${rare}: ${texts.join(", ")}${ratio}`;
  }

  function make(width) {
    const xs = shown.curves[0].at.map((_, i) => shown.step * i);
    // Nothing on a logarithmic axis is 0.
    const positive = (values) => values.map((v) => (v === null ? null : Math.max(v, 0.5)));
    const data = [xs];
    const series = [{}];
    const bands = [];
    shown.curves.forEach((curve, arm) => {
      const stroke = socklat.colour(`arm-${arm}`);
      const edge = { stroke: "transparent", points: { show: false }, width: 0 };
      const line = positive(curve.at);
      if (curve.low.length) {
        data.push(positive(curve.high), positive(curve.low));
        series.push(edge, edge);
        bands.push({ series: [series.length - 2, series.length - 1], fill: socklat.colour(`band-${arm}`) });
      }
      data.push(line);
      series.push({ stroke, width: 2, dash: arm ? [] : [7, 4], points: { show: false } });
    });
    const splits = (u) => {
      const { min, max } = u.scales.x;
      const near = max - min < 1.2 ? [0.25, 0.5, 0.75] : max - min < 2.2 ? [0.3010299957] : [];
      const all = [0, 0.3010299957, 1, 2, 3, 4, 5, ...[0, 1, 2, 3, 4].flatMap((d) => near.map((n) => d + n))];
      const found = [...new Set(all)].filter((x) => x >= min && x <= max).sort((a, b) => a - b);
      return found.length ? found : [min];
    };
    const wide = width >= 500;
    return {
      data,
      options: {
        height: wide ? 380 : 300,
        scales: { x: { time: false }, y: { distr: 3, log: 10 } },
        series,
        bands,
        axes: [
          socklat.plot.axis({ splits, values: (u, found) => found.map((x) => (x ? name(x) : wide ? "min" : "")) }),
          socklat.plot.axis({ size: 62, values: (u, found) => found.map((v) => (v === null ? "" : socklat.ns(v))) }),
        ],
      },
    };
  }

  function table() {
    const body = document.createElement("tbody");
    for (const cells of shown.table) {
      const row = body.insertRow();
      cells.forEach((text, i) => {
        const cell = document.createElement(i ? "td" : "th");
        if (i) cell.className = "n";
        else cell.scope = "row";
        cell.textContent = text;
        row.append(cell);
      });
    }
    socklat.byId("curve-table").tBodies[0].replaceWith(body);
    const of = shown.request ? ` of ${shown.request}` : "";
    socklat.byId("curve-caption").textContent = `${shown.stage}${of}, ${shown.numbers}`;
  }

  choose();
  const chart = socklat.plot.plot(place, socklat.byId("curve-reading"), {
    make,
    read,
    name: "Percentile curves; arrow keys read, plus and minus zoom, 0 shows all",
  });
  controls.addEventListener("change", () => {
    choose();
    table();
    chart.redraw();
  });
  controls.addEventListener("submit", (event) => event.preventDefault());
  socklat.curves = chart;
})();
