// The one script of the guide. No dependency; survives instant navigation; everything it adds is an extra.

// ---- loading: the style sheet leaves out what is out of sight. The reader's first move has it laid out, in slices too
// short to be felt; pages reached later arrive whole, so that going back finds the old place
const SIGNS = ['scroll', 'keydown', 'pointerdown', 'pointermove', 'focusin', 'hashchange', 'popstate', 'click', 'input'];
const SLICE = 8; // milliseconds
const idle = (work) => (window.requestIdleCallback ? requestIdleCallback(work, { timeout: 100 }) : setTimeout(work, 1));

function layOut(blocks) {
  const began = performance.now();
  while (blocks.length && performance.now() - began < SLICE) {
    const block = blocks.shift();
    block.style.contentVisibility = 'visible';
    const code = block.querySelector(':scope > code');
    if (code && code.scrollWidth > code.clientWidth) code.tabIndex = 0; // Material does so only in sight
    else block.getBoundingClientRect();
  }
  if (blocks.length) idle(() => layOut(blocks));
  else document.documentElement.classList.add('fg-whole');
}
function firstMove() {
  for (const sign of SIGNS) removeEventListener(sign, firstMove, true);
  idle(() => layOut([...document.querySelectorAll('.md-content__inner > :nth-child(n + 8), .md-content__inner > .highlight > pre')]));
}
for (const sign of SIGNS) addEventListener(sign, firstMove, { capture: true, passive: true });

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
      if (preset) { this.form.reset(); this.fill(JSON.parse(preset.dataset.values)); this.run(); }
    });
    const reset = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Reset' });
    reset.dataset.values = '{}';
    let presets = this.form.querySelector('.fg-calc-presets');
    if (!presets) this.form.querySelector('.fg-calc-about').after(presets = Object.assign(document.createElement('div'), { className: 'fg-calc-presets' }));
    presets.append(reset);
    const copy = document.createElement('button');
    copy.type = 'button';
    copy.className = 'fg-calc-copy';
    copy.textContent = 'Copy link to these values';
    copy.addEventListener('click', () => this.copyLink());
    this.append(copy);
    this.readLink();
    idle(() => { this.mark(); if (this.changed()) this.run(); }); // a browser that goes back fills the form again
  }

  fields() { return this.inputs ??= [...this.form.querySelectorAll('input[name], select[name], textarea[name]')]; }
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
  mark() { // which preset is chosen, and which inputs change nothing beside the others
    const values = this.values(), initial = Object.fromEntries(this.fields().map((f) => [f.name, f.type === 'checkbox' ? f.defaultChecked
      : f.options ? [...f.options].find((o) => o.defaultSelected)?.value ?? f.options[0].value : f.defaultValue]));
    for (const button of this.form.querySelectorAll('[data-values]')) {
      const wanted = { ...initial, ...JSON.parse(button.dataset.values) };
      button.setAttribute('aria-pressed', String(Object.keys(values).every((name) => String(values[name]) === String(wanted[name]) || Number(values[name]) === Number(wanted[name]))));
    }
    const unused = (this.out.querySelector('[data-unused]')?.dataset.unused ?? '').split(' ');
    for (const field of this.fields()) field.closest('.fg-calc-field').hidden = unused.includes(field.name);
  }
  changed() { return this.form.querySelector('[data-values="{}"]').getAttribute('aria-pressed') !== 'true'; } // as of the last mark

  readLink() { // ?calculator=anchor&context=4096, and the older #anchor?context=4096, which scrolling overwrites
    const given = new URLSearchParams(location.search), [anchor, query] = location.hash.slice(1).split('?');
    const values = given.get('calculator') === this.anchor ? given : anchor === this.anchor && query ? new URLSearchParams(query) : null;
    if (!values) return;
    this.fill(Object.fromEntries(values));
    this.parentElement.scrollIntoView({ block: 'start' });
    this.run();
  }
  link() {
    return `${location.origin}${location.pathname}?${new URLSearchParams({ calculator: this.anchor, ...this.values() })}#${this.anchor}`;
  }
  async copyLink() {
    history.replaceState(history.state, '', this.link());
    try { await navigator.clipboard.writeText(this.link()); this.say('Link copied; it is in the address bar as well.'); }
    catch { this.say('Copy the link from the address bar.'); }
  }

  refuse({ refused, field }) { // where the reader looks: at the field
    for (const old of this.form.querySelectorAll('.fg-calc-refused')) old.remove();
    for (const input of this.fields()) {
      input.removeAttribute('aria-invalid');
      if (input.name !== field) continue;
      const told = Object.assign(document.createElement('span'), { className: 'fg-calc-refused', id: `${this.anchor}-refused`, textContent: refused });
      told.setAttribute('role', 'alert');
      input.setAttribute('aria-invalid', 'true');
      input.setAttribute('aria-errormessage', told.id);
      input.after(told);
    }
  }

  async run() {
    if (!window.WebAssembly || !window.Worker) {
      return this.say('This browser cannot run Python (it lacks WebAssembly or workers). What you see is the result for the defaults.');
    }
    const turn = ++this.turn, began = performance.now();
    if (!worker) this.say('Loading Python into this page, once per visit: 5 MB …');
    this.setAttribute('aria-busy', 'true');
    const reply = await ask({ module: this.dataset.module, function: this.dataset.function, values: this.values() });
    if (turn !== this.turn) return;
    this.removeAttribute('aria-busy');
    this.classList.toggle('fg-calc-stale', !reply.html);
    this.refuse(reply);
    if (reply.html) this.out.innerHTML = reply.html;
    this.mark();
    if (reply.refused) return this.say(`Not computed: ${reply.refused}`);
    if (reply.failed) {
      this.say(`Python could not run here: ${reply.failed}. `);
      const retry = document.createElement('button');
      retry.type = 'button';
      retry.textContent = 'Try again';
      retry.addEventListener('click', () => this.run());
      return this.status.append(retry);
    }
    this.dataset.ms = (performance.now() - began).toFixed(1);
    this.say('Computed in this page by the same Python.');
  }
}
customElements.define('fg-calc', Calculator);
addEventListener('hashchange', () => document.querySelectorAll('fg-calc').forEach((c) => c.readLink()));
addEventListener('pageshow', (event) => { if (event.persisted) for (const c of document.querySelectorAll('fg-calc')) { c.mark(); if (c.changed()) c.run(); } });

