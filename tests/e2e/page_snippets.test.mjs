// The snippets on the start page, run as they are pasted: taken from the page with this node's address, put into files where
// the page says so.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { browser_closes, open_page } from './browser.mjs';
import { binary, eventually, scenario, scratch, sharedNode } from './harness.mjs';

const shared = sharedNode();
const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The text of each snippet, as its Copy button gives it. */
async function snippets(s, node) {
  const page = await open_page(s, node.http);
  await page.waitForSelector('.copy');
  const all = await page
    .locator('.snippet code[id]')
    .evaluateAll((codes) => codes.map((code) => [code.id, code.textContent]));
  return { page, ...Object.fromEntries(all) };
}
/** A checkout with the binary under build/, as a person has it. */
function checkout() {
  const dir = scratch();
  mkdirSync(join(dir, 'build'));
  symlinkSync(binary, join(dir, 'build/greenroom'));
  symlinkSync(join(repository, 'clients'), join(dir, 'clients'));
  symlinkSync(join(dirname(fileURLToPath(import.meta.url)), 'node_modules'), join(dir, 'node_modules'));
  return dir;
}
/** A running program; its output so far. */
function run(s, command, args, cwd, input) {
  const child = spawn(command, args, { cwd, env: { ...process.env, HOME: cwd }, detached: true });
  const running = { child, out: '', ended: new Promise((resolve) => child.on('close', resolve)) };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (running.out += text));
  child.stdin.end(input);
  s.defer(async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid);
    await running.ended;
  });
  return running;
}
const says = (running, pattern) => eventually(() => assert.match(running.out, pattern), 15_000);
/** A listener in the room, and what it heard. */
async function lobby(s, node) {
  const listener = await s.client(node, { user: 'listener' });
  await listener.join('lobby');
  return (payload) =>
    eventually(
      () =>
        assert.ok(
          listener.notifications.some(({ params }) => params.payload === payload),
          payload,
        ),
      15_000,
    );
}

scenario('snippet: the command line', async (s) => {
  const node = await shared.get();
  const heard = await lobby(s, node);
  const { cli } = await snippets(s, node);
  assert.ok(cli.includes(node.url));
  const shell = run(s, 'bash', ['-s'], checkout(), cli);
  await says(shell, /accepted/);
  await heard('hello from the command line');
  await says(shell, /joined lobby/);
});

scenario('snippet: curl', async (s) => {
  const node = await shared.get();
  const heard = await lobby(s, node);
  const { curl } = await snippets(s, node);
  const shell = run(s, 'bash', ['-s'], scratch(), curl);
  assert.equal(await shell.ended, 0);
  const results = Object.fromEntries(JSON.parse(shell.out).map(({ id, result }) => [id, result]));
  assert.equal(results[1].ack, 'accepted');
  assert.ok(Array.isArray(results[2].messages));
  await heard('hello from curl');
});

scenario('snippet: Node', async (s) => {
  const node = await shared.get();
  const heard = await lobby(s, node);
  const { nodejs } = await snippets(s, node);
  const dir = checkout();
  writeFileSync(join(dir, 'hello.mjs'), nodejs);
  const program = run(s, process.execPath, ['--preserve-symlinks', 'hello.mjs'], dir);
  await heard('hello from Node');
  await says(program, /node hello from Node/);
});

scenario('snippet: Python', async (s) => {
  const node = await shared.get();
  const heard = await lobby(s, node);
  const { python } = await snippets(s, node);
  const dir = scratch();
  writeFileSync(join(dir, 'hello.py'), python);
  const program = run(s, '/usr/bin/python3', ['hello.py'], dir);
  await heard('hello from Python');
  await says(program, /python hello from Python/);
});

scenario('snippet: another page of this machine', async (s) => {
  const node = await shared.get();
  const heard = await lobby(s, node);
  const { browser } = await snippets(s, node);
  const server = createServer((request, response) => {
    const here = request.url === '/hello.html';
    response.writeHead(here ? 200 : 204, { 'content-type': 'text/html' }).end(here ? browser : undefined);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  s.defer(() => server.close());
  const page = await open_page(s, `http://127.0.0.1:${server.address().port}/hello.html`);
  await heard('hello from another page');
  await eventually(async () =>
    assert.match((await page.locator('#log li').allTextContents()).join(), /page: hello from another page/),
  );
});

scenario('snippet: the Copy button copies it', async (s) => {
  const { page, python } = await snippets(s, await shared.get());
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Copy: Python' }).click();
  await eventually(async () => assert.equal(await page.evaluate(() => navigator.clipboard.readText()), python));
});

browser_closes();
shared.stops();
