// The chart of a study: ECharts draws it on a canvas; what it shows comes in columns from the server.

import { ask, colour } from "./app.js";

const room = document.getElementById("progress");
const tip = document.getElementById("tip");
const sampled = document.getElementById("sampled");
const whole = document.getElementById("whole");
const chart = echarts.init(room, null, { renderer: "canvas" });
const NAMES = { evaluation: "experiment", time: "hours of work", dollars: "dollars spent" };

let axis = "evaluation";
let part = null; // the part of the x axis that is looked at; null: all of it
let columns = null;
let chosen = -1; // position in the columns of the experiment that the keys are at

const digits = (value) => {
  const span = columns.high - columns.low;
  const places = Math.max(0, Math.min(8, 2 - Math.floor(Math.log10(span || 1))));
  return value.toFixed(places);
};

const pairs = (x, y, ids) => x.map((each, index) => [each, y[index], ids[index]]);
const within = (value) => Math.min(columns.high, Math.max(columns.low, value));

const whiskers = (name, at, color, width, cap) => ({
  name,
  type: "custom",
  silent: true,
  z: name === "claimed" ? 6 : 1,
  data: at,
  encode: { x: 0, y: [1, 2] },
  renderItem: (_, api) => {
    const [x, low] = api.coord([api.value(0), api.value(1)]);
    const high = api.coord([api.value(0), api.value(2)])[1];
    const line = (x1, y1, x2, y2) => ({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: color, lineWidth: width } });
    const ends = cap ? [line(x - cap, low, x + cap, low), line(x - cap, high, x + cap, high)] : [];
    return { type: "group", children: [line(x, low, x, high), ...ends] };
  },
});

/** What is believed of the best, with its 95 % interval, as one shape of steps. */
const band = (color) => {
  const c = columns;
  const end = Math.max(part ? part[1] : c.end, c.end);
  const corners = (sign) =>
    c.step_x.flatMap((x, i) => {
      const y = c.step_believed[i] + sign * c.step_spread[i];
      return [[x, y], [i + 1 < c.step_x.length ? c.step_x[i + 1] : end, y]];
    });
  return {
    name: "band", type: "custom", silent: true, clip: true, z: 2, data: c.step_x.length ? [[c.step_x[0], c.step_believed[0]]] : [],
    renderItem: (_, api) => ({ type: "polygon", shape: { points: [...corners(1), ...corners(-1).reverse()].map((each) => api.coord(each)) }, style: { fill: color, opacity: 0.18 } }),
  };
};

