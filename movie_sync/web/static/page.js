// Keeps the page up to date, and sends its forms. Without it everything can be read; with it nothing needs a reload.
const byId = (id) => document.getElementById(id);
const goToLogin = () => location.assign(`/login?to=${encodeURIComponent(location.pathname + location.search)}`);

// --- live updates ---------------------------------------------------------------------------------------

let stream = null;
let mark = ""; // what names the state of the page to the server, once an event has come
let retry = 0;
let retrySeconds = 1;

// A browser allows few connections to one place, over all its tabs: one that nobody sees gives its own back.
function listen() {
  const source = document.body.dataset.events;
  if (!source || document.hidden || stream) return;
  const address = new URL(source, location.href);
  if (mark) address.searchParams.set("mark", mark);
  stream = new EventSource(address);
  stream.onopen = () => {
    retrySeconds = 1;
    byId("away").hidden = true;
  };
  stream.onmessage = (message) => {
    mark = message.lastEventId || mark;
    apply(JSON.parse(message.data));
  };
  stream.onerror = () => {
    hangUp();
    retry = setTimeout(comeBack, retrySeconds * 1000);
    if (retrySeconds > 1) byId("away").hidden = false;
    retrySeconds = Math.min(retrySeconds * 2, 15);
  };
}

function hangUp() {
  clearTimeout(retry);
  stream?.close();
  stream = null;
}

// The login sends on who is logged in: else this browser's session has ended.
async function comeBack() {
  try {
    const answer = await fetch("/login", { redirect: "manual" });
    if (answer.ok) return goToLogin();
  } catch {
    // The page's process is not there now.
  }
  listen();
}

document.addEventListener("visibilitychange", () => (document.hidden ? hangUp() : listen()));
addEventListener("pagehide", hangUp);

function apply(news) {
  const list = document.querySelector("[data-list]");
  const focused = document.activeElement;
  const told = [];
  for (const [id, html] of Object.entries(news.changed ?? {})) {
    const made = element(html);
    const old = byId(id);
    if (old) {
      if (list?.contains(old) && old.className !== made.className) told.push(made);
      become(old, made);
    } else if (list && made.matches("li")) list.append(made);
  }
  if (list && news.order) arrange(list, news.order);
  if (document.activeElement !== focused && focused?.isConnected) focused.focus({ preventScroll: true });
  if (list) narrow();
  if (told.length) say(told.map(inWords).slice(0, 3).join("; ") + (told.length > 3 ? `; and ${told.length - 3} more` : ""));
}

const inWords = (card) => [".title bdi", ".badge"].map((part) => card.querySelector(part)?.textContent ?? "").join(": ");

function say(text) {
  byId("said").textContent = text;
}

function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim(); // the page's own, with everything from outside escaped in it
  return template.content.firstElementChild;
}

// Changes only what is different, so that focus, pictures and what is selected stay.
function become(old, made) {
  if (old.nodeName !== made.nodeName || old.nodeType !== made.nodeType) return old.replaceWith(made);
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== made.data) old.data = made.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!made.hasAttribute(name) && !(name === "open" || name === "aria-busy")) old.removeAttribute(name);
  }
  for (const { name, value } of made.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const parts = [...made.childNodes];
  [...old.childNodes].slice(parts.length).forEach((part) => part.remove());
  parts.forEach((part, place) => (old.childNodes[place] ? become(old.childNodes[place], part) : old.append(part)));
}

// Moves as few as it can. With `moveBefore` the page would be scrolled after a film that has the focus.
function arrange(list, order) {
  const wanted = new Set(order);
  for (const item of [...list.children]) if (!wanted.has(item.id)) item.remove();
  let at = list.firstElementChild;
  for (const id of order) {
    const item = byId(id);
    if (item?.parentElement !== list) continue;
    if (item === at) at = at.nextElementSibling;
    else if (at && item === at.nextElementSibling) at = item.nextElementSibling;
    else list.insertBefore(item, at);
  }
}

// A picture that does not come leaves the title to be seen below it.
document.addEventListener("error", ({ target }) => { if (target.matches?.("img.art")) target.hidden = true; }, true);

// --- search as you type -----------------------------------------------------------------------------------

const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
let asking = null;

