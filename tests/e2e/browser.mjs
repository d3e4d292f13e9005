// Headless Chromium for the scenarios of pages: Debian's, driven by npm's playwright-core. Every page is watched: what it
// complains about on its console, throws, or what its policy refused fails the scenario, unless the scenario expects it.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { scenario } from './harness.mjs';

const screenshots = fileURLToPath(new URL('../../build/screenshots', import.meta.url));
const args =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const action_timeout_ms = 10_000;

let started; // the browser of this file's scenarios, on an empty profile
const browser = () =>
  (started ??= chromium.launch({
    executablePath: process.env.GREENROOM_CHROMIUM ?? '/usr/bin/chromium',
    args: args.split(' '),
  }));
/** The last scenario of a file. */
export const browser_closes = () =>
  scenario('browser: closes after all of this', async () => {
    await (await started)?.close();
  });

/** A page that shares nothing with any other: cookies, storage, permissions. */
export async function open_page(s, url, { width = 1280, height = 800, colorScheme = 'light', expected } = {}) {
  const context = await (await browser()).newContext({ viewport: { width, height }, colorScheme });
  s.defer(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(action_timeout_ms);
  page.complaints = [];
  page.on('console', (line) => {
    if (line.type() === 'error' || line.type() === 'warning') page.complaints.push(line.text());
  });
  page.on('pageerror', (error) => page.complaints.push(error.message));
  await page.exposeFunction('complain', (what) => page.complaints.push(what));
  await page.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      globalThis.complain(`policy: ${violatedDirective} ${blockedURI}`),
    ),
  );
  s.defer(() => {
    const left = page.complaints.filter((each) => !expected?.test(each));
    assert.deepEqual(left, [], 'the page complained');
  });
  await page.goto(url);
  return page;
}

/** Keeps what the page looks like under build/screenshots/. */
export async function keep(page, name, options) {
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: `${screenshots}/${name}.png`, ...options });
}