const option = () => {
  const c = columns;
  const [quiet, faint, line, dot, believed, certified, failed, star, card] = ["quiet", "faint", "line", "dot", "believed", "certified", "failed", "move37", "card"].map(colour);
  const end = part ? part[1] : c.end;
  const reach = (xs, ys) => (xs.length ? [...xs.map((x, i) => [x, ys[i]]), [Math.max(end, c.end), ys.at(-1)]] : []);
  const small = room.clientWidth < 520;
  const size = c.id.length > 1500 ? 3.5 : c.id.length > 300 ? 5 : 7;
  const few = c.id.length <= 300;
  const pad = (c.end - c.start || 1) * 0.02;
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 8, right: small ? 10 : 24, top: 34, bottom: 34, containLabel: true },
    xAxis: {
      type: "value", min: part ? part[0] : c.start - pad, max: part ? part[1] : c.end + pad, name: NAMES[axis], nameLocation: "start",
      nameGap: 0, nameTextStyle: { color: quiet, align: "left", verticalAlign: "top", padding: [30, 0, 0, 0] },
      axisLabel: { color: quiet, hideOverlap: true, showMinLabel: false, showMaxLabel: false, formatter: (v) => (axis === "evaluation" ? (Number.isInteger(v) ? v.toLocaleString("en") : "") : String(Number(v.toPrecision(6)))) },
      axisLine: { onZero: false, lineStyle: { color: line } }, axisTick: { show: false }, splitLine: { show: false },
    },
    yAxis: {
      type: "value", min: c.low, max: c.high, name: c.metric.length > 40 ? `${c.metric.slice(0, 39)}…` : c.metric, nameTextStyle: { color: quiet, align: "left", padding: [0, 0, 4, 0] }, nameGap: 12,
      axisLabel: { color: quiet, showMinLabel: false, showMaxLabel: false, formatter: digits },
      axisLine: { show: false }, axisTick: { show: false }, splitLine: { lineStyle: { color: line } },
    },
    dataZoom: [{ type: "inside", xAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: true, moveOnMouseMove: true, moveOnMouseWheel: false }],
    series: [
      few ? whiskers("spread", c.x.map((x, i) => [x, within(c.y[i] - c.spread[i]), within(c.y[i] + c.spread[i])]), faint, 1, 0) : { type: "custom", data: [], renderItem: () => null },
      band(believed),
      { name: "measured", type: "scatter", z: 3, symbolSize: size, itemStyle: { color: dot, opacity: few ? 0.9 : 0.55 }, data: c.x.map((x, i) => [x, within(c.y[i]), c.id[i]]) },
      { name: "failed", type: "scatter", z: 3, symbol: "path://M0 0L6 6M6 0L0 6", symbolSize: few ? 7 : 5, itemStyle: { color: "transparent", borderColor: failed, borderWidth: 1.2, opacity: few ? 0.9 : 0.35 }, data: c.failed_x.map((x, i) => [x, c.low + 0.012 * (c.high - c.low), c.failed_id[i]]) },
      {
        name: "believed", type: "line", step: "end", symbol: "none", silent: true, z: 4, lineStyle: { color: believed, width: 2.2 }, data: reach(c.step_x, c.step_believed),
        markLine: c.step_x.length ? { silent: true, symbol: "none", lineStyle: { color: quiet, type: "dashed", width: 1.2 }, label: { formatter: "baseline", color: quiet, position: "insideEndTop" }, data: [{ yAxis: c.step_believed[0] }] } : undefined,
      },
      { name: "kept", type: "scatter", z: 5, symbolSize: c.step_id.length > 60 ? 5 : 8, itemStyle: { color: card, borderColor: believed, borderWidth: 1.6 }, data: c.step_x.map((x, i) => [x, within(c.step_measured[i]), c.step_id[i]]) },
      whiskers("claimed", c.claim_x.map((x, i) => [x, within(c.claim_low[i]), within(c.claim_high[i])]), certified, 2, 4),
      { name: "claims", type: "scatter", z: 7, symbol: "diamond", symbolSize: 13, itemStyle: { color: certified }, data: pairs(c.claim_x, c.claim_y.map(within), c.claim_id) },
      { name: "move 37", type: "scatter", z: 8, symbol: "path://M12 2l3 6.6 7.2.8-5.4 4.8 1.6 7.1L12 17.7l-6.4 3.6 1.6-7.1L1.800 9.400 9 8.600z", symbolSize: 18, itemStyle: { color: star, borderColor: card, borderWidth: 1.5 }, data: pairs(c.star_x, c.star_y.map(within), c.star_id) },
      { name: "chosen", type: "scatter", z: 9, silent: true, symbolSize: 16, itemStyle: { color: "transparent", borderColor: colour("accent"), borderWidth: 2 }, data: chosen >= 0 ? [[c.x[chosen], within(c.y[chosen])]] : [] },
    ],
  };
};

const draw = () => {
  if (!columns) return;
  chart.setOption(option(), { notMerge: true });
  whole.hidden = !part;
  sampled.textContent = columns.id.length < columns.total ? `${columns.id.length.toLocaleString("en")} of ${columns.total.toLocaleString("en")} dots; zoom in for more` : "";
  room.dataset.drawn = String(columns.experiments);
};

let loading = false;
let waiting = false;
const load = async () => {
  if (loading) {
    waiting = true;
    return;
  }
  loading = true;
  const began = performance.now();
  try {
    const range = part ? `&from=${part[0]}&to=${part[1]}` : "";
    const kept = chosen >= 0 ? columns.id[chosen] : -1;
    columns = await ask(`${room.dataset.source}?axis=${axis}${range}`);
    chosen = columns.id.indexOf(kept);
    draw();
  } catch (error) {
    sampled.textContent = error.message;
  }
  // News may come often; a chart that is dear to make is not made all the time.
  setTimeout(() => {
    loading = false;
    if (waiting) {
      waiting = false;
      load();
    }
  }, Math.max(300, 3 * (performance.now() - began)));
};

