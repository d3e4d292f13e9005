// The harness itself: what fails in a scenario must fail the program, or none of the other files says anything.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const harness = new URL('harness.mjs', import.meta.url).href;
const dir = mkdtempSync(join(tmpdir(), 'greenroom-e2e-canary-'));
after(() => rmSync(dir, { recursive: true }));

/** The exit code of a test file with this body. */
function exit_code(body, env = {}) {
  const file = join(dir, 'canary.test.mjs');
  writeFileSync(file, `import { scenario, sharedNode, within } from '${harness}';\n${body}`);
  return spawnSync(process.execPath, [file], {
    env: { ...process.env, ...env, NODE_TEST_CONTEXT: '', TMPDIR: dir },
    encoding: 'utf8',
    timeout: 5_000,
  }).status;
}

test('harness: a scenario that holds exits with 0', () => assert.equal(exit_code(`scenario('x', async () => {});`), 0));
for (const [what, body] of Object.entries({
  throws: `scenario('x', async () => { throw new Error('planted'); });`,
  'fails among others': `scenario('a', async () => {}); scenario('x', async () => { throw new Error('planted'); }); scenario('b', async () => {});`,
  'fails in its clean-up': `scenario('x', async (s) => { s.defer(() => { throw new Error('planted'); }); });`,
  'never ends': `scenario('x', () => new Promise(() => {}), { timeout: 200 });`,
  'hangs on a timer': `scenario('x', () => new Promise(() => setInterval(() => {}, 1000)), { timeout: 200 });`,
  'leaves a rejection behind': `scenario('x', async () => { Promise.reject(new Error('planted')); await new Promise((go) => setTimeout(go, 20)); });`,
  'has no binary to run': `scenario('x', async (s) => { await s.node(); });`,
}))
  test(`harness: a scenario that ${what} fails its file`, () =>
    assert.notEqual(exit_code(body, { GREENROOM_BINARY: '/no/such/binary' }), 0));
test('harness: a node that exits with 1 on SIGTERM fails its scenario', () => {
  const fake = join(dir, 'fake-node');
  writeFileSync(fake, '#!/bin/sh\ntrap "exit 1" TERM\necho ready 127.0.0.1:1\nwhile :; do sleep 0.05; done\n', {
    mode: 0o755,
  });
  assert.notEqual(exit_code(`scenario('x', async (s) => { await s.node(); });`, { GREENROOM_BINARY: fake }), 0);
  writeFileSync(fake, '#!/bin/sh\ntrap "exit 0" TERM\necho ready 127.0.0.1:1\nwhile :; do sleep 0.05; done\n', {
    mode: 0o755,
  });
  assert.equal(exit_code(`scenario('x', async (s) => { await s.node(); });`, { GREENROOM_BINARY: fake }), 0);
});
