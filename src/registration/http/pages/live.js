// Updates the progress as it changes. Without JavaScript, the page reloads itself.
const progress = document.getElementById("progress");
const events = new EventSource(progress.dataset.events);

function reload() {
  events.close();
  location.reload();
}

events.addEventListener("progress", async (event) => {
  if (JSON.parse(event.data).status !== progress.dataset.status) {
    reload();
    return;
  }
  const response = await fetch(location.pathname, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const updated = page.getElementById("progress");
  if (response.ok && updated && updated.innerHTML !== progress.innerHTML) progress.innerHTML = updated.innerHTML;
});
events.addEventListener("gone", reload);
events.addEventListener("error", () => {
  // Browsers reconnect automatically, unless the server has rejected the request.
  if (events.readyState === EventSource.CLOSED) setTimeout(reload, 5000);
});
