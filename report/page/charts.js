// Charts by Chart.js: lines with bands, and bars. A name has the same colour, dashes and points in
// every chart of the page; what a legend switches off is off in all of them.

const kPalettes = {
  light: ["#0072b2", "#d55e00", "#009e73", "#a8327d", "#a87400", "#3d9bd1",
          "#e0719c", "#2b6a2b", "#4b3bb0", "#8c3b1b", "#2f8f8f", "#7d7d00"],
  dark: ["#4fa8e0", "#f58a3c", "#2fc29b", "#e07cb5", "#f2be4e", "#a3dcf8",
         "#f9b9cf", "#86d37a", "#a99cf5", "#dd9a76", "#74e0d4", "#d3d35e"],
};
const kNeutral = {light: "#59636f", dark: "#a1abb8"};
const kDashes = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
const kPoints = [["circle", "\u25cf"], ["triangle", "\u25b2"], ["rect", "\u25a0"], ["rectRot", "\u25c6"], ["crossRot", "\u2715"]];

const theme = () => document.documentElement.dataset.theme;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The look of series `i` of a page; -1 is the baseline. */
function lookOf(i) {
  if (i < 0) {
    return {color: kNeutral[theme()], dash: [6, 4], point: kPoints[0]};
  }
  const palette = kPalettes[theme()];
  return {color: palette[i % palette.length], dash: kDashes[Math.floor(i / 6) % kDashes.length], point: kPoints[i % kPoints.length]};
}

/** The look of a name: fixed for those of the page, else by its place in the chart. */
function lookFor(page, name, place, count) {
  if (name === page.baseline) {
    return lookOf(-1);
  }
  const known = page.names.filter((other) => other !== page.baseline).indexOf(name);
  const look = lookOf(known >= 0 ? known : place);
  if (known < 0 && count > kPalettes.light.length) {
    look.color = `hsl(${Math.round((360 * place) / count)} 60% ${theme() === "dark" ? 62 : 48}%)`;
  }
  return look;
}

/** Fills between the lowest and the highest seed, behind the lines. */
const bands = {
  id: "bands",
  beforeDatasetsDraw(chart) {
    const {ctx, scales: {x, y}, chartArea: area} = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(area.left, area.top, area.width, area.height);
    ctx.clip();
    chart.data.datasets.forEach((set, i) => {
      const points = (set.data ?? []).filter((point) => point?.high > point?.low);
      if (!chart.isDatasetVisible(i) || points.length < 2) {
        return;
      }
      ctx.beginPath();
      points.forEach((point) => ctx.lineTo(x.getPixelForValue(point.x), y.getPixelForValue(point.high)));
      points.reverse().forEach((point) => ctx.lineTo(x.getPixelForValue(point.x), y.getPixelForValue(point.low)));
      ctx.globalAlpha = 0.15;
      ctx.fillStyle = set.borderColor;
      ctx.fill();
    });
    ctx.restore();
  },
};

/** A thin line down from what is under the pointer. */
const pointerLine = {
  id: "pointerLine",
  afterDatasetsDraw(chart) {
    const [active] = chart.getActiveElements();
    if (!active || chart.config.type !== "line") {
      return;
    }
    const {ctx, chartArea: area} = chart;
    ctx.save();
    ctx.strokeStyle = css("--soft");
    ctx.globalAlpha = 0.5;
    ctx.setLineDash([3, 3]);
    ctx.beginPath();
    ctx.moveTo(active.element.x, area.top);
    ctx.lineTo(active.element.x, area.bottom);
    ctx.stroke();
    ctx.restore();
  },
};

/** `tight`: from the first to the last value, not from tick to tick. */
function valueAxis(axis, log, size, tight = false) {
  return {
    type: log ? "logarithmic" : "linear",
    bounds: tight && !log ? "data" : "ticks",
    beginAtZero: axis.zero ?? false,
    title: {display: axis.label !== "", text: axis.label + (log ? " (logarithmic)" : ""), color: css("--soft"), font: {size}},
    border: {color: css("--rule")},
    grid: {color: css("--rule"), tickLength: 4},
    ticks: {
      color: css("--soft"), font: {size}, maxRotation: 0, autoSkipPadding: 14,
      precision: axis.unit === "count" ? 0 : undefined,
      callback(value, i, ticks) {
        return log ? logTickText(value, axis.unit, this.min, this.max)
          : tickText(value, axis.unit, Math.abs(ticks[1]?.value - ticks[0].value) || Math.abs(value) || 1);
      },
    },
  };
}

