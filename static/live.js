// What the page says of its own connection, what it says to a screen reader, and the few moves that only a script can make.
// The stream itself is htmx's; the server's HTML needs none of this to be right.
const part = id => document.getElementById(id);
const link = part("link");
const announce = part("announce");
const SILENCE = 25_000; // ms: the server beats every ten seconds, so a stream that is silent for longer is dead

const AGAIN = 2_000; // ms

let connection = null;
let heard = 0;
let gone = false; // the run is not there any more, so there is nothing to connect to

function say(state, word) {
  if (!link || link.dataset.link === state) return;
  link.dataset.link = state;
  link.textContent = word;
  clearTimeout(noticing);
  if (state === "live") back();
  else if (state === "reconnecting") noticing = setTimeout(lost, PATIENCE);
}

// While the server is gone nothing can be started, and what the page says is of before.
const banner = part("banner");
const PATIENCE = 1_500; // ms: a line that comes back at once is no news
let noticing = 0;
let wasRunning = null; // what was live when the server went, by the id of the place that says so
const place = element => element.id || element.parentElement.id;
function lost() {
  if ("offline" in document.body.dataset) return;
  wasRunning = [...document.querySelectorAll("[data-live]")].map(place);
  document.body.dataset.offline = "";
  banner.firstElementChild.textContent = "The server does not answer. This page shows how things were at " +
    `${new Date().toLocaleTimeString([], { hour12: false })}; buttons work again when it is back.`;
  banner.hidden = false;
}
function back() {
  delete document.body.dataset.offline;
  if (banner && wasRunning) banner.firstElementChild.textContent = "The server is back.";
}
// The frames after that say what became of the runs: the whole picture, or a later one of a server that has just begun.
function tellReturned() {
  if (!wasRunning || "offline" in document.body.dataset) return;
  const now = [...document.querySelectorAll("[data-announce]")].filter(each => wasRunning.includes(place(each)));
  const ended = now.filter(each => !("live" in each.dataset)).map(each => each.dataset.announce);
  if (ended.length) banner.firstElementChild.textContent = `The server is back. What was running then: ${ended.join("; ")}.`;
  if (ended.length === now.length) wasRunning = null;
}
document.addEventListener("htmx:sse:after:message", tellReturned);
function refuse(event) {
  if (!("offline" in document.body.dataset) || !event.target.closest?.("main form, main [hx-get]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}
for (const name of ["submit", "click"]) document.addEventListener(name, event => {
  if (name === "submit" || event.target.closest?.("main [hx-post], main [hx-get]:not(form)")) refuse(event);
}, true);
banner?.lastElementChild.addEventListener("click", () => { banner.hidden = true; });

document.addEventListener("htmx:sse:after:connection", event => {
  connection = event.detail.connection;
  heard = performance.now();
  frames.clear();
  answered.clear();
  if (connection.status === 200) say("live", "live");
});
document.addEventListener("htmx:sse:before:connection", event => {
  if (gone) event.preventDefault();
  else if (event.detail.connection.attempt > 0) say("reconnecting", "reconnecting");
});
document.addEventListener("htmx:sse:error", event => {
  gone = event.detail.status === 404;
  say("reconnecting", "reconnecting");
});
document.addEventListener("htmx:sse:before:message", () => {
  heard = performance.now();
  // A tab that was opened in the background is never told that it is hidden, and would keep its stream.
  if (document.hidden) document.dispatchEvent(new Event("visibilitychange"));
});
document.addEventListener("htmx:sse:close", event => {
  connection = null;
  if (event.detail.reason !== "removed") say("stopped", "stopped");
});

// htmx opens again what was open once. A stream that was refused from the start is ours to ask for again.
function again(event) {
  const stream = event.target;
  if (stream.id !== "stream" || connection || event.detail.ctx?.response?.status === 404) return;
  say("reconnecting", "reconnecting");
  setTimeout(() => htmx.ajax("GET", stream.getAttribute("hx-sse:connect"), { source: stream }), AGAIN);
}
document.addEventListener("htmx:error", again);
document.addEventListener("htmx:response:error", again);

// The answer to a click may come after a frame of the stream that knows more, and a frame after an answer: what is older than
// the page stays out of it.
const frames = new Map(); // the number of the frame that each part of the page is from
const answered = new Map(); // and of the last one that its answer knew
document.addEventListener("htmx:before:swap", event => {
  const { ctx, tasks } = event.detail;
  refused = ctx.response?.status === 422;
  const streamed = ctx.sourceElement.id === "stream";
  const first = streamed && !frames.size;
  const frame = streamed ? Number(connection?.lastEventId) : Number(ctx.response?.headers.get("Poolscope-Frame") ?? Infinity);
  for (const task of [...tasks]) {
    const id = task.target?.id;
    if (streamed) frames.set(id, frame);
    else if (frame < Infinity) answered.set(id, frame);
    const kept = streamed ? answered.get(id) >= frame || shown(task) || (first && asksDefaults(task)) : frames.get(id) > frame;
    if (kept) tasks.splice(tasks.indexOf(task), 1);
  }
});
// A first frame repeats what the page came with; to compare that is cheaper by far than to morph it, which held up a phone.
function shown({ fragment, target }) {
  const copy = fragment.firstElementChild?.cloneNode(true);
  for (const each of copy?.querySelectorAll("[hx-get], [hx-post]") ?? []) each.dataset.htmxPowered = "true"; // as htmx marks them
  return copy?.isEqualNode(target);
}

// Who came for a form's defaults keeps them: the stream is for all, and its first frame has the values of the last run.
const defaults = new URLSearchParams(location.search).get("defaults");
function asksDefaults({ fragment, target }) {
  const form = defaults && `#${CSS.escape(defaults)}-form`;
  return form && target?.id === `${defaults}-ask` && target.querySelector(form) && fragment.querySelector(form);
}

// What a reader has opened or closed stays so when its part of the page is drawn again; only a form that is refused opens
// what is wrong in it.
let refused = false;
htmx.registerExtension("opened", {
  htmx_before_morph_attr: (element, { attrName, newValue }) => attrName !== "open" || (refused && newValue !== null),
});

// A dead line or a laptop that slept gives no error: the stream is only silent. Letting go of it makes htmx connect again.
setInterval(() => {
  if (connection?.reader && performance.now() - heard > SILENCE) connection.reader.cancel();
}, 5_000);
addEventListener("online", () => connection?.reader?.cancel());
addEventListener("offline", () => say("reconnecting", "reconnecting"));

// Only a change of a run's state is spoken, never its numbers.
const spoken = new Map();
let begun = false; // what a page says when it comes is for its reader to find
function speak() {
  for (const element of document.querySelectorAll("[data-announce]")) {
    const key = place(element);
    const before = spoken.get(key);
    spoken.set(key, element.dataset.announce);
    if (begun && before !== element.dataset.announce) announce.textContent = element.dataset.announce;
  }
  begun = true;
}

// A link to a row opens the row, and whatever it is folded in.
function unfold() {
  const target = location.hash.length > 1 && part(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  reveal(target);
  const row = target.matches(".row") && target.querySelector(":scope > details");
  if (row) row.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();

// The button that was pressed goes with its form. Who pressed it by a key goes on from the form that took its place.
let held = null;
document.addEventListener("focusin", event => { held = event.target.closest(".ask, #run-head")?.id; });
document.addEventListener("pointerdown", () => { held = null; });
function hold() {
  if (held && document.activeElement === document.body) part(held)?.focus({ preventScroll: true });
}

// What is to be copied has a button where there is a clipboard.
function offerCopies() {
  if (navigator.clipboard) for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}
document.addEventListener("click", async event => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(part(button.dataset.copy).textContent);
  announce.textContent = button.textContent = "Copied";
});
// A form that comes back has its first wrong field marked; it is where the reader goes on.
document.addEventListener("htmx:after:swap", event => {
  const { response, sourceElement } = event.detail.ctx ?? {};
  if (response?.status === 422) part(sourceElement.id)?.querySelector("[autofocus]")?.focus();
});

// A complaint is about what was sent: it goes as one of the values changes that it is about.
document.addEventListener("input", event => {
  const asked = event.target.closest(".ask, .fault");
  for (const complaint of asked?.querySelectorAll(`p.complaint, [data-about~="${event.target.name}"]`) ?? []) {
    asked.querySelector(`[aria-describedby="${complaint.id}"]`)?.removeAttribute("aria-invalid");
    complaint.remove();
  }
});

// Of boxes to tick, the closed list says which are ticked. It closes by Escape and by a click elsewhere, as a menu does.
const LISTS = ":is(.several details, .menu)[open]";
function count(several) {
  const ticked = [...several.querySelectorAll(":checked")].map(box => box.parentElement.textContent.trim());
  const summary = several.querySelector("summary");
  summary.firstElementChild.textContent = ticked.join(", ") || summary.dataset.none;
}
function close(but) {
  for (const list of document.querySelectorAll(LISTS)) if (!list.contains(but)) list.open = false;
}
document.addEventListener("change", event => {
  const several = event.target.closest(".several");
  if (several) count(several);
});
document.addEventListener("click", event => close(event.target));
document.addEventListener("keydown", event => {
  const list = event.key === "Escape" && event.target.closest?.(LISTS);
  if (list) { close(null); list.firstElementChild.focus(); }
});

// What is folded opens for who is sent there: by a link, or by a button above it.
function reveal(element) {
  for (let fold = element?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}
function lead(name) {
  const panel = part(name);
  if (!panel) return;
  reveal(panel);
  panel.scrollIntoView({ block: "start" });
}
// A form whose fields may be wrong leads to its panel once its run has begun, all others at once.
document.addEventListener("submit", event => {
  if (event.target.closest(".ways") && !event.target.closest(".ask")) lead(event.target.querySelector("[name=experiment]").value);
});
document.addEventListener("htmx:after:request", event => {
  const { sourceElement, response } = event.detail.ctx;
  if (sourceElement.matches(".ways .ask > [id$=-form]") && response.status === 200) lead(sourceElement.elements.experiment.value);
});
// What draws charts is loaded with the first of them.
const { charts } = document.currentScript.dataset;
let drawing = null;
function offerCharts() {
  if (document.querySelector("vl-chart")) drawing ??= import(charts).catch(error => { drawing = null; console.error(error); });
}
function settle() { speak(); offerCopies(); offerCharts(); hold(); }
document.addEventListener("htmx:after:swap", settle);
document.addEventListener("htmx:sse:after:message", settle);
settle();
