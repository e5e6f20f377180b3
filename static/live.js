// What the page says of its own connection, what it says to a screen reader, and the few moves that only a script can make.
// The stream itself is htmx's; the server's HTML needs none of this to be right.
const link = document.getElementById("link");
const announce = document.getElementById("announce");
const SILENCE = 25_000; // ms: the server beats every ten seconds, so a stream that is silent for longer is dead

let connection = null;
let heard = 0;

function say(state, word) {
  if (!link || link.dataset.link === state) return;
  link.dataset.link = state;
  link.textContent = word;
}

document.addEventListener("htmx:sse:after:connection", event => {
  connection = event.detail.connection;
  heard = performance.now();
  if (connection.status === 200) say("live", "live");
});
document.addEventListener("htmx:sse:before:connection", event => {
  if (event.detail.connection.attempt > 0) say("reconnecting", "reconnecting");
});
document.addEventListener("htmx:sse:error", () => say("reconnecting", "reconnecting"));
document.addEventListener("htmx:sse:before:message", () => { heard = performance.now(); });
document.addEventListener("htmx:sse:close", event => {
  connection = null;
  if (event.detail.reason !== "removed") say("stopped", "stopped");
});

// A dead line or a laptop that slept gives no error: the stream is only silent. Letting go of it makes htmx connect again.
setInterval(() => {
  if (connection?.reader && performance.now() - heard > SILENCE) connection.reader.cancel();
}, 5_000);
addEventListener("online", () => connection?.reader?.cancel());
addEventListener("offline", () => say("reconnecting", "reconnecting"));

// Only a change of a run's state is spoken, never its numbers.
const spoken = new Map();
function speak() {
  for (const element of document.querySelectorAll("[data-announce]")) {
    const key = element.id || element.parentElement.id;
    const before = spoken.get(key);
    spoken.set(key, element.dataset.announce);
    if (before !== undefined && before !== element.dataset.announce) announce.textContent = element.dataset.announce;
  }
}

// A log follows its newest line until somebody scrolls up.
const followed = new WeakMap();
function follow() {
  for (const log of document.querySelectorAll("[data-follow]")) {
    if (followed.get(log) !== false) log.scrollTop = log.scrollHeight;
    if (!followed.has(log)) {
      followed.set(log, true);
      log.addEventListener("scroll", () => followed.set(log, log.scrollHeight - log.scrollTop - log.clientHeight < 24));
    }
  }
}
function settle() { speak(); follow(); offerReplay(); }
document.addEventListener("htmx:after:swap", settle);
document.addEventListener("htmx:sse:after:message", settle);

// Replay: the slider asks for moments; Play moves the slider. The panel may come later, when the run has ended.
const STEP = 100; // ms
let timer = null;
const part = id => document.getElementById(id);
function tell() { part("moment").textContent = `${Number(part("scrub").value).toFixed(1)} of ${Number(part("scrub").max).toFixed(1)} s`; }
function halt() { clearInterval(timer); timer = null; part("play").textContent = "Play"; }
function step() {
  const scrub = part("scrub");
  scrub.dataset.at = Number(scrub.dataset.at) + (STEP / 1000) * Number(part("speed").value);
  scrub.value = scrub.dataset.at;
  scrub.dispatchEvent(new Event("input", { bubbles: true }));
  if (Number(scrub.value) >= Number(scrub.max)) halt();
}
function offerReplay() {
  if (part("play")) part("play").hidden = part("speed").parentElement.hidden = false;
}
document.addEventListener("input", event => { if (event.target.id === "scrub") tell(); });
document.addEventListener("click", event => {
  if (event.target.id !== "play") return;
  if (timer) return halt();
  const scrub = part("scrub");
  scrub.dataset.at = Number(scrub.value) >= Number(scrub.max) ? 0 : scrub.value;
  event.target.textContent = "Pause";
  timer = setInterval(step, STEP);
});
settle();
