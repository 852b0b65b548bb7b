// The metric beside others, parallel axes, and slices of the constants that were turned.
import { ask } from "./app.js";
import { axis, colour, draw, figure, intervals, letters, sayWhy, signed, tip, tooltip } from "./figures.js";

const study = document.documentElement.dataset.study;
const data = (what) => ask(`/s/${study}/metrics/data/${what}`);
const open = (id) => location.assign(`/s/${study}/experiment/${id}`);
const front = document.getElementById("front");
const parallel = document.getElementById("parallel");
const other = document.getElementById("other");

const showFront = (seen) => {
  const [metric] = seen.axes;
  const against = seen.axes[Number(other?.value ?? 1)];
  const rows = seen.experiment.map((id, row) => ({ value: [against.values[row], metric.values[row]], row, id })).filter(({ value }) => value[0] !== null);
  const kinds = [
    ["others", ({ row }) => !seen.is_front[row], "dot", "circle", 6],
    ["on the front", ({ row }) => seen.is_front[row] && !seen.certified[row], "accent", "circle", 10],
    ["certified", ({ row }) => seen.certified[row], "certified", "diamond", 13],
  ].filter(([, is]) => rows.some(is));
  if (!seen.front) kinds.forEach((kind) => kind[0] === "others" && (kind[0] = "experiments"));
  const chart = draw(front, () => ({
    aria: { enabled: false },
    grid: { left: 12, right: 24, top: 40, bottom: 40, containLabel: true },
    legend: { top: 0, left: 0, textStyle: { color: colour("ink"), fontSize: letters() }, icon: "circle", data: kinds.map(([name]) => name) },
    tooltip: tooltip(({ data }) => tip([
      `x${data.id}${seen.certified[data.row] ? ", certified" : ""}${seen.is_front[data.row] ? ", on the front" : ""}`,
      `${metric.name}: believed ${figure(metric.values[data.row], 6)} ± ${figure(seen.sd[data.row], 2)}`,
      `${against.name}: measured ${figure(against.values[data.row], 6)}`,
    ])),
    xAxis: axis(`${against.name}${against.goal ? ` (${against.goal})` : ""}, measured`),
    yAxis: axis(`${metric.name}, believed`, { nameLocation: "end", nameGap: 14, nameTextStyle: { color: colour("quiet"), align: "left" }, show: true, name: "" }),
    series: [
      ...kinds.map(([name, is, paint, symbol, size]) => ({ type: "scatter", name, symbol, symbolSize: size, data: rows.filter(is), itemStyle: { color: colour(paint), opacity: paint === "dot" ? 0.55 : 0.95 }, z: paint === "dot" ? 2 : 3 })),
      // Only the front with two metrics is a line.
      ...(seen.front && seen.axes.filter(({ kind }) => kind === "secondary").length === 1 && against.kind === "secondary"
        ? [{ type: "line", silent: true, step: "end", symbol: "none", lineStyle: { color: colour("accent"), width: 1, type: "dashed" }, data: rows.filter(({ row }) => seen.is_front[row]).map(({ value }) => value).sort((a, b) => a[0] - b[0]) }]
        : []),
    ],
  }));
  chart.on("click", ({ data: hit }) => hit?.id !== undefined && open(hit.id));
};

const showParallel = (seen) => {
  const narrow = parallel.clientWidth < 560;
  const axes = seen.axes.slice(0, narrow ? 4 : 9);
  const lines = seen.experiment.map((id, row) => ({ id, row, value: axes.map(({ values }) => values[row] ?? "-") })).reverse();
  const rank = (row) => 1 - row / Math.max(1, seen.experiment.length - 1);
  draw(parallel, () => ({
    parallel: { left: 56, right: 56, top: 44, bottom: 24 },
    tooltip: tooltip(({ data }) => tip([`x${data.id}`, ...axes.map(({ name, values }) => `${name}: ${figure(values[data.row], 5)}`)])),
    parallelAxis: axes.map(({ name, goal }, dim) => ({
      dim, name: name.length > 18 ? `${name.slice(0, 17)}…` : name, scale: true, inverse: goal === "minimize", nameLocation: goal === "minimize" ? "start" : "end",
      nameTextStyle: { color: colour("ink"), fontSize: letters() }, nameGap: 14,
      axisLine: { lineStyle: { color: colour("faint") } }, axisTick: { lineStyle: { color: colour("faint") } }, axisLabel: { color: colour("quiet"), fontSize: letters(), formatter: (value) => figure(value, 4) },
    })),
    series: [{ type: "parallel", smooth: 0, data: lines.map((line) => ({ ...line, lineStyle: { color: seen.certified[line.row] ? colour("certified") : colour("accent"), width: seen.certified[line.row] ? 2.2 : 1, opacity: seen.certified[line.row] ? 0.95 : 0.06 + 0.6 * rank(line.row) ** 4 } })) }],
  }));
};

