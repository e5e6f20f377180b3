// <vl-chart spec="/charts/x.vl.json" src="/runs/…/chart.json?rev=1" height="280"></vl-chart>
// One Vega-Lite spec and its named datasets from one address; a new src refreshes the data in place. Vega itself, six times
// as large as everything else, is loaded when the first chart is about to be seen.
// The SVG renderer takes colours as var(--token), so light and dark need no second rendering.
const VENDOR = new URL("vendor/", import.meta.url);
const LIBRARIES = ["vega.min.js", "vega-lite.min.js", "vega-embed.min.js"];

const config = {
  background: null, font: "system-ui, sans-serif", padding: 0, view: { stroke: null },
  axis: {
    domain: false, ticks: false, grid: true, gridColor: "var(--hair)",
    labelColor: "var(--ink-3)", labelFontSize: 11, labelPadding: 6,
    title: null, titleColor: "var(--ink-3)", titleFontSize: 11, titleFontWeight: "normal",
  },
  axisX: { grid: false, domain: true, domainColor: "var(--rule)" },
  axisQuantitative: { labelFlush: true },
  text: { color: "var(--ink)", fontSize: 11 },
  point: { color: "var(--ink)", filled: true }, line: { color: "var(--ink)" }, area: { color: "var(--ink)" },
  rule: { color: "var(--rule)" }, bar: { color: "var(--ink-2)" }, tick: { color: "var(--ink)" },
};
// ast: no eval. defaultStyle, disableDefaultStyle: no <style> element. Both are what a strict policy needs.
const options = { logLevel: 1, renderer: "svg", ast: true, actions: false, defaultStyle: false, tooltip: { disableDefaultStyle: true } };

let loading = null;
function load() {
  loading ??= LIBRARIES.reduce((before, name) => before.then(() => new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = new URL(name, VENDOR);
    script.onload = done;
    script.onerror = () => failed(new Error(`${name} could not be loaded`));
    document.head.append(script);
  })), Promise.resolve());
  loading.catch(() => { loading = null; });
  return loading;
}
async function json(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}

// One chart at a time, and between two steps of it the page may answer: all at once would hold up a phone for half a second.
const breath = () => new Promise(done => setTimeout(done));
let turn = Promise.resolve();
function inTurn(work) {
  const mine = turn.then(breath).then(work);
  turn = mine.catch(() => {});
  return mine;
}

// What is folded or far below is not drawn: many who read an answer never scroll to its charts. On paper all are wanted.
const AHEAD = "200px";
const coming = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) target.show();
}, { rootMargin: AHEAD });
addEventListener("beforeprint", () => { for (const chart of document.querySelectorAll("vl-chart")) chart.show(); });

const PACE = 500; // ms between two updates: a live chart is for looking at, not for keeping up
const TRIES = 5; // what a bad line lost is asked for again, but not for ever

customElements.define("vl-chart", class extends HTMLElement {
  static observedAttributes = ["src"];

  sized = new ResizeObserver(() => { if (this.clientWidth) this.fit(); });

  show() {
    if (this.seen || !this.clientWidth) return;
    this.seen = true;
    coming.unobserve(this);
    this.sized.observe(this);
    this.update();
  }

  connectedCallback() { coming.observe(this); }
  attributeChangedCallback(_, old, src) { if (this.seen && old !== null && old !== src) this.update(); }
  disconnectedCallback() {
    coming.unobserve(this);
    this.sized.disconnect();
    this.chart?.finalize();
    this.chart = null;
    this.seen = false; // where it is put back, it is drawn again
  }

  // Vega takes a new width for no change where the plot inside its labels had just that one, and stays too wide.
  async fit() {
    const view = this.chart?.view;
    await view?.runAsync();
    if (view && view === this.chart?.view && this.querySelector("svg").width.baseVal.value > this.clientWidth) {
      await view.width(this.clientWidth - 1).runAsync();
    }
  }

  // One update at a time; what changes meanwhile is seen by the next.
  async update() {
    this.wanted = true;
    if (this.busy) return;
    this.busy = true;
    let failed = 0;
    while (this.wanted && this.isConnected) {
      this.wanted = false;
      const src = this.getAttribute("src");
      try {
        await this.draw(src);
        this.dataset.drawn = src;
        failed = 0;
      } catch (error) {
        this.textContent = "The chart could not be drawn; the table has the same numbers.";
        this.chart = null;
        console.error(error);
        failed += 1;
        this.wanted ||= failed < TRIES;
      }
      await new Promise(done => setTimeout(done, PACE * 2 ** failed));
    }
    this.busy = false;
  }

  async draw(src) {
    const [spec, datasets] = await Promise.all([json(this.getAttribute("spec")), json(src), load()]);
    await inTurn(() => this.render(spec, datasets));
  }

  async render(spec, datasets) {
    if (!this.isConnected) return;
    if (this.chart) {
      for (const [name, rows] of Object.entries(datasets)) if (this.names.has(name)) this.chart.view.data(name, rows);
      await this.chart.view.resize().runAsync(); // new data may have longer labels, which the plot must leave room for
      return;
    }
    const height = Number(this.getAttribute("height")) || spec.height;
    this.names = new Set([...JSON.stringify(spec).matchAll(/"data":\{"name":"(\w+)"/g)].map(found => found[1]));
    // Labels and all are as high as the room that was kept for them, so that nothing below moves.
    const autosize = { type: "fit", contains: "padding" };
    const compiled = vegaLite.compile({ ...spec, datasets, height, autosize }, { config, logger: vega.logger(vega.Error) });
    await breath();
    this.chart = await vegaEmbed(this, compiled.spec, options);
    this.querySelector("svg").setAttribute("aria-hidden", "true"); // the element itself is an image with a label
  }
});
