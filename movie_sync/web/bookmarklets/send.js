const send = (films) => {
  const address = "TAKE#" + encodeURIComponent(JSON.stringify({ films }));
  if (!open(address)) location.href = address;
};