const start = async () => {
  if (!front) return;
  try {
    const seen = await data("trade-offs");
    showFront(seen);
    other?.addEventListener("change", () => showFront(seen));
    if (parallel) showParallel(seen);
  } catch (error) {
    sayWhy(front, error);
  }
};

// --- slices ---

const chosen = document.getElementById("slice-chart");
const rows = document.getElementById("slice-rows");
const showSlice = async (button) => {
  for (const each of document.querySelectorAll("[data-site]")) each.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
  document.getElementById("slice-name").textContent = button.textContent;
  let site;
  try {
    site = await data(`slice?site=${button.dataset.site}`);
  } catch (error) {
    sayWhy(chosen, error);
    return;
  }
  const { slice } = site;
  const points = slice.experiment.map((id, row) => ({ id, row, value: [site.is_numeric ? slice.value[row] : slice.new[row], slice.effect[row]] })).filter(({ row }) => slice.effect[row] !== null);
  const names = [...new Set(slice.new)];
  const alone = points.filter(({ row }) => slice.alone[row]);
  const together = points.filter(({ row }) => !slice.alone[row]);
  const bars = (list) => list.map(({ value, row }) => [site.is_numeric ? value[0] : names.indexOf(value[0]), value[1] - 1.645 * slice.sd[row], value[1] + 1.645 * slice.sd[row]]);
  const x = () => (site.is_numeric ? axis("turned to", site.is_log ? { type: "log", min: "dataMin", max: "dataMax" } : {}) : axis("turned to", { type: "category", scale: false, data: names, axisLabel: { formatter: (text) => (text.length > 16 ? `${text.slice(0, 15)}…` : text) } }));
  const chart = draw(chosen, () => ({
    grid: { left: 12, right: 24, top: 16, bottom: 40, containLabel: true },
    tooltip: tooltip(({ data: hit }) => tip([`x${hit.id}: ${slice.old[hit.row]} → ${slice.new[hit.row]}`, `believed effect ${signed(slice.effect[hit.row])} ± ${figure(slice.sd[hit.row], 2)} on x${slice.parent[hit.row]}`, slice.alone[hit.row] ? "turned alone" : "turned together with others"])),
    xAxis: x(),
    yAxis: axis("", { axisLabel: { formatter: (value) => signed(value, 3) } }),
    series: [
      intervals(bars(together), colour("dot"), 0.25),
      intervals(bars(alone), colour("believed"), 0.4),
      { type: "scatter", symbolSize: 7, data: together, itemStyle: { color: colour("card"), borderColor: colour("dot"), borderWidth: 1.4 } },
      { type: "scatter", symbolSize: 8, data: alone, itemStyle: { color: colour("believed") }, markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: colour("faint") }, data: [{ yAxis: 0 }] } },
    ],
  }));
  chart.on("click", ({ data: hit }) => hit?.id !== undefined && open(hit.id));
  rows.replaceChildren(...slice.experiment.slice(-60).reverse().map((_, index) => {
    const row = slice.experiment.length - 1 - index;
    const link = Object.assign(document.createElement("a"), { href: `/s/${study}/experiment/${slice.experiment[row]}`, textContent: `x${slice.experiment[row]}` });
    const effect = slice.effect[row] === null ? "not measured" : `${signed(slice.effect[row])} ± ${figure(slice.sd[row], 2)}`;
    const line = document.createElement("tr");
    for (const [column, told] of [link, slice.old[row], slice.new[row], effect, slice.alone[row] ? "yes" : "no"].entries()) {
      const cell = document.createElement("td");
      if (column === 3) cell.className = "number";
      cell.append(told);
      line.append(cell);
    }
    return line;
  }));
};

for (const button of document.querySelectorAll("[data-site]")) button.addEventListener("click", () => showSlice(button));
start();
const first = document.querySelector("[data-site]");
if (first) showSlice(first);
