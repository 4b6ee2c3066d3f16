// Receives films in the address's fragment, shows them, and queues what the user picks.
"use strict";

const say = (text) => { document.getElementById("say").textContent = text; };
const form = document.getElementById("pick");
let token = "";
let films = [];

async function ask(address, body) {
  const answer = await fetch(address, {
    method: body ? "POST" : "GET",
    headers: body ? { "content-type": "application/json", "x-token": token } : { accept: "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw answer.status;
  return answer.json();
}

function received() {
  try {
    const told = JSON.parse(decodeURIComponent(location.hash.slice(1)));
    return Array.isArray(told.films) ? told.films.filter((film) => film && typeof film === "object") : [];
  } catch {
    return [];
  }
}

function row(film, number) {
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", value: number, checked: !film.state });
  const name = Object.assign(document.createElement("bdi"), { textContent: film.name });
  label.append(box, " ", name);
  const item = document.createElement("li");
  item.append(label);
  if (film.state) item.append(Object.assign(document.createElement("span"), { className: "quiet", textContent: ` ${film.state}` }));
  return item;
}

function offer(shown) {
  document.getElementById("offered").replaceChildren(...shown.films.map(row));
  const fresh = shown.films.filter((film) => !film.state).length;
  const known = shown.films.length - fresh;
  const odd = shown.odd ? ` ${shown.odd} couldn't be read and were left out.` : "";
  say(`${shown.films.length} on that page, ${fresh} new${known ? `, ${known} already known` : ""}.${odd} Nothing is queued yet.`);
  form.hidden = shown.films.length === 0;
}

async function begin() {
  films = received();
  if (!films.length) {
    document.getElementById("back").hidden = false;
    return say("No films were sent here. Open a page on Letterboxd and click a bookmarklet from the Add page.");
  }
  try {
    token = (await ask("/take/session")).token;
    const shown = await ask("/take/films", { films });
    films = shown.films;
    offer(shown);
  } catch (status) {
    say(status === 401 ? "You're not logged in here. Log in in another tab, then reload this page." : "The page didn't answer. Reload to try again.");
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const picked = [...form.querySelectorAll("input:checked")].map((box) => films[box.value].film);
  if (!picked.length) return say("Select at least one film.");
  form.hidden = true;
  try {
    const done = await ask("/take/add", { films: picked });
    say(done.lines.join(" "));
    history.replaceState(null, "", "/take");
  } catch {
    say("The page didn't answer, so the films may not have been queued. Reload to check.");
  }
  document.getElementById("back").hidden = false;
});
document.getElementById("none").addEventListener("click", () => {
  for (const box of form.querySelectorAll("input")) box.checked = false;
});
begin();