function lineSet(page, series, i, count, log) {
  const look = lookFor(page, series.name, i, count);
  const data = series.points.map(([x, y, low, high]) => ({x, y, low, high}))
    .filter((point) => point.y !== null && !(log.x && !(point.x > 0)) && !(log.y && !(point.y > 0)));
  return {
    label: series.name, data, borderColor: look.color, backgroundColor: look.color, borderDash: look.dash,
    borderWidth: series.bold ? 4 : 2, pointStyle: look.point[0], pointBorderWidth: look.point[0] === "crossRot" ? 2 : 1,
    pointRadius: data.length > 40 ? 0 : 3, pointHoverRadius: 6, pointHitRadius: 8, tension: 0, spanGaps: true,
  };
}

function barSet(page, series, i, count) {
  const look = lookFor(page, series.name, i, count);
  return {label: series.name, data: series.values, backgroundColor: look.color, borderRadius: 2, maxBarThickness: 26};
}

function tooltipOf(chart) {
  const value = chart.labels && !chart.upright ? chart.x : chart.y;
  return {
    backgroundColor: css("--panel"), titleColor: css("--ink"), bodyColor: css("--ink"), borderColor: css("--soft"),
    borderWidth: 1, padding: 9, usePointStyle: true, boxPadding: 4,
    itemSort: chart.labels ? undefined : (a, b) => b.parsed.y - a.parsed.y,
    callbacks: {
      title: (items) => (chart.labels ? items[0]?.label
        : `${chart.x.label.replace(/ \(.*/, "")} ${formatted(items[0]?.parsed.x, chart.x.unit)}`),
      label(item) {
        const {low, high} = item.raw ?? {};
        const band = high > low ? ` (${formatted(low, value.unit)} \u2013 ${formatted(high, value.unit)})` : "";
        const number = chart.labels ? item.raw : item.parsed.y;
        return ` ${item.dataset.label}: ${formatted(number, value.unit)}${band}`;
      },
      labelColor: (item) => ({borderColor: item.dataset.borderColor ?? item.dataset.backgroundColor,
                              backgroundColor: item.dataset.backgroundColor}),
    },
  };
}

/** The last characters of a long name, which tell layers apart. */
const ending = (name, size) => (name.length > size ? "\u2026" + name.slice(1 - size) : name);

/** What Chart.js is asked to draw. `log`: {x, y}, which axes are logarithmic now. */
function configOf(page, chart, log) {
  const size = 12;
  const bars = Boolean(chart.labels);
  const ends = chart.series.flatMap(({points}) => (points ?? []).flatMap((point) => point.slice(2)));
  const names = {
    type: "category", stacked: chart.stacked, grid: {display: false}, border: {color: css("--rule")},
    title: {display: Boolean(chart.upright && chart.x.label), text: chart.x.label, color: css("--soft"), font: {size}},
    ticks: {color: css("--ink"), font: {size}, autoSkip: Boolean(chart.upright), maxRotation: 60,
            callback(i) { return ending(String(this.getLabelForValue(i)), this.chart.width < 500 ? 16 : 30); }},
  };
  const along = bars && !chart.upright ? {...valueAxis(chart.x, log.x, size), stacked: chart.stacked} : null;
  return {
    type: bars ? "bar" : "line",
    data: {
      labels: chart.labels,
      datasets: chart.series.map((series, i) => (bars ? barSet(page, series, i, chart.series.length)
        : lineSet(page, series, i, chart.series.length, log))),
    },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false, normalized: true, indexAxis: along ? "y" : "x",
      interaction: {mode: bars ? "index" : "nearest", axis: along ? "y" : chart.x.unit === "bytes" ? "xy" : "x", intersect: false},
      scales: {
        x: bars ? along ?? names : valueAxis(chart.x, log.x, size, true),
        y: along ? names : {...valueAxis(chart.y, log.y, size), stacked: chart.stacked,
                            ...(ends.length && !log.y ? {suggestedMin: Math.min(...ends), suggestedMax: Math.max(...ends)} : {})},
      },
      plugins: {legend: {display: false}, tooltip: tooltipOf(chart)},
    },
    plugins: bars ? [] : [bands, pointerLine],
  };
}