// ---- what the reader did: pages read, quiz answers, the last page. One key, versioned, shared by all tabs
const KEY = 'fieldguide';
const VERSION = 2;
const empty = () => ({ version: VERSION, read: {}, quiz: {}, last: null });
let memory = null; // what this tab knows when the browser keeps nothing

function migrate(data) {
  if (!data || typeof data !== 'object') return empty();
  const found = { ...data };
  if (!found.version || found.version === 1) { // version 1 held the pages read as a list
    if (Array.isArray(found.read)) found.read = Object.fromEntries(found.read.map((path) => [path, 0]));
    found.version = 2;
  }
  const known = (value) => (value && typeof value === 'object' && !Array.isArray(value) ? value : {});
  return { ...found, read: known(found.read), quiz: known(found.quiz), last: found.last ?? null };
}
function load() {
  try { return migrate(JSON.parse(localStorage.getItem(KEY)) ?? memory); } catch { return migrate(memory); }
}
function save(state) {
  memory = state;
  try { localStorage.setItem(KEY, JSON.stringify(state)); return true; } catch { return false; } // full or blocked: this tab remembers
}
const change = (edit) => { const state = load(); edit(state); const kept = save(state); paint(); return kept; };

const BASE = new URL('..', import.meta.url);
const here = () => decodeURIComponent(location.pathname.slice(BASE.pathname.length));

function paint() {
  const state = load();
  for (const button of document.querySelectorAll('[data-fg-read]')) {
    const on = here() in state.read;
    button.setAttribute('aria-pressed', String(on));
    button.textContent = on ? 'Read ✓' : 'Mark as read';
  }
  for (const box of document.querySelectorAll('[data-fg-pages]')) {
    const pages = box.dataset.fgPages.split(' ').filter(Boolean);
    const done = pages.filter((path) => path in state.read).length;
    const bar = box.parentElement.querySelector('.fg-bar');
    bar?.style.setProperty('--read', `${(100 * done) / Number(box.dataset.fgTotal)}%`);
    box.hidden = !done;
    box.textContent = `${done} read`;
  }
  for (const box of document.querySelectorAll('[data-fg-continue]')) {
    const last = state.last && state.last.path in state.read ? state.last.next : state.last;
    box.hidden = !last;
    if (last) { box.firstElementChild.href = new URL(last.path, BASE); box.firstElementChild.textContent = `Continue: ${last.title}`; }
  }
  for (const quiz of document.querySelectorAll('fg-quiz')) quiz.restore?.(state.quiz[`${here()}#${quiz.id}`]);
  score(state);
}

