/**
 * Keeps the sandbox's pages fresh and its forms quick. Everything works without it: forms post and redirect, and a
 * refresh link stands where this script would have polled.
 *
 * An element with `data-live` is fetched again from its own address (the server answers 304 while nothing changed)
 * and exchanged; focus and half-typed text stay where they were.
 */

const POLL_MS = 1000;
const parser = new DOMParser();
const title = document.title;

/** @type {string} */
let etag = "";
let busy = false;

/** @param {Document} fresh */
function exchange(fresh) {
  const old = document.querySelector("[data-live]");
  const next = fresh.querySelector("[data-live]");
  if (!old || !next) return;
  const active = document.activeElement;
  const focused = active instanceof HTMLElement && old.contains(active) ? active.id : "";
  const typed = new Map();
  for (const input of old.querySelectorAll("input[id]")) typed.set(input.id, input);
  const selection = active instanceof HTMLInputElement ? [active.selectionStart, active.selectionEnd] : null;
  old.replaceWith(document.adoptNode(next));
  for (const [id, before] of typed) {
    const now = document.getElementById(id);
    if (now instanceof HTMLInputElement && !before.dataset.sent) now.value = before.value;
  }
  const again = focused ? document.getElementById(focused) : null;
  if (again) {
    again.focus({ preventScroll: true });
    if (again instanceof HTMLInputElement && selection) again.setSelectionRange(selection[0], selection[1]);
  } else if (focused) {
    next.querySelector("#key-1, #answer, #text")?.focus({ preventScroll: true });
  }
  dress();
}

/** Adapt what the server drew to a page with scripts. */
function dress() {
  for (const part of document.querySelectorAll("[data-scriptless]")) part.hidden = true;
  for (const part of document.querySelectorAll("[data-script-only]")) part.hidden = false;
  for (const list of document.querySelectorAll("[data-scroll]")) list.scrollTop = list.scrollHeight;
  if ("speechSynthesis" in window) {
    for (const button of document.querySelectorAll("[data-speak]")) button.hidden = false;
  }
  const live = document.querySelector("[data-live]");
  const ringing = document.querySelector("[data-ringing]");
  document.title = ringing && live ? `${live.dataset.ringingTitle} · ${title}` : title;
  if (!document.querySelector("[data-speak]")) window.speechSynthesis?.cancel();
}

async function poll() {
  if (busy || document.hidden) return;
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store" });
    if (answer.status === 200) {
      const body = await answer.text();
      const known = etag;
      etag = answer.headers.get("ETag") ?? "";
      if (known !== etag || !etag) exchange(parser.parseFromString(body, "text/html"));
    }
  } catch {
    // The machine may be restarting; the next look will tell.
  } finally {
    busy = false;
  }
}

/** Posts go one after the other: two digits keyed quickly must arrive in their order. */
let line = Promise.resolve();

/** @param {SubmitEvent} event */
function submit(event) {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.closest("[data-live]")) return;
  // By attribute: a button named "action" hides the form's own property of that name.
  const address = form.getAttribute("action");
  if (form.getAttribute("method") !== "post" || !address) return;
  event.preventDefault();
  const data = new URLSearchParams(new FormData(form, event.submitter));
  for (const input of form.querySelectorAll("input[id]")) input.dataset.sent = "yes";
  line = line.then(() => send(address, data));
}

/**
 * @param {string} address
 * @param {URLSearchParams} data
 */
async function send(address, data) {
  busy = true;
  try {
    const answer = await fetch(address, { method: "POST", body: data, cache: "no-store" });
    etag = answer.headers.get("ETag") ?? "";
    exchange(parser.parseFromString(await answer.text(), "text/html"));
  } catch {
    location.reload();
  } finally {
    busy = false;
  }
}

function countDown() {
  const token = document.querySelector("[data-seconds]");
  if (!token) return;
  const left = Number(token.dataset.seconds) - 1;
  token.dataset.seconds = String(left);
  if (left <= 0) {
    etag = "";
    void poll();
    return;
  }
  const bar = token.querySelector("progress");
  const text = token.querySelector("[data-template]");
  if (bar) bar.value = left;
  if (text) text.textContent = text.dataset.template.replace("{}", String(left));
}

document.addEventListener("submit", submit);
document.addEventListener("visibilitychange", () => void poll());
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-speak]") : null;
  const text = button && document.getElementById(button.dataset.speak)?.textContent;
  if (!button || !text) return;
  const speech = new SpeechSynthesisUtterance(text);
  speech.lang = button.dataset.lang;
  window.speechSynthesis.cancel();
  window.speechSynthesis.speak(speech);
});
// A telephone's own keys: digits press the keypad when one is on the screen.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target instanceof HTMLInputElement) return;
  if (/^[0-9]$/.test(event.key)) document.getElementById(`key-${event.key}`)?.click();
});

dress();
const kind = document.querySelector("[data-live]")?.dataset.live;
if (kind === "") setInterval(() => void poll(), POLL_MS);
if (kind === "token") setInterval(countDown, 1000);
