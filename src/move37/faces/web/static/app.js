// What all pages share: the theme, the keys, and news.

const root = document.documentElement;

// --- theme ------------------------------------------------------------------------------------------

export const isDark = () =>
  root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

const tellTheme = () => document.dispatchEvent(new CustomEvent("theme"));

const nextTheme = () => {
  const next = { undefined: "dark", dark: "light", light: undefined }[root.dataset.theme];
  if (next) root.dataset.theme = next;
  else delete root.dataset.theme;
  if (next) localStorage.setItem("move37-theme", next);
  else localStorage.removeItem("move37-theme");
  tellTheme();
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tellTheme);
document.getElementById("theme").addEventListener("click", nextTheme);

/** A colour of app.css, by its name there. */
export const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

// --- keys -------------------------------------------------------------------------------------------

const keys = document.getElementById("keys");
const showKeys = () => (keys.open ? keys.close() : keys.showModal());
document.getElementById("keys-button").addEventListener("click", showKeys);

let waitsForPage = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  if (Date.now() - waitsForPage < 1500) {
    waitsForPage = 0;
    const link = [...document.querySelectorAll("a[data-key]")].find((each) => each.dataset.key === event.key);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  if (event.key === "?") showKeys();
  else if (event.key === "t") nextTheme();
  else if (event.key === "g") waitsForPage = Date.now();
  else return;
  event.preventDefault();
});

// --- asking -----------------------------------------------------------------------------------------

/** JSON of this server. Throws what the server says is wrong. */
export const ask = async (address, options = {}) => {
  const answer = await fetch(address, { credentials: "same-origin", ...options });
  const told = await answer.json().catch(() => ({ error: `the server says ${answer.status}` }));
  if (!answer.ok) throw new Error(told.error ?? `the server says ${answer.status}`);
  return told;
};

// --- news -------------------------------------------------------------------------------------------

const study = root.dataset.study;
let fetching = false;
let again = false;
let seen = Number(root.dataset.seq ?? 0);

/** Take the parts of this page that are marked `data-live` (each with an id) from a fresh copy of it. */
const refresh = async () => {
  const parts = [...document.querySelectorAll("[data-live][id]")];
  if (!parts.length) return;
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  const began = performance.now();
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts) {
      const other = fresh.getElementById(part.id);
      // Whoever reads or types in it is not disturbed.
      const busy = part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
      if (!other || busy || other.innerHTML === part.innerHTML) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const same = focused?.id ? `#${CSS.escape(focused.id)}` : focused?.getAttribute("href") ? `a[href="${CSS.escape(focused.getAttribute("href"))}"]` : null;
      const open = [...part.querySelectorAll("details[open][id]")].map((each) => each.id);
      part.replaceChildren(...other.childNodes);
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      if (same) part.querySelector(same)?.focus({ preventScroll: true });
    }
    document.dispatchEvent(new CustomEvent("refreshed"));
  } catch {
    // The server is away; the stream comes back when it does.
  } finally {
    // A page that is dear to make is not asked for all the time.
    setTimeout(() => {
      fetching = false;
      if (again) {
        again = false;
        refresh();
      }
    }, Math.max(700, 4 * (performance.now() - began)));
  }
};

const state = document.getElementById("state");
const showState = (text, kind) => {
  if (!state || state.textContent === text) return;
  state.textContent = text;
  state.className = `state ${kind}`;
};

const listen = () => {
  const stream = new EventSource(`/s/${study}/live?after=${seen}`);
  stream.addEventListener("news", (event) => {
    const { news, working } = JSON.parse(event.data);
    showState(working ? "running" : "idle", working ? "on" : "");
    if (news.seq === seen) return;
    seen = news.seq;
    root.dataset.seq = seen;
    document.dispatchEvent(new CustomEvent("news", { detail: news }));
    refresh();
  });
  stream.addEventListener("gone", (event) => {
    showState("gone", "bad");
    state?.setAttribute("title", JSON.parse(event.data).reason);
    stream.close();
  });
  stream.addEventListener("error", () => {
    showState("away", "bad");
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
  addEventListener("pagehide", () => stream.close(), { once: true });
};

const reading = document.getElementById("reading");
if (reading) {
  // It is being read: look again until it is.
  const look = () => fetch(location.href).then((answer) => answer.text()).then((text) => {
    if (text.includes('id="reading"')) setTimeout(look, 1000);
    else location.reload();
  }).catch(() => setTimeout(look, 3000));
  setTimeout(look, 1000);
} else if (study) {
  listen();
} else if (document.getElementById("studies")) {
  setInterval(() => document.hidden || refresh(), 2500);
}