function score(state) {
  const box = document.querySelector('[data-fg-score]');
  if (!box) return;
  const all = [...document.querySelectorAll('fg-quiz')];
  const results = all.map((quiz) => state.quiz[`${here()}#${quiz.id}`]).filter(Boolean);
  box.textContent = results.length ? `${results.filter((r) => r.right).length} of ${all.length} right` : '';
}

addEventListener('storage', (event) => { if (event.key === KEY) paint(); });

document.addEventListener('click', (event) => {
  const act = event.target.closest?.('[data-fg-read], [data-fg-export], [data-fg-import], [data-fg-reset]');
  if (!act) return;
  const tell = (text) => { const box = document.querySelector('[data-fg-told]'); if (box) box.textContent = text; };
  if ('fgRead' in act.dataset) {
    const kept = change((s) => { if (here() in s.read) delete s.read[here()]; else s.read[here()] = Date.now(); });
    if (!kept) act.title = 'This browser keeps nothing: remembered until you close the tab.';
  } else if ('fgExport' in act.dataset) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([JSON.stringify(load(), null, 1)], { type: 'application/json' }));
    link.download = 'field-guide-progress.json';
    link.click();
    tell('Exported.');
  } else if ('fgImport' in act.dataset) {
    const input = Object.assign(document.createElement('input'), { type: 'file', accept: 'application/json' });
    input.addEventListener('change', async () => {
      try {
        const data = JSON.parse(await input.files[0].text());
        if (!data || typeof data !== 'object' || !('read' in data)) throw new Error('not a progress file');
        const other = migrate(data);
        change((s) => { Object.assign(s.read, other.read); Object.assign(s.quiz, other.quiz); s.last ??= other.last; });
        tell('Imported; what you had is kept.');
      } catch (error) { tell(`Not imported: ${error.message}. Nothing was changed.`); }
    });
    input.click();
  } else if (confirm('Forget every page read and every quiz answer in this browser?')) {
    memory = null;
    try { localStorage.removeItem(KEY); } catch { /* nothing was kept */ }
    paint();
    tell('Forgotten.');
  }
});

