// The JavaScript examples, run as their own heads say.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Node, eventually, fresh, scenario, scratch } from './harness.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** examples/ and what they import, with the packages that they ask for. */
function checkout() {
  const dir = scratch();
  cpSync(join(repository, 'examples'), join(dir, 'examples'), { recursive: true });
  cpSync(join(repository, 'clients/js'), join(dir, 'clients/js'), { recursive: true });
  symlinkSync(join(repository, 'tests/e2e/node_modules'), join(dir, 'node_modules'));
  return join(dir, 'examples');
}
/** An example that runs; `out` is what it has printed. */
function run(s, file, ...args) {
  const child = spawn(process.execPath, [file, ...args], { cwd: checkout() });
  const running = { child, out: '', ended: new Promise((resolve) => child.on('close', resolve)) };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (running.out += text));
  running.says = (pattern) => eventually(() => assert.match(running.out, pattern), 15_000);
  s.defer(async () => {
    child.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

scenario('chat.mjs: two people talk, the node ends and begins again, and they go on', async (s) => {
  let node = await Node.start();
  s.defer(() => (node.ended ? undefined : node.stop()));
  const room = fresh();
  const [ann, bob] = ['ann', 'bob'].map((name) => run(s, 'chat.mjs', name, room, node.url));
  for (const [name, each] of Object.entries({ ann, bob })) await each.says(new RegExp(`\\(in ${room} as ${name}\\)`));
  ann.child.stdin.write('hello\n');
  for (const each of [ann, bob]) await each.says(/^ann: hello$/m);
  await node.kill('SIGKILL');
  await bob.says(/connection lost/);
  bob.child.stdin.write('typed while it was down\n');
  node = await Node.start({ listen: `127.0.0.1:${node.port}`, dir: node.dir });
  for (const each of [ann, bob]) await each.says(/bob: typed while it was down$/m);
  await ann.says(/\(epoch_changed\)/);
  ann.child.stdin.end();
  assert.equal(await ann.ended, 0, 'it ends with its input');
});

scenario('binary.mjs: bytes in a payload', async (s) => {
  const node = await s.node();
  await run(s, 'binary.mjs', fresh(), node.url).says(/^1 guest-\S+ \{ at: \d+, bytes: <Buffer 01 02 03> \}$/m);
});
