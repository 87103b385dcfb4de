// Shows progress as it happens. Without this script the page looks again by itself.
const progress = document.getElementById("progress");
const events = new EventSource(progress.dataset.events);

function startOver() {
  events.close();
  location.reload();
}

events.addEventListener("progress", async (event) => {
  if (JSON.parse(event.data).status !== progress.dataset.status) {
    startOver();
    return;
  }
  const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("progress");
  if (answer.ok && now && now.innerHTML !== progress.innerHTML) progress.innerHTML = now.innerHTML;
});
events.addEventListener("gone", startOver);
events.addEventListener("error", () => {
  // A browser tries again by itself, except where it was refused.
  if (events.readyState === EventSource.CLOSED) setTimeout(startOver, 5000);
});
