// The editor of program.md shows what saving would change, as one types.

const text = document.getElementById("program");
const preview = document.getElementById("preview");
const most = 4_000_000; // cells of the table below: beyond it, all lines between are shown as changed

/** Lines with " ", "-" or "+": what is common, gone and new. Longest common subsequence, between equal ends. */
const compare = (before, after) => {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const old = before.slice(start, before.length - end);
  const now = after.slice(start, after.length - end);
  const wide = now.length + 1;
  const told = before.slice(Math.max(0, start - 2), start).map((line) => [" ", line]);
  if ((old.length + 1) * wide > most) {
    told.push(...old.map((line) => ["-", line]), ...now.map((line) => ["+", line]));
  } else {
    const common = new Uint32Array((old.length + 1) * wide);
    for (let i = old.length - 1; i >= 0; i -= 1)
      for (let j = now.length - 1; j >= 0; j -= 1)
        common[i * wide + j] = old[i] === now[j] ? common[(i + 1) * wide + j + 1] + 1 : Math.max(common[(i + 1) * wide + j], common[i * wide + j + 1]);
    let i = 0;
    let j = 0;
    while (i < old.length || j < now.length) {
      if (i < old.length && j < now.length && old[i] === now[j]) {
        told.push([" ", old[i]]);
        i += 1;
        j += 1;
      } else if (i < old.length && (j === now.length || common[(i + 1) * wide + j] >= common[i * wide + j + 1])) {
        told.push(["-", old[i]]);
        i += 1;
      } else {
        told.push(["+", now[j]]);
        j += 1;
      }
    }
  }
  return [...told, ...before.slice(before.length - end, before.length - end + 2).map((line) => [" ", line])];
};

if (text) {
  const saved = text.defaultValue;
  const box = preview.querySelector("pre");
  const show = () => {
    preview.hidden = text.value === saved;
    if (preview.hidden) return;
    const kinds = { "-": "removed", "+": "added" };
    box.replaceChildren(...compare(saved.split("\n"), text.value.split("\n")).map(([kind, line]) => {
      const shown = document.createElement("span");
      shown.className = kinds[kind] ?? "";
      shown.textContent = `${kind} ${line}`;
      return shown;
    }));
  };
  let waiting = 0;
  text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 150);
  });
  show();
  // Whoever leaves with words unsaved is asked.
  let saving = false;
  text.form.addEventListener("submit", () => { saving = true; });
  addEventListener("beforeunload", (event) => {
    if (!saving && text.value !== saved) event.preventDefault();
  });
}
