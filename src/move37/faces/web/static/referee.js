// What was said beforehand against what came.
import { ask } from "./app.js";
import { axis, colour, draw, figure, sayWhy, tip, tooltip } from "./figures.js";

const study = document.documentElement.dataset.study;
const element = document.getElementById("calibration");
const note = document.getElementById("calibration-note");
const buttons = [...document.querySelectorAll("[data-points]")];
const notes = {
  predictions: "Effects on the parent, as proposers predicted them, against what is believed now.",
  guesses: "Effects on the parent, as the policy expected them, against what is believed now.",
  trials: "What was believed of a program, against its next trial, in the metric’s unit.",
  certified: "What was believed of an effect before it was certified, against what fresh trials saw.",
};

let told;

const show = (name) => {
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.points === name));
  const points = told[name];
  const rows = points.experiment.map((id, row) => ({ id, row, value: [points.said[row], points.came[row]] }));
  const count = `${rows.length} shown. `;
  note.textContent = rows.length ? `${notes[name]} ${count}On the dashed line, what was said came true.` : `${notes[name]} There is none yet.`;
  const all = rows.flatMap(({ value }) => value);
  const [low, high] = all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
  const chart = draw(element, () => ({
    grid: { left: 12, right: 24, top: 16, bottom: 40, containLabel: true },
    tooltip: tooltip(({ data }) => tip([`x${data.id}`, `said ${figure(points.said[data.row])}${points.said_sd[data.row] === null ? "" : ` ± ${figure(points.said_sd[data.row], 2)}`}`, `came ${figure(points.came[data.row])}${points.came_sd[data.row] === null ? ", measured" : ` ± ${figure(points.came_sd[data.row], 2)}`}`])),
    xAxis: axis("said beforehand"),
    yAxis: axis(""),
    series: [
      { type: "line", silent: true, symbol: "none", data: [[low, low], [high, high]], lineStyle: { type: "dashed", width: 1.2, color: colour("quiet") } },
      { type: "scatter", symbolSize: rows.length > 300 ? 5 : 8, data: rows, itemStyle: { color: colour(name === "certified" ? "certified" : "accent"), opacity: rows.length > 300 ? 0.45 : 0.8 } },
    ],
  }));
  chart.on("click", ({ data }) => data?.id !== undefined && location.assign(`/s/${study}/experiment/${data.id}`));
};

for (const button of buttons) button.addEventListener("click", () => told && show(button.dataset.points));
ask(`/s/${study}/referee/data/calibration`)
  .then((calibration) => {
    told = calibration;
    const first = ["predictions", "guesses", "trials", "certified"].find((name) => told[name].experiment.length) ?? "predictions";
    show(first);
  })
  .catch((error) => sayWhy(element, error));