// --- zoom -------------------------------------------------------------------------------------------

let settle = 0;
chart.on("datazoom", () => {
  clearTimeout(settle);
  settle = setTimeout(() => {
    const [low, high] = chart.getModel().getComponent("xAxis").axis.scale.getExtent();
    const all = high - low > 0.999 * (columns.end - columns.start) * 1.04;
    part = all ? null : [low, high];
    load();
  }, 180);
});
const showAll = () => {
  part = null;
  load();
};
whole.addEventListener("click", showAll);

for (const button of document.querySelectorAll("[data-axis]")) {
  button.addEventListener("click", () => {
    axis = button.dataset.axis;
    part = null;
    for (const other of document.querySelectorAll("[data-axis]")) other.setAttribute("aria-pressed", String(other === button));
    load();
  });
}

// --- pointing ---------------------------------------------------------------------------------------

const known = new Map();
let pointed = -1;
const about = async (id) => {
  const key = `${id} ${document.documentElement.dataset.seq}`;
  if (!known.has(key)) known.set(key, await ask(`${room.dataset.about}?id=${id}`));
  return known.get(key);
};

const put = (tag, text, kind = "") => {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = kind;
  return element;
};

/** Text of strangers: put as text, never as markup. */
const show = async (id, x, y) => {
  pointed = id;
  let told;
  try {
    told = await about(id);
  } catch {
    return;
  }
  if (pointed !== id) return;
  const head = put("p", `x${id}`, "tip-head");
  if (told.is_move37) head.append(put("span", " ★ move 37", "move37"));
  if (told.certified) head.append(put("span", " certified", "certified"));
  head.append(put("span", ` ${told.proposer}${told.move ? ` · ${told.move}` : ""}`.slice(0, 80), "quiet"));
  const lines = [head, put("p", (told.hypothesis || "no hypothesis").slice(0, 400))];
  if (told.measured !== null) lines.push(put("p", `measured ${digits(told.measured)}${told.believed ? `, believed ${digits(told.believed.value)} ± ${told.believed.sd.toPrecision(2)}` : ""}`, "quiet"));
  if (told.failure) lines.push(put("p", told.failure.slice(0, 300), "bad"));
  tip.replaceChildren(...lines);
  tip.hidden = false;
  const left = Math.max(0, Math.min(x + 14, room.clientWidth - tip.offsetWidth - 4));
  tip.style.left = `${left}px`;
  tip.style.top = `${Math.max(0, y + 16 + tip.offsetHeight > room.clientHeight ? y - tip.offsetHeight - 12 : y + 16)}px`;
};
const hide = () => {
  pointed = -1;
  tip.hidden = true;
};
const open = (id) => location.assign(room.dataset.open + id);

chart.on("mouseover", (event) => {
  if (event.value?.[2] !== undefined) show(event.value[2], event.event.offsetX, event.event.offsetY);
});
chart.on("mouseout", hide);
chart.on("click", (event) => event.value?.[2] !== undefined && open(event.value[2]));

room.addEventListener("keydown", (event) => {
  if (!columns?.id.length) return;
  const last = columns.id.length - 1;
  if (event.key === "ArrowRight") chosen = Math.min(last, chosen + 1);
  else if (event.key === "ArrowLeft") chosen = Math.max(0, chosen < 0 ? last : chosen - 1);
  else if (event.key === "Home") chosen = 0;
  else if (event.key === "End") chosen = last;
  else if (event.key === "Enter" && chosen >= 0) return open(columns.id[chosen]);
  else if (event.key === "0") return showAll();
  else if (event.key === "Escape") chosen = -1;
  else return;
  event.preventDefault();
  draw();
  if (chosen < 0) return hide();
  const [x, y] = chart.convertToPixel({ xAxisIndex: 0, yAxisIndex: 0 }, [columns.x[chosen], within(columns.y[chosen])]);
  show(columns.id[chosen], x, y);
});
room.addEventListener("blur", hide);

// --- staying right ----------------------------------------------------------------------------------

new ResizeObserver(() => {
  chart.resize();
  draw();
}).observe(room);
document.addEventListener("theme", draw);
document.addEventListener("news", load);
load();
