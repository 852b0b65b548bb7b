// The tree, a branch at a time: rows come when somebody opens what they are below.

import { ask } from "./app.js";

const tree = document.getElementById("tree");
const told = document.getElementById("told");
const sought = document.getElementById("sought");
const source = tree.dataset.source;

const put = (tag, kind, text = "") => {
  const element = document.createElement(tag);
  element.className = kind;
  element.textContent = text;
  return element;
};

const rows = () => [...tree.querySelectorAll('[role="treeitem"]')];
let most = 1; // visits of the baseline: the widest bar

/** A row. Text of strangers is put as text, never as markup. */
const rowOf = (node, level, on) => {
  const row = put("div", `row${node.is_champion ? " best" : ""}${on ? " on" : ""} ${node.state}`);
  row.setAttribute("role", "treeitem");
  row.setAttribute("aria-level", String(level));
  row.tabIndex = -1;
  row.dataset.id = node.experiment;
  row.dataset.level = level;
  row.style.setProperty("--level", Math.min(level - 1, 12));
  if (node.gain !== null) row.style.setProperty("--gain", `${Math.round(100 * Math.max(0, Math.min(1, node.gain)))}%`);
  const branches = node.children - (on && !node.is_champion && node.children > 0 ? 1 : 0);
  const toggle = put("span", "toggle", branches ? "▸" : "");
  toggle.setAttribute("aria-hidden", "true");
  if (branches) row.setAttribute("aria-expanded", "false");
  const chip = put("span", "chip");
  const name = put("a", "name", `x${node.experiment}`);
  name.href = tree.dataset.open + node.experiment;
  name.tabIndex = -1;
  const words = put("span", "words", node.hypothesis || (node.state === "running" ? "under way" : node.proposer) || "the task as it is");
  const value = put("span", "value", node.believed === null ? node.state : `${Number(node.believed.toPrecision(5))}`);
  if (node.sd !== null && node.believed !== null) value.title = `believed ${node.believed} ± ${node.sd}`;
  const bar = put("span", "visits", node.visits > 1 ? node.visits.toLocaleString("en") : "");
  bar.style.setProperty("--visits", `${Math.round(100 * Math.log1p(node.visits) / Math.log1p(most))}%`);
  bar.title = `${node.visits} experiments at and below`;
  row.setAttribute("aria-label", `x${node.experiment}${node.is_champion ? ", the champion" : ""}${node.certified ? ", certified" : ""}: ${words.textContent}; ${value.textContent}; ${node.visits} at and below`);
  const marks = put("span", "marks");
  if (node.is_champion) marks.append(put("span", "state on", "champion"));
  if (node.certified) marks.append(put("span", "certified", "◆ certified"));
  row.append(toggle, chip, name, words, marks, value, bar);
  return row;
};

const lineIds = () => new Set(rows().filter((row) => row.classList.contains("on")).map((row) => row.dataset.id));

const close = (row) => {
  const level = Number(row.dataset.level);
  row.setAttribute("aria-expanded", "false");
  row.querySelector(".toggle").textContent = "▸";
  // What is below, but for the line that runs through.
  let next = row.nextElementSibling;
  while (next && (Number(next.dataset.level) > level || next.dataset.of === row.dataset.id) && !next.classList.contains("on")) {
    const after = next.nextElementSibling;
    next.remove();
    next = after;
  }
};

const open = async (row, skip = 0, before = null) => {
  row.setAttribute("aria-expanded", "true");
  row.querySelector(".toggle").textContent = "▾";
  const found = await ask(`${source}children?id=${row.dataset.id}&skip=${skip}`);
  const on = lineIds();
  const level = Number(row.dataset.level) + 1;
  const fresh = found.nodes.filter((node) => !on.has(String(node.experiment))).map((node) => rowOf(node, level, false));
  const left = found.total - skip - found.nodes.length;
  if (left > 0) {
    const more = put("button", "more", `${left.toLocaleString("en")} more`);
    more.type = "button";
    more.dataset.level = level;
    more.dataset.of = row.dataset.id;
    more.style.setProperty("--level", Math.min(level - 1, 12));
    more.addEventListener("click", async () => {
      await open(row, skip + found.nodes.length, more);
      more.remove();
    });
    fresh.push(more);
  }
  if (before) before.before(...fresh);
  else row.after(...fresh);
};

const toggle = (row) => {
  const state = row.getAttribute("aria-expanded");
  if (state === "false") open(row).catch(complain);
  else if (state === "true") close(row);
};

const complain = (error) => {
  told.textContent = error.message;
};

const showLine = async (id) => {
  const query = id === undefined ? "" : `&id=${id}`;
  let found = await ask(`${source}line?skip=0${query}`);
  const total = found.total;
  // Of a very long line, the end: what led to it lately.
  if (total > found.nodes.length) found = await ask(`${source}line?skip=${total - 100}${query}`);
  most = Math.max(1, ...found.nodes.map((node) => node.visits));
  tree.replaceChildren(...found.nodes.map((node) => rowOf(node, 1, true)));
  const last = found.nodes.at(-1);
  told.textContent = `${total.toLocaleString("en")} programs from the baseline to x${last.experiment}${total > found.nodes.length ? `, the latest ${found.nodes.length} shown` : ""}`;
  rows()[0].tabIndex = 0;
  tree.dataset.drawn = String(total);
  return last;
};

const search = async () => {
  const text = sought.value.trim();
  if (!text) return showLine();
  const found = await ask(`${source}find?q=${encodeURIComponent(text)}`);
  if (found.total === 1) return showLine(found.nodes[0].experiment);
  tree.replaceChildren(...found.nodes.map((node) => rowOf(node, 1, false)));
  if (rows()[0]) rows()[0].tabIndex = 0;
  told.textContent = found.total ? `${found.total.toLocaleString("en")} found${found.total > found.nodes.length ? `, the latest ${found.nodes.length} shown` : ""}` : "nothing found";
};

document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  search().catch(complain);
});
document.getElementById("champion").addEventListener("click", () => showLine().catch(complain));

tree.addEventListener("click", (event) => {
  const row = event.target.closest('[role="treeitem"]');
  if (!row || event.target.closest("a")) return;
  focusOn(row);
  toggle(row);
});

const focusOn = (row) => {
  for (const other of tree.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  row.tabIndex = 0;
  row.focus();
};

tree.addEventListener("keydown", (event) => {
  const row = event.target.closest('[role="treeitem"]');
  if (!row) return;
  const all = rows();
  const at = all.indexOf(row);
  if (event.key === "ArrowDown" && all[at + 1]) focusOn(all[at + 1]);
  else if (event.key === "ArrowUp" && all[at - 1]) focusOn(all[at - 1]);
  else if (event.key === "Home") focusOn(all[0]);
  else if (event.key === "End") focusOn(all.at(-1));
  else if (event.key === "ArrowRight" && row.getAttribute("aria-expanded") === "false") toggle(row);
  else if (event.key === "ArrowLeft" && row.getAttribute("aria-expanded") === "true") toggle(row);
  else if (event.key === "Enter") location.assign(tree.dataset.open + row.dataset.id);
  else return;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea")) return;
  event.preventDefault();
  sought.focus();
});

// A line that somebody reads stays; one that nobody touched follows the champion.
document.addEventListener("news", () => {
  if (sought.value || tree.querySelector('[aria-expanded="true"]') || tree.contains(document.activeElement)) return;
  showLine().catch(complain);
});
showLine().catch(complain);
