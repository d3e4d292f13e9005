// Six attacks from 100 loopback addresses, one after the other, on a node with the limits that it has without --dev, while a
// quiet group of users measures how long its messages take. Prints a row an attack: the p99 of the quiet group before it and
// during it, their ratio, what the attackers did and what the node refused, and the node's memory beside its budget.
//
//   node attack.mjs --binary build/greenroom [--seconds 6] [--rounds 1] [--only ping_flood] [--json FILE]
//
// Where there are only few cores, three things would be measured that are none of the node's doing, and are kept out:
// - the attackers always give way (SCHED_IDLE), as if they were somewhere else;
// - the quiet group has real-time priority: how long it waits for a core itself is not the node's;
// - each shard stays on a core of its own. The kernel at times puts both on one, where one waits for the other for up to
//   3 ms, while on the other core nothing but attackers runs.
// The last two need permission; without it they are left out, which is said. The kernel's part of the attack is not kept out:
// on loopback the TCP input of what an attacker sends runs in its own system call, which nothing interrupts.
// With rounds, each figure is the median over the rounds. Every attack is bounded: in time, in connections at once and in what
// waits to be sent. --json FILE has, beside the figures, when late messages of the quiet group were delivered.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const addresses = Array.from({ length: 100 }, (_, n) => `127.0.1.${n + 1}`);
const budget_bytes = 1 << 30;
const quiet_users = 20;
const quiet_interval_ms = 50;
const warm_up_ms = 4_000; // the quiet group's own code is slow before it is compiled

// --- a client of the native protocol that costs little

const handshake = (port, path = '/ws') =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

/** A frame with a mask of zeros. */
function frame(opcode, text = '', fin = true) {
  const body = Buffer.from(text);
  const long = body.length > 125;
  const head = Buffer.alloc(long ? 8 : 6);
  head[0] = (fin ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (long ? 126 : body.length);
  if (long) head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}
const call = (id, method, params) => frame(1, JSON.stringify({ jsonrpc: '2.0', id, method, params }));

/** Opens a WebSocket from that address: the socket, after its 101; null where it was not let in. */
function open(port, localAddress, on_data = () => {}, path = '/ws') {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    let opened = false;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => resolve(null));
    socket.on('connect', () => socket.write(handshake(port, path)));
    socket.on('data', (bytes) => {
      if (opened) return on_data(bytes);
      opened = true;
      if (bytes.subarray(0, 12).toString() !== 'HTTP/1.1 101') return socket.destroy();
      resolve(socket);
      const end = bytes.indexOf('\r\n\r\n') + 4;
      if (end < bytes.length) on_data(bytes.subarray(end));
    });
  });
}

// --- the quiet group: a process of its own

/** The texts and the pongs of server frames, in whatever pieces they come. */
function reader(on_text, on_pong = () => {}) {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = rest.length ? Buffer.concat([rest, bytes]) : bytes;
    for (;;) {
      if (rest.length < 2) return;
      let size = rest[1] & 127;
      let at = 2;
      if (size === 126) {
        if (rest.length < 4) return;
        size = rest.readUInt16BE(2);
        at = 4;
      } else if (size === 127) {
        if (rest.length < 10) return;
        size = Number(rest.readBigUInt64BE(2));
        at = 10;
      }
      if (rest.length < at + size) return;
      if ((rest[0] & 15) === 1) on_text(rest.toString('utf8', at, at + size));
      if ((rest[0] & 15) === 10) on_pong(rest.toString('utf8', at, at + size));
      rest = rest.subarray(at + size);
    }
  };
}

/** How long messages of a kind took, and when they came. */
class samples {
  #all = [];
  add(took) {
    this.#all.push([performance.now(), took]);
  }
  /** All since the last time, as an object; those that took longer than `late_ms` with their moments. */
  take(began, late_ms) {
    const took = this.#all.map(([, ms]) => ms).sort((a, b) => a - b);
    const at = (q) => took[Math.min(took.length - 1, Math.floor(took.length * q))];
    const late = this.#all.filter(([, ms]) => ms > late_ms).map(([when, ms]) => [Math.round(when - began), ms]);
    this.#all = [];
    return { count: took.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: took.at(-1), late };
  }
}

