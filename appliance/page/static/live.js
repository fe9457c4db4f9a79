// Keeps the start page true while it is open. Without this script the page is as true as its last reload.
"use strict";

const EVERY = 5000; // milliseconds
const shown = document.querySelector("[data-state]");

async function look() {
  try {
    const answer = await fetch("/status.json", { cache: "no-store" });
    if (!answer.ok) return;
    const now = await answer.json();
    if (now.state !== shown.dataset.state || String(now.problems.length) !== shown.dataset.problems) {
      location.reload();
      return;
    }
    document.querySelector("[data-live=people]").textContent = now.people;
  } catch {
    // The device restarts or the network is away: the next look tells.
  }
}

setInterval(() => { if (!document.hidden) look(); }, EVERY);
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