// Hides the films of the page that do not have the words; what the page does not have, the server is asked for.
function narrow() {
  const [list, field] = [document.querySelector("[data-list]"), byId("q")];
  if (!list || !field) return;
  const words = plain(field.value).split(/\s+/).filter(Boolean);
  let found = 0;
  for (const card of list.children) {
    card.title_ ??= "";
    const title = card.querySelector(".title")?.textContent ?? "";
    if (card.title_ !== title) [card.title_, card.searched_] = [title, plain(title)];
    const is = words.every((word) => card.searched_.includes(word));
    if (card.hidden === is) card.hidden = !is;
    found += is;
  }
  byId("unfound").hidden = found > 0 || list.children.length === 0;
  return found;
}

document.addEventListener("input", (event) => {
  if (event.target.id !== "q") return;
  const found = narrow();
  clearTimeout(asking);
  asking = setTimeout(settle, 250, event.target.value.trim(), found);
});

// Once the typing pauses: keeps the search in the address, and asks for what the page may not have.
function settle(text, found) {
  const address = new URL(location.href);
  address.searchParams.delete("page");
  if (text) address.searchParams.set("q", text);
  else address.searchParams.delete("q");
  history.replaceState(null, "", address);
  const { part, found: had } = document.querySelector("[data-list]").dataset;
  if (part === undefined && plain(text).includes(plain(had))) say(films(found));
  else refill(address);
}

const films = (count) => `${count} ${count === 1 ? "film" : "films"}`;

async function refill(address) {
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" } });
    if (answer.redirected) return goToLogin();
    if (!answer.ok || address.href !== location.href) return;
    const made = new DOMParser().parseFromString(await answer.text(), "text/html");
    hangUp();
    mark = "";
    document.body.dataset.events = made.body.dataset.events;
    const list = byId("films");
    const fresh = made.getElementById("films");
    list.replaceChildren(...fresh.children);
    list.dataset.found = fresh.dataset.found;
    list.toggleAttribute("data-part", "part" in fresh.dataset);
    for (const id of ["chips", "end"]) become(byId(id), made.getElementById(id));
    say(films(narrow()));
    listen();
  } catch {
    // Without an answer the films of the page stay, as the search has narrowed them.
  }
}

document.addEventListener("click", (event) => {
  const chip = event.target.closest?.("#chips a");
  const text = byId("q")?.value.trim();
  if (!chip || text === undefined) return;
  const address = new URL(chip.href);
  if (text) address.searchParams.set("q", text);
  else address.searchParams.delete("q");
  chip.href = address;
});

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey || !byId("q")) return;
  event.preventDefault();
  byId("q").focus();
  byId("q").select();
});

// --- forms ------------------------------------------------------------------------------------------------

// A form is sent by the script, as its Origin is told to the page only then.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  event.preventDefault();
  if (form.ariaBusy === "true") return;
  const button = event.submitter;
  const body = new URLSearchParams(new FormData(form, button));
  form.ariaBusy = "true";
  button?.setAttribute("aria-busy", "true");
  const address = button?.hasAttribute("formaction") ? button.formAction : form.getAttribute("action") || location.href;
  try {
    const answer = await fetch(address, { method: "POST", body, headers: { accept: "text/html" } });
    if (answer.redirected) return location.assign(answer.url);
    if (answer.status === 401) return goToLogin();
    const text = await answer.text();
    if (answer.headers.get("content-type")?.startsWith("text/html")) show(text);
    else note(text.trim() || `The page refused the request (status ${answer.status}).`);
  } catch {
    note("The page didn't answer. Is it still running? Reload to see whether it worked.");
  }
  form.ariaBusy = null;
  button?.removeAttribute("aria-busy");
});

// A form that was not taken comes back as a page that says why.
function show(html) {
  const made = new DOMParser().parseFromString(html, "text/html");
  byId("main").replaceWith(document.adoptNode(made.getElementById("main")));
  scrollTo(0, 0);
  look(document.querySelector("main .note:not([hidden]), main [aria-invalid=true]"));
}

function note(text) {
  byId("refused")?.remove();
  const made = Object.assign(document.createElement("p"), { id: "refused", className: "note bad", textContent: text });
  byId("main").prepend(made);
  look(made);
}

// What has the focus is read out, and stands where it can be seen.
function look(made) {
  if (!made) return;
  if (!made.matches("input, select, textarea")) made.tabIndex = -1;
  made.focus();
}

// What an action did is not told again when the page is loaded anew.
if (new URLSearchParams(location.search).has("done")) {
  history.replaceState(null, "", location.pathname);
  look(document.querySelector("main .note[role=status]"));
}

addEventListener("pageshow", listen);