const kinds = ['messages', 'pings', 'floor'];

/** Each user publishes into a room of its own, which takes it through every part of the node; pings on a second connection, which
 *  takes it through the kernel and the loop only; and has a third one to the floor, where there is one: a server on the same
 *  cores that nobody attacks, and which shows what the attack does to the machine. */
async function quiet_group(port, floors) {
  const took = Object.fromEntries(kinds.map((kind) => [kind, new samples()]));
  let lost = 0;
  let began = performance.now();
  const now_and_then = (n, what) =>
    setTimeout(() => setInterval(what, quiet_interval_ms), (quiet_interval_ms / quiet_users) * n);
  const open_or_lose = async (...args) => {
    const socket = await open(...args);
    socket.on('close', () => ++lost);
    return socket;
  };
  for (let n = 0; n < quiet_users; ++n) {
    const room = `quiet-${n}`;
    let ready;
    const joined = new Promise((resolve) => (ready = resolve));
    const socket = await open_or_lose(port, '127.0.0.1', reader((text) => {
      const message = JSON.parse(text);
      if (message.id === 'joined') ready();
      if (message.method === 'room.message') took.messages.add(performance.now() - message.params.payload);
      if (message.error) ++lost;
    }));
    socket.write(call('open', 'session.open', { user: `quiet-${n}` }));
    socket.write(call('joined', 'room.join', { room }));
    await joined;
    now_and_then(n, () => socket.write(call(undefined, 'room.publish', { room, event: 'e', payload: performance.now() })));

    const second = await open_or_lose(port, '127.0.0.1', reader(() => {}, (sent) => took.pings.add(performance.now() - sent)));
    now_and_then(n + 1 / 3, () => second.write(frame(9, String(performance.now()))));

    if (floors.length === 0) continue;
    const sent = [];
    const on_answer = () => took.floor.add(performance.now() - sent.shift());
    const third = await open_or_lose(floors[n % floors.length], '127.0.0.1', reader(on_answer), '/echo');
    now_and_then(n + 2 / 3, () => {
      sent.push(performance.now());
      third.write(frame(1, 'x'.repeat(60)));
    });
  }
  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) {
    const [order, late_ms] = line.split(' ');
    const said = Object.fromEntries(kinds.map((kind) => [kind, took[kind].take(began, Number(late_ms))]));
    began = performance.now();
    if (order === 'tell') process.stdout.write(`${JSON.stringify({ ...said, lost })}\n`);
  }
  process.exit(0);
}

// --- the attacks: a process of its own, too

const publish = (n) => call(n, 'room.publish', { room: `attack-${n % 100}`, event: 'e', payload: 'x'.repeat(100) });
const waiting_max = 256 << 10; // bytes that a connection of an attacker may have unsent

/** Keeps one connection of each address open and sends what `make` gives as fast as the node reads. */
async function flood(port, until, counts, make, per_address = 1) {
  const piece = (n) => Buffer.concat(Array.from({ length: 50 }, (_, i) => make(n + i)));
  const prepared = Array.from({ length: 4 }, (_, n) => piece(n * 50));
  const one = async (address) => {
    while (Date.now() < until) {
      const socket = await open(port, address, (bytes) => (counts.heard += bytes.length));
      if (!socket) {
        ++counts.refused;
        await pause(100);
        continue;
      }
      ++counts.opened;
      const gone = new Promise((resolve) => socket.once('close', resolve));
      for (let n = 0; !socket.destroyed && Date.now() < until; ++n) {
        if (socket.writableLength < waiting_max && socket.write(prepared[n % 4])) counts.sent += 50;
        else await Promise.race([gone, pause(5)]);
        if (n % 8 === 0) await pause(0);
      }
      if (socket.destroyed) ++counts.closed;
      socket.destroy();
    }
  };
  await Promise.all(addresses.flatMap((address) => Array.from({ length: per_address }, () => one(address))));
}

