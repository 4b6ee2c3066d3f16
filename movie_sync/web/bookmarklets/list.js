(() => {
  const root = document.querySelector(".js-watchlist-content, .js-list-entries, .poster-grid, .poster-list");
  const films = [];
  for (const item of root?.querySelectorAll("[data-item-slug]") ?? []) {
    let identifier = {};
    try { identifier = JSON.parse(item.dataset.posteredIdentifier); } catch { }
    if ((identifier.type ?? "film") !== "film") continue;
    films.push({ slug: item.dataset.itemSlug, key: identifier.lid ?? "", name: item.dataset.itemName });
  }
  if (films.length) send(films);
  else alert("Open a watchlist or list on Letterboxd first.");
})()