// ---- quizzes: with a script the disclosure becomes a form that tells right from wrong
class Quiz extends HTMLElement {
  connectedCallback() {
    if (this.form) return;
    const choices = [...this.querySelectorAll('.fg-quiz-choices > li')];
    this.reasons = [...this.querySelectorAll('.fg-quiz-reasons > li')];
    this.places = choices.map((choice) => Number(choice.dataset.place)); // in the page's source: what is kept outlives a new order
    this.disclosure = this.querySelector('details');
    this.form = document.createElement('form');
    this.numeric = this.dataset.answer !== undefined;
    const rights = this.reasons.filter((r) => r.classList.contains('fg-right')).length;
    const group = document.createElement('fieldset');
    const legend = document.createElement('legend');
    legend.append(...this.querySelector('.fg-quiz-question').cloneNode(true).childNodes);
    group.append(legend);
    if (this.numeric) {
      const label = document.createElement('label');
      const input = Object.assign(document.createElement('input'), { type: 'text', name: 'answer', inputMode: 'decimal', autocomplete: 'off' });
      label.append('Your answer ', input, this.dataset.unit ? ` ${this.dataset.unit}` : '');
      group.append(label);
    } else {
      choices.forEach((choice, index) => {
        const label = document.createElement('label');
        const input = Object.assign(document.createElement('input'), { type: rights > 1 ? 'checkbox' : 'radio', name: this.id, value: String(this.places[index]) });
        const text = document.createElement('span');
        text.append(...choice.childNodes);
        const why = document.createElement('p');
        why.className = 'fg-quiz-why';
        why.hidden = true;
        label.append(input, text);
        group.append(label, why);
      });
      this.querySelector('.fg-quiz-choices').remove();
    }
    this.told = Object.assign(document.createElement('p'), { className: 'fg-quiz-told' });
    this.told.setAttribute('role', 'status');
    const check = Object.assign(document.createElement('button'), { type: 'submit', textContent: 'Check', className: 'fg-quiz-check' });
    this.form.append(group, check, this.told);
    this.querySelector('.fg-quiz-question').remove();
    this.disclosure.hidden = true;
    this.prepend(this.form);
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.check(); });
  }
  answer() {
    if (this.numeric) return this.form.elements.answer.value.trim();
    return [...this.form.querySelectorAll('input')].filter((i) => i.checked).map((i) => Number(i.value));
  }
  check() {
    const given = this.answer();
    if (!given.length) { this.told.textContent = this.numeric ? 'Write a number.' : 'Pick an answer.'; return; }
    const right = this.mark(given);
    change((s) => { s.quiz[`${here()}#${this.id}`] = { given, right }; });
  }
  mark(given) {
    let right;
    if (this.numeric) {
      const number = Number(String(given).replace(/[\s,]/g, '').match(/^[-+]?[\d.]+(?:e[-+]?\d+)?/i)?.[0] ?? NaN);
      const wanted = Number(this.dataset.answer), tolerance = Number(this.dataset.tolerance) * Math.max(Math.abs(wanted), 1e-12);
      if (Number.isNaN(number)) { this.told.textContent = 'That is not a number.'; return false; }
      right = Math.abs(number - wanted) <= tolerance + 1e-12;
      this.told.textContent = right ? 'Right.' : 'Not within tolerance. Try again, or open the answer.';
      this.disclosure.hidden = false;
    } else {
      right = true;
      const whys = [...this.form.querySelectorAll('.fg-quiz-why')];
      this.reasons.forEach((reason, index) => {
        const good = reason.classList.contains('fg-right'), picked = given.includes(this.places[index]);
        if (good !== picked) right = false;
        whys[index].hidden = !picked;
        whys[index].className = `fg-quiz-why ${good ? 'fg-right' : 'fg-wrong'}`;
        whys[index].innerHTML = reason.innerHTML;
      });
      this.told.textContent = right ? 'Right.' : 'Not yet.';
    }
    this.dataset.right = String(right);
    return right;
  }
  restore(result) {
    if (!result || !this.form || this.dataset.right !== undefined) return;
    if (this.numeric) this.form.elements.answer.value = result.given;
    else for (const input of this.form.querySelectorAll('input')) input.checked = result.given.includes?.(Number(input.value));
    this.mark(result.given);
  }
}
customElements.define('fg-quiz', Quiz);

// ---- listings of more than twenty lines begin folded; paper and browsers without this script show all of them
function fold() {
  for (const code of document.querySelectorAll('.md-content__inner > .language-python.highlight > pre > code')) {
    const lines = code.textContent.trimEnd().split('\n').length, block = code.closest('.highlight');
    if (lines <= 20 || block.querySelector('.fg-unfold')) continue;
    block.classList.add('fg-folded');
    const button = Object.assign(document.createElement('button'), { type: 'button', className: 'fg-unfold', textContent: `Show all ${lines} lines` });
    button.setAttribute('aria-expanded', 'false');
    button.addEventListener('click', () => {
      const folded = block.classList.toggle('fg-folded');
      button.setAttribute('aria-expanded', String(!folded));
      button.textContent = folded ? `Show all ${lines} lines` : 'Show less';
    });
    block.append(button);
  }
}

// ---- search: the theme fails on a word that ends in a hyphen, as everybody's does who types `all-reduce`
addEventListener('keyup', (event) => {
  if (event.target.matches?.('.md-search__input') && event.target.value.endsWith('-')) event.stopImmediatePropagation();
}, true);

function arrive() {
  idle(fold);
  for (const term of document.querySelectorAll('article abbr[title]')) term.tabIndex = 0; // its tooltip shows on focus, too
  if (document.querySelector('[data-fg-read]')) {
    const state = load();
    const next = document.querySelector('.md-footer__link--next');
    state.last = {
      path: here(), title: document.querySelector('h1')?.firstChild?.textContent ?? document.title,
      next: next && { path: decodeURIComponent(new URL(next.href).pathname.slice(BASE.pathname.length)), title: next.querySelector('.md-ellipsis').textContent.trim() },
    };
    save(state);
  }
  paint();
}
if (window.document$) document$.subscribe(arrive); else arrive();
