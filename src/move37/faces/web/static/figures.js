// Charts by ECharts, in the page's own colours; they follow the theme and the window.
import { colour, isDark } from "./app.js";

const charts = new Map();

/** A chart in an element. `options` is a function of the colours, asked anew when the theme changes. */
export const draw = (element, options) => {
  charts.get(element)?.chart.dispose();
  const chart = echarts.init(element, null, { renderer: "canvas" });
  const show = () => chart.setOption({ animation: false, ...options() }, true);
  charts.set(element, { chart, show });
  show();
  return chart;
};

document.addEventListener("theme", () => charts.forEach(({ show }) => show()));
new ResizeObserver(() => charts.forEach(({ chart }) => chart.resize())).observe(document.body);

/** Letters grow with the page's own. */
export const letters = () => Math.round(0.75 * parseFloat(getComputedStyle(document.documentElement).fontSize));

/** Text in a tooltip: never read as HTML. */
export const tip = (lines) => {
  const box = document.createElement("div");
  box.className = "tip";
  for (const [index, text] of lines.entries()) {
    const line = document.createElement(index ? "div" : "strong");
    line.textContent = text;
    box.append(line);
  }
  return box;
};

/** Figures as people read them, to so many digits. */
export const figure = (value, digits = 5) =>
  value === null || value === undefined ? "–" : Number(value.toPrecision(digits)).toLocaleString("en", { maximumSignificantDigits: digits, useGrouping: false });

export const signed = (value, digits = 4) => (value === null || value === undefined ? "–" : `${value > 0 ? "+" : ""}${figure(value, digits)}`);

export const tooltip = (formatter) => ({
  trigger: "item",
  confine: true,
  formatter,
  backgroundColor: colour("card"),
  borderColor: colour("line"),
  textStyle: { color: colour("ink"), fontSize: letters() + 1 },
});

/** An axis in the page's colours. */
export const axis = (name, more = {}) => ({
  type: "value",
  scale: true,
  name,
  nameLocation: "middle",
  nameGap: 2.4 * letters(),
  nameTextStyle: { color: colour("quiet"), fontSize: letters() },
  axisLine: { onZero: false, lineStyle: { color: colour("faint") } },
  axisTick: { lineStyle: { color: colour("faint") } },
  axisLabel: { color: colour("quiet"), fontSize: letters(), hideOverlap: true, formatter: (value) => figure(value, 4), ...more.axisLabel },
  splitLine: { lineStyle: { color: colour("line"), opacity: 0.7 } },
  ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== "axisLabel")),
});

/** Vertical lines from low to high at x, behind points: intervals. */
export const intervals = (rows, colour_, opacity = 0.45) => ({
  type: "custom",
  silent: true,
  z: 1,
  data: rows,
  encode: { x: 0, y: [1, 2] },
  renderItem: (_, api) => {
    const low = api.coord([api.value(0), api.value(1)]);
    const high = api.coord([api.value(0), api.value(2)]);
    return { type: "line", shape: { x1: low[0], y1: low[1], x2: high[0], y2: high[1] }, style: { stroke: colour_, lineWidth: 1.2, opacity } };
  },
});

export const sayWhy = (element, error) => {
  element.replaceChildren(Object.assign(document.createElement("p"), { className: "bad", textContent: error.message }));
};

export { colour, isDark };
