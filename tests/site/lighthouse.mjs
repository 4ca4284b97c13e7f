// Runs Lighthouse on pages in one browser: `node lighthouse.mjs '[["http://…", "mobile"], …]'`, one line of JSON each.
// Throttling is simulated; the waits are shorter than Lighthouse's own, since nothing here comes over a network.
import * as chromeLauncher from 'chrome-launcher';
import lighthouse, { desktopConfig } from 'lighthouse';

const HASTE = { pauseAfterFcpMs: 250, pauseAfterLoadMs: 250, networkQuietThresholdMs: 500, cpuQuietThresholdMs: 500, maxWaitForLoad: 30_000 };
const PRESETS = {
  desktop: [['performance', 'accessibility', 'best-practices', 'seo'], desktopConfig],
  mobile: [['performance'], { extends: 'lighthouse:default' }],
};
const chrome = await chromeLauncher.launch({ chromeFlags: ['--headless=new', '--no-sandbox', '--disable-gpu'] });
try {
  for (const [url, preset] of JSON.parse(process.argv[2])) {
    const [onlyCategories, config] = PRESETS[preset];
    const flags = { port: chrome.port, onlyCategories, throttlingMethod: 'simulate', disableFullPageScreenshot: true, logLevel: 'silent', ...HASTE };
    const { lhr } = await lighthouse(url, flags, config);
    const failed = Object.values(lhr.audits).filter((a) => a.score === 0 && a.scoreDisplayMode === 'binary').map((a) => a.id);
    const details = (id) => lhr.audits[id].details?.items ?? [];
    console.log(JSON.stringify({
      url, preset, failed,
      error: lhr.runtimeError?.message,
      scores: Object.fromEntries(Object.entries(lhr.categories).map(([name, { score }]) => [name, Math.round(100 * score)])),
      speed: Object.fromEntries(['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time', 'cumulative-layout-shift', 'speed-index'].map((id) => [id, lhr.audits[id].numericValue])),
      bytes: Object.fromEntries(details('network-requests').map((r) => [r.url, r.transferSize])),
      longTasks: details('long-tasks').length,
      elements: details('dom-size')[0]?.value.value,
      machine: lhr.environment.benchmarkIndex,
      seconds: lhr.timing.total / 1000,
    }));
  }
} finally {
  chrome.kill();
}
