// The one script of the guide. No dependency; survives instant navigation; everything it adds is an extra.

// ---- calculators: one worker for the whole visit, started by the first interaction
const VENDOR = new URL('../vendor/', import.meta.url).href;
const PATIENCE = 45_000; // milliseconds until a silent worker is given up; a slow phone needs most of it
let worker, sequence = 0;
const waiting = new Map();

function stopWorker(reason) {
  worker?.terminate();
  worker = undefined;
  for (const answer of waiting.values()) answer({ failed: reason });
  waiting.clear();
}

function ask(message) {
  if (!worker) {
    worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }) => { waiting.get(data.id)?.(data); waiting.delete(data.id); };
    worker.onerror = (event) => stopWorker(event.message || 'the worker could not start');
  }
  return new Promise((resolve) => {
    const id = ++sequence;
    const timer = setTimeout(() => { if (waiting.has(id)) stopWorker('it did not answer in time'); }, PATIENCE);
    waiting.set(id, (reply) => { clearTimeout(timer); resolve(reply); });
    worker.postMessage({ id, vendor: VENDOR, ...message });
  });
}

class Calculator extends HTMLElement {
  connectedCallback() {
    if (this.form) return;
    this.form = this.querySelector('form');
    this.out = this.querySelector('.fg-calc-out');
    this.status = this.querySelector('.fg-calc-status');
    this.turn = 0;
    this.anchor = this.parentElement.id;
    this.say('Computed when the site was built. Change a value, and the same Python runs here.');
    this.form.addEventListener('submit', (event) => event.preventDefault());
    this.form.addEventListener('focusin', () => { if (window.WebAssembly) ask({ warm: true }); }, { once: true });
    this.form.addEventListener('input', () => this.run());
    this.form.addEventListener('click', (event) => {
      const preset = event.target.closest('[data-values]');
      if (preset) { this.fill(JSON.parse(preset.dataset.values)); this.run(); }
    });
    const copy = document.createElement('button');
    copy.type = 'button';
    copy.className = 'fg-calc-copy';
    copy.textContent = 'Copy link to these values';
    copy.addEventListener('click', () => this.copyLink());
    this.append(copy);
    this.readFragment();
  }

  fields() { return [...this.form.elements].filter((field) => field.name); }
  values() {
    return Object.fromEntries(this.fields().map((f) => [f.name, f.type === 'checkbox' ? f.checked : f.value]));
  }
  fill(values) {
    for (const field of this.fields()) {
      if (!(field.name in values)) continue;
      if (field.type === 'checkbox') field.checked = [true, 'true'].includes(values[field.name]);
      else field.value = values[field.name];
    }
  }
  say(text) { this.status.textContent = text; }

  readFragment() {
    const [anchor, query] = location.hash.slice(1).split('?');
    if (anchor !== this.anchor || !query) return;
    this.fill(Object.fromEntries(new URLSearchParams(query)));
    this.parentElement.scrollIntoView({ block: 'start' });
    this.run();
  }
  link() { return `${location.href.split('#')[0]}#${this.anchor}?${new URLSearchParams(this.values())}`; }
  async copyLink() {
    history.replaceState(history.state, '', this.link());
    try { await navigator.clipboard.writeText(this.link()); this.say('Link copied; it is in the address bar as well.'); }
    catch { this.say('The link is in the address bar.'); }
  }

  async run() {
    if (!window.WebAssembly || !window.Worker) {
      return this.say('This browser cannot run Python (it lacks WebAssembly or workers). What you see is the result for the defaults.');
    }
    const turn = ++this.turn, began = performance.now();
    if (!worker) this.say('Starting Python in this page, once per visit …');
    this.setAttribute('aria-busy', 'true');
    const reply = await ask({ module: this.dataset.module, function: this.dataset.function, values: this.values() });
    if (turn !== this.turn) return;
    this.removeAttribute('aria-busy');
    this.classList.toggle('fg-calc-stale', !reply.html);
    if (reply.refused) return this.say(`Not computed: ${reply.refused}`);
    if (reply.failed) {
      this.say(`Python could not run here: ${reply.failed}. `);
      const retry = document.createElement('button');
      retry.type = 'button';
      retry.textContent = 'Try again';
      retry.addEventListener('click', () => this.run());
      return this.status.append(retry);
    }
    this.out.innerHTML = reply.html;
    this.dataset.ms = (performance.now() - began).toFixed(1);
    this.say('Computed in this page by the same Python.');
  }
}
customElements.define('fg-calc', Calculator);
addEventListener('hashchange', () => document.querySelectorAll('fg-calc').forEach((c) => c.readFragment()));
