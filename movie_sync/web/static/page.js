// Keeps the page up to date. Without it everything can be read; with it nothing needs a reload.
"use strict";

const source = document.body.dataset.events;
if (source) {
  const events = new EventSource(source);
  events.onmessage = (message) => apply(JSON.parse(message.data));
}

function apply(news) {
  const list = document.querySelector("[data-list]");
  for (const [id, html] of Object.entries(news.changed)) {
    const template = document.createElement("template");
    template.innerHTML = html; // the page's own, with everything from outside escaped in it
    const made = template.content.firstElementChild;
    const old = document.getElementById(id);
    if (old) old.replaceWith(made);
    else if (list) list.append(made);
  }
  for (const id of news.gone) document.getElementById(id)?.remove();
  if (list) for (const id of news.order) {
    const item = document.getElementById(id);
    if (item?.parentElement === list) list.append(item);
  }
}

// What an action did is not told again when the page is loaded anew.
if (new URLSearchParams(location.search).has("done")) history.replaceState(null, "", location.pathname);

// A form is sent by the script, as its Origin is told to the page only then.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const answer = await fetch(form.action, { method: "POST", body });
  if (answer.redirected) location.assign(answer.url);
  else { document.open(); document.write(await answer.text()); document.close(); }
});
