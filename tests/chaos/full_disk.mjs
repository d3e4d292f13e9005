// The disk of the data directory gets full under a running node, and has space again later. In a mount namespace of its
// own, so that the small tmpfs is gone with this process:
//
//   node tests/chaos/full_disk.mjs
//
// Exit code 0: holds, or cannot be tried here (`skipped: …`). 1: not.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, RpcError } from '../e2e/client.mjs';
import { eventually } from '../e2e/harness.mjs';
import { Journal } from './journal.mjs';
import { Load, handful } from './load.mjs';
import { VictimNode } from './node.mjs';
import { judge } from './oracle.mjs';
import { pause } from './participant.mjs';
import { print, verdict } from './verdict.mjs';

const disk_mib = 24;
const refusal_ms = 20_000;
const unavailable = -32008;
const big = 'x'.repeat(16 << 10);

/** Words that run a command in a mount namespace of its own; undefined where that is not allowed. */
function namespace() {
  for (const words of [
    ['unshare', '-m'],
    ['unshare', '-rm'],
  ]) {
    const [program, ...args] = [
      ...words,
      'sh',
      '-c',
      'd=$(mktemp -d) && mount -t tmpfs -o size=1m none "$d"; e=$?; umount "$d"; rmdir "$d"; exit $e',
    ];
    if (spawnSync(program, args).status === 0) return words;
  }
  return undefined;
}

/** Fills what is left, to the last block. */
function fill(file) {
  const fd = openSync(file, 'w');
  try {
    for (let bytes = 1 << 20; bytes >= 512; bytes >>= 1)
      try {
        for (;;) writeSync(fd, Buffer.alloc(bytes));
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error;
      }
  } finally {
    closeSync(fd);
  }
}

const refused = (promise) =>
  promise.then(
    () => undefined,
    (error) => {
      if (!(error instanceof RpcError)) throw error;
      return error.code;
    },
  );
const ready = async (node) => (await fetch(`${node.http}/ready`)).status;

/** Publishes until it is refused; the code. */
async function until_refused(client, room, payload) {
  const end = Date.now() + refusal_ms;
  while (Date.now() < end) {
    const code = await refused(client.publish(room, payload));
    if (code !== undefined) return code;
  }
  throw new Error('the disk is full, and every publish is acknowledged');
}

async function while_full(node, load, probe) {
  // files keep blocks that they do not use now: first the large ones go, then the last ones
  for (const payload of [big, 'x']) assert.equal(await until_refused(probe, 'durable:probe', payload), unavailable);
  assert.equal(
    await refused(probe.call('user.send', { to: 'mia', event: 'e', payload: big })),
    unavailable,
    'a directed message',
  );
  await eventually(async () => assert.equal(await ready(node), 503, '/ready'));
  assert.equal((await fetch(`${node.http}/health`)).status, 200);
  // reads and live traffic go on
  assert.ok((await probe.call('room.history', { room: load.rooms[0] })).messages.length > 0);
  await probe.join('lobby');
  await probe.publish('lobby', 'live');
  assert.equal((await probe.next('room.message')).payload, 'live');
  // messages with an id that wait for space: their senders go on trying
  for (const sender of load.senders) sender.add();
  await pause(300);
}

async function inside(dir) {
  const disk = join(dir, 'disk');
  mkdirSync(disk);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${disk_mib}m`, 'none', disk], { encoding: 'utf8' });
  assert.equal(mounted.status, 0, mounted.stderr);
  const node = new VictimNode(join(disk, 'data'), { logs: dir });
  const journal = await Journal.create(join(dir, 'journal'));
  let load;
  try {
    await node.start();
    load = new Load(journal, { url: node.url, http: node.http, seed: 1, rooms: 1, cast: handful });
    load.start();
    for (const sender of load.senders) for (let i = 0; i < 20; ++i) sender.add();
    await load.drain(10_000);
    const probe = await Client.connect(node.url);
    await probe.open({ user: 'probe' });
    if ((await probe.publish('durable:probe', 1)).ack !== 'durable') {
      console.log('skipped: the store of this node is in memory');
      return 0;
    }
    const filler = join(disk, 'filler');
    fill(filler);
    await while_full(node, load, probe);
    rmSync(filler);
    await eventually(async () => assert.equal(await ready(node), 200, '/ready'), 10_000);
    await load.drain(10_000); // writes resume by themselves
    // a room that could not open its log tries again after half a second
    await eventually(async () => assert.equal(await refused(probe.publish('durable:probe', big)), undefined), 5_000);
    await probe.end();
    await node.kill();
    await node.start();
    await load.drain(10_000, { all: true });
    await load.read_all();
    await load.stop();
    journal.write({ e: 'drained', ok: await node.stop(), text: 'the node did not end with 0 after SIGTERM' });
    await journal.close();
    const found = verdict(judge(journal.file));
    print(found);
    return found.broken.length === 0 ? 0 : 1;
  } finally {
    await load?.stop();
    if (!node.process.ended) await node.kill();
  }
}

async function main() {
  if (process.argv[2] === '--inside') return inside(process.argv[3]);
  const words = namespace();
  if (!words) {
    console.log('skipped: no mount namespace of its own may be made here');
    return 0;
  }
  const dir = mkdtempSync(join(tmpdir(), 'greenroom-full-disk-'));
  const [program, ...args] = [...words, process.execPath, fileURLToPath(import.meta.url), '--inside', dir];
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  if (status === 0) rmSync(dir, { recursive: true });
  else console.log(`journal and logs are in ${dir}`);
  return status ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  main().then(
    (code) => process.exit(code),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