const attacks = {
  connection_flood: async (port, until, counts) => {
    const one = async (address) => {
      while (Date.now() < until) {
        const socket = await open(port, address);
        socket ? ++counts.opened : ++counts.refused;
        socket?.destroy();
        await pause(0);
      }
    };
    await Promise.all(addresses.flatMap((address) => [one(address), one(address)]));
  },
  slow_headers: async (port, until, counts) => {
    const text = handshake(port);
    const one = async (address) => {
      while (Date.now() < until) {
        const socket = connect({ port, host: '127.0.0.1', localAddress: address });
        socket.on('error', () => {});
        ++counts.opened;
        for (let at = 0; !socket.destroyed && Date.now() < until; ++at) {
          socket.write(text[at % text.length]);
          ++counts.sent;
          await pause(200);
        }
        socket.destroy();
      }
    };
    await Promise.all(addresses.flatMap((address) => Array.from({ length: 20 }, () => one(address))));
  },
  message_flood: (port, until, counts) => flood(port, until, counts, publish, 2),
  join_storm: (port, until, counts) =>
    flood(port, until, counts, (n) => call(n, 'room.join', { room: `storm-${n % 1_000}` })),
  one_byte_fragments: (port, until, counts) => {
    const text = JSON.stringify({ jsonrpc: '2.0', method: 'room.publish', params: { room: 'f', event: 'e', payload: 1 } });
    const pieces = [...text].map((byte, n) => frame(n === 0 ? 1 : 0, byte, n === text.length - 1));
    return flood(port, until, counts, () => Buffer.concat(pieces));
  },
  ping_flood: (port, until, counts) => flood(port, until, counts, () => frame(9, 'ping')),
};

async function attack(name, port, seconds) {
  const counts = { opened: 0, refused: 0, closed: 0, sent: 0, heard: 0 };
  await attacks[name](port, Date.now() + seconds * 1_000, counts);
  process.stdout.write(`${JSON.stringify(counts)}\n`);
  process.exit(0);
}

// --- the run

const lines_of = (child) => createInterface({ input: child.stdout })[Symbol.asyncIterator]();
const this_file = fileURLToPath(import.meta.url);
const cores = availableParallelism();
const may_be_first = spawnSync('chrt', ['--rr', '1', 'true']).status === 0;
const ranks = { attack: ['--idle', '0'], quiet: may_be_first ? ['--rr', '1'] : ['--other', '0'] };
const part = (role, ...args) =>
  spawn('chrt', [...ranks[role], process.execPath, this_file, role, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });

/** Each shard on a core of its own; whether that was possible. */
function pin_shards(pid) {
  const name = (thread) => readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
  const shards = readdirSync(`/proc/${pid}/task`).filter((thread) => name(thread).startsWith('shard '));
  return shards.length <= cores && shards.every((thread, n) => spawnSync('taskset', ['-pc', String(n), thread]).status === 0);
}
/** A floor on each core, where it was built: the processes and their ports. */
async function start_floors(binary) {
  const all = [];
  for (let core = 0; existsSync(binary) && core < cores; ++core) {
    const child = spawn('taskset', ['-c', String(core), binary, '60', '60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    all.push({ child, port: (await lines_of(child).next()).value.match(/:(\d+)/)[1] });
  }
  return all;
}

function memory_of(pid) {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) * 1_024;
}
async function refusals(port) {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const found = {};
  for (const [, scope, what, n] of text.matchAll(/^greenroom_rate_limited_total\{scope="(\w+)",what="(\w+)"\} (\d+)/gm))
    found[`${scope} ${what}`] = Number(n);
  return found;
}

function median(values) {
  const all = values.sort((a, b) => a - b);
  return (all[(all.length - 1) >> 1] + all[all.length >> 1]) / 2;
}

async function run(options) {
  if (!may_be_first) console.log('No real-time priority for the quiet group: its own waiting for a core is measured, too.');
  const dir = mkdtempSync(join(tmpdir(), 'greenroom-attack-'));
  const open_to_all = 'join = "anyone"\npublish = "anyone"\nread = "anyone"\n';
  writeFileSync(
    join(dir, 'greenroom.toml'),
    `[access]\nanonymous = "loopback"\n[namespace.default]\n${open_to_all}[memory]\nbudget_bytes = ${budget_bytes}\n`,
  );
  const config = join(dir, 'greenroom.toml');
  const node = spawn(options.binary, ['serve', '--listen', '127.0.0.1:0', '--data', dir, '--config', config], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const rows = [];
  const floors = [];
  try {
    const { value: ready } = await lines_of(node).next();
    const port = Number(ready.match(/:(\d+)/)[1]);
    if (!pin_shards(node.pid)) console.log('The shards have no cores of their own: they wait for one another, too.');
    floors.push(...(await start_floors(options.floor)));
    const quiet = part('quiet', String(port), ...floors.map((each) => each.port));
    const said = lines_of(quiet);
    await said.next();
    const measure = async (ms, late_ms) => {
      quiet.stdin.write('forget 0\n');
      await pause(ms);
      quiet.stdin.write(`tell ${late_ms}\n`);
      return JSON.parse((await said.next()).value);
    };
    await pause(warm_up_ms);
    for (const name of options.only.length ? options.only : Object.keys(attacks)) {
      const rounds = [];
      for (let round = 0; round < options.rounds; ++round) {
        rounds.push(await one_round(name, port, node.pid, options.seconds, measure));
        await pause(2_000);
      }
      rows.push({ name, rounds });
      print(rows.at(-1), rows.length === 1);
    }
    quiet.stdin.end();
  } finally {
    for (const { child } of floors) child.kill('SIGTERM');
    node.kill('SIGTERM');
    await new Promise((resolve) => node.once('close', resolve));
    rmSync(dir, { recursive: true, force: true });
  }
  if (options.json) writeFileSync(options.json, JSON.stringify(rows, null, 2));
  const failed = (round) => round.memory > budget_bytes || round.during.lost > 0;
  if (rows.some(({ rounds }) => rounds.some(failed))) process.exitCode = 1;
}

async function one_round(name, port, pid, seconds, measure) {
  const before = await measure(seconds * 1_000, Infinity);
  const refused_before = await refusals(port);
  const attacker = part('attack', name, String(port), String(seconds + 1));
  const counted = lines_of(attacker).next();
  let memory = 0;
  const watch = setInterval(() => (memory = Math.max(memory, memory_of(pid))), 50);
  await pause(500); // its process starts
  const during = await measure(seconds * 1_000, 2 * before.messages.p99);
  const counts = JSON.parse((await counted).value);
  clearInterval(watch);
  const refused = Object.entries(await refusals(port)).map(([what, n]) => [what, n - (refused_before[what] ?? 0)]);
  return { before, during, counts, refused: Object.fromEntries(refused.filter(([, n]) => n > 0)), memory };
}

function print({ name, rounds }, first) {
  const of = (figure) => median(rounds.map(figure));
  const p99s = (kind) => {
    const [before, during] = [of((r) => r.before[kind].p99 ?? 0), of((r) => r.during[kind].p99 ?? 0)];
    return before === 0 ? '- | -' : `${before.toFixed(2)}, ${during.toFixed(2)} | ${(during / before).toFixed(1)}`;
  };
  const mib = (bytes) => (bytes / 2 ** 20).toFixed(0);
  const listed = (counts) => Object.entries(counts).filter(([, n]) => n > 0).map(([what, n]) => `${what} ${n}`).join(', ');
  if (first) {
    const titles = kinds.map((kind) => `${kind}: p99 before, during, ms | times`).join(' | ');
    console.log(`| attack | ${titles} | memory, MiB of its budget | attackers | refused |`);
    console.log('|---|---|---|---|---|---|---|---|---|---|');
  }
  const memory = `${mib(Math.max(...rounds.map((r) => r.memory)))} of ${mib(budget_bytes)}`;
  const { counts, refused } = rounds.at(-1);
  console.log(`| ${[name, ...kinds.map(p99s), memory, listed(counts), listed(refused)].join(' | ')} |`);
}

const [role, ...rest] = process.argv.slice(2);
if (role === 'quiet') await quiet_group(Number(rest[0]), rest.slice(1).map(Number));
else if (role === 'attack') await attack(rest[0], Number(rest[1]), Number(rest[2]));
else {
  const { values } = parseArgs({
    options: {
      binary: { type: 'string', default: 'build/greenroom' },
      floor: { type: 'string', default: 'build/tests/bench/greenroom_floor' },
      seconds: { type: 'string', default: '6' },
      rounds: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
    },
  });
  await run({ ...values, seconds: Number(values.seconds), rounds: Number(values.rounds) });
}