function swatch(look, bars) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const add = (tag, attributes, text = "") => {
    const made = document.createElementNS(svg.namespaceURI, tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.textContent = text;
    svg.append(made);
  };
  svg.setAttribute("width", bars ? 12 : 30);
  svg.setAttribute("height", 12);
  svg.style.flex = "none";
  if (bars) {
    add("rect", {width: 12, height: 12, rx: 2, fill: look.color});
  } else {
    add("path", {d: "M0 6H30", stroke: look.color, "stroke-width": 2, "stroke-dasharray": look.dash.join(" ")});
    add("text", {x: 15, y: 10, "font-size": 10, "text-anchor": "middle", fill: look.color}, look.point[1]);
  }
  return svg;
}

/** Tab-separated, one row for each point or bar. */
function chartTsv(chart) {
  const rows = chart.labels
    ? chart.labels.map((label, i) => [label, ...chart.series.map((series) => series.values[i])])
    : chart.series.flatMap((series) => series.points.map((point) => [series.name, ...point]));
  const heads = chart.labels ? ["", ...chart.series.map((series) => series.name)] : ["series", chart.x.label, chart.y.label, "low", "high"];
  return tsvOf(heads.map((name) => ({name})), rows);
}

/** Sharp, and as wide as the paper is. */
function drawPaper(drawn, plot, width, height) {
  plot.style.height = `${height}px`;
  drawn.options.devicePixelRatio = 3;
  drawn.resize(width, height);
}

/** A chart with its legend and buttons. `page.hidden` and `page.drawn` are the page's own. */
function chartPanel(page, chart) {
  const log = {x: chart.x.log, y: chart.y.log};
  const canvas = element("canvas", {role: "img", ariaLabel: chart.title});
  const plot = element("div", {className: "plot"}, canvas);
  const rows = chart.labels && !chart.upright ? chart.labels.length * (chart.stacked ? 1 : chart.series.length) : 0;
  const height = rows ? 60 + rows * 10 + chart.labels.length * 10 : 320;
  const tools = element("div", {className: "tools"});
  const legend = element("div", {className: "legend"});
  const panel = element("div", {className: "panel"},
    element("div", {className: "bar"}, element("h3", {textContent: chart.title}), tools),
    chart.note ? element("p", {textContent: chart.note}) : null, legend, plot);

  let drawn = null;
  const draw = () => {
    drawn?.destroy();
    plot.style.height = `${height}px`;
    drawn = new Chart(canvas, configOf(page, chart, log));
    chart.series.forEach((series, i) => drawn.setDatasetVisibility(i, !page.hidden.has(series.name)));
    drawn.update();
    legend.replaceChildren(...(chart.series.length < 2 ? [] : chart.series.map((series, i) => {
      const look = lookFor(page, series.name, i, chart.series.length);
      const item = element("button", {type: "button", title: "click: switch; double click: only this one"},
        swatch(look, Boolean(chart.labels)), element("span", {textContent: series.name}));
      item.classList.toggle("off", page.hidden.has(series.name));
      item.onclick = () => page.toggle(series.name);
      item.ondblclick = () => page.only(series.name, chart.series.map((other) => other.name));
      return item;
    })));
  };
  for (const axis of ["x", "y"].filter((name) => chart[name].switch)) {
    const button = element("button", {type: "button", textContent: `log ${axis}`, ariaPressed: String(log[axis])});
    button.onclick = () => {
      log[axis] = !log[axis];
      button.ariaPressed = String(log[axis]);
      draw();
    };
    tools.append(button);
  }
  const picture = element("button", {type: "button", textContent: "png", title: "save as a picture"});
  picture.onclick = () => element("a", {href: drawn.toBase64Image(), download: `${chart.title}.png`}).click();
  tools.append(copyButton(() => chartTsv(chart)), picture);
  page.drawn.push({draw, print: (width) => drawPaper(drawn, plot, width, rows ? height : 250),
                   shown: () => panel.isConnected, destroy: () => drawn?.destroy()});
  return panel;
}
