// What only a run's page has: logs that follow their newest line, and the replay. The bench is sent without it.
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

// The replay: the slider asks for moments; Play moves the slider. The panel may come later, when the run has ended.
const STEP = 100; // ms
let timer = null;
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
function look() { follow(); offerReplay(); }
document.addEventListener("htmx:after:swap", look);
document.addEventListener("htmx:sse:after:message", look);
look();
