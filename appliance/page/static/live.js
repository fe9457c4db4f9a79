// Keeps a page true while it is open, and adds what HTML alone cannot do. Everything works without this script: pages
// are then as true as their last reload.
"use strict";

const EVERY = 4000; // milliseconds
const live = document.querySelector("[data-live]");

// Reads this page again and puts in what has changed. The server writes every word, so all languages come for free.
async function look() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const now of fresh.querySelectorAll("[data-live]")) {
      const shown = document.querySelector(`[data-live="${now.dataset.live}"]`);
      if (!shown) continue;
      // What somebody has opened stays open.
      now.querySelectorAll("details").forEach((one, n) => { one.open = shown.querySelectorAll("details")[n]?.open; });
      if (now.open !== undefined) now.open = shown.open;
      if (shown.outerHTML !== now.outerHTML && !shown.contains(document.activeElement)) {
        shown.className = now.className;
        shown.innerHTML = now.innerHTML;
      }
    }
    document.title = fresh.title;
  } catch {
    // The device restarts or the network is away: the next look tells.
  }
}

if (live) {
  setInterval(() => { if (!document.hidden) look(); }, EVERY);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
}

// The modern clipboard needs https, which a device at home cannot have.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const range = document.createRange();
    range.selectNodeContents(document.getElementById(button.dataset.copy));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    if (document.execCommand("copy")) button.textContent = button.dataset.done;
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// A browser knows its time zone; a card at home does not.
for (const field of document.querySelectorAll("[data-zone]")) {
  if (!field.value) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
}
