(() => {
  const meta = (name) => document.querySelector(`meta[property="${name}"]`)?.content ?? "";
  const slug = (meta("og:url") || location.href).match(/\/film\/([^\/?#]+)/)?.[1];
  const name = meta("og:title");
  if (!slug || !name || !meta("og:type").startsWith("video.")) {
    alert("Open a film on Letterboxd first.");
    return;
  }
  let key = "";
  try { key = JSON.parse(document.getElementById("production-data").textContent).identifier.lid; } catch { }
  const imdb = document.querySelector('a[href*="imdb.com/title/tt"]')?.href.match(/tt\d+/)?.[0] ?? "";
  send([{ slug: decodeURIComponent(slug), key, name, imdb_id: imdb }]);
})()
