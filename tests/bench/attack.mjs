// Six attacks from 100 loopback addresses, one after the other, on a node with the limits that it has without --dev, while a
// quiet group of users measures how long its messages take. Prints a row an attack: the p99 of the quiet group before it and
// during it, their ratio, what the attackers did and what the node refused, and the node's memory beside its budget.
//
//   node attack.mjs --binary build/greenroom [--seconds 6] [--only ping_flood] [--json FILE]
//
// The attackers always give way (SCHED_IDLE): the node and the quiet group have the machine's cores as if the attackers were
// somewhere else, and what the quiet group notices is the node's doing. Every attack is bounded: in time, in connections at once
// and in what waits to be sent.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const addresses = Array.from({ length: 100 }, (_, n) => `127.0.1.${n + 1}`);
const budget_bytes = 1 << 30;
const quiet_users = 20;
const quiet_interval_ms = 50;

// --- a client of the native protocol that costs little

const handshake = (port) =>
  `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
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
function open(port, localAddress, on_data = () => {}) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    let opened = false;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => resolve(null));
    socket.on('connect', () => socket.write(handshake(port)));
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

/** The texts of server frames, in whatever pieces they come. */
function reader(on_text) {
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
      rest = rest.subarray(at + size);
    }
  };
}

async function quiet_group(port) {
  let took = [];
  let lost = 0;
  for (let n = 0; n < quiet_users; ++n) {
    const room = `quiet-${n}`;
    let ready;
    const joined = new Promise((resolve) => (ready = resolve));
    const socket = await open(port, '127.0.0.1', reader((text) => {
      const message = JSON.parse(text);
      if (message.id === 'joined') ready();
      if (message.method === 'room.message') took.push(performance.now() - message.params.payload);
      if (message.error) ++lost;
    }));
    socket.on('close', () => ++lost);
    socket.write(call('open', 'session.open', { user: `quiet-${n}` }));
    socket.write(call('joined', 'room.join', { room }));
    await joined;
    setTimeout(() => {
      setInterval(
        () => socket.write(call(undefined, 'room.publish', { room, event: 'e', payload: performance.now() })),
        quiet_interval_ms,
      );
    }, (quiet_interval_ms / quiet_users) * n);
  }
  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) {
    const all = took.sort((a, b) => a - b);
    const at = (q) => all[Math.min(all.length - 1, Math.floor(all.length * q))];
    if (line === 'tell') process.stdout.write(`${JSON.stringify({ count: all.length, p50: at(0.5), p99: at(0.99), max: all.at(-1), lost })}\n`);
    took = [];
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
const gives_way = ['--idle', '0', process.execPath];
const part = (role, ...args) =>
  spawn(role === 'attack' ? 'chrt' : process.execPath, [...(role === 'attack' ? gives_way : []), this_file, role, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });

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

async function run(options) {
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
  try {
    const { value: ready } = await lines_of(node).next();
    const port = Number(ready.match(/:(\d+)/)[1]);
    const quiet = part('quiet', String(port));
    const said = lines_of(quiet);
    await said.next();
    const measure = async (ms) => {
      quiet.stdin.write('forget\n');
      await pause(ms);
      quiet.stdin.write('tell\n');
      return JSON.parse((await said.next()).value);
    };
    await pause(1_000);
    for (const name of options.only.length ? options.only : Object.keys(attacks)) {
      const before = await measure(options.seconds * 1_000);
      const refused_before = await refusals(port);
      const attacker = part('attack', name, String(port), String(options.seconds + 1));
      const counted = lines_of(attacker).next();
      let memory = 0;
      const watch = setInterval(() => (memory = Math.max(memory, memory_of(node.pid))), 50);
      await pause(500); // its process starts
      const during = await measure(options.seconds * 1_000);
      const counts = JSON.parse((await counted).value);
      clearInterval(watch);
      const refused = Object.entries(await refusals(port)).map(([what, n]) => [what, n - (refused_before[what] ?? 0)]);
      rows.push({ name, before, during, counts, refused: Object.fromEntries(refused.filter(([, n]) => n > 0)), memory });
      print(rows.at(-1), rows.length === 1);
      await pause(2_000);
    }
    quiet.stdin.end();
  } finally {
    node.kill('SIGTERM');
    await new Promise((resolve) => node.once('close', resolve));
    rmSync(dir, { recursive: true, force: true });
  }
  if (options.json) writeFileSync(options.json, JSON.stringify(rows, null, 2));
  if (rows.some((row) => row.memory > budget_bytes || row.during.lost > 0)) process.exitCode = 1;
}

function print({ name, before, during, counts, refused, memory }, first) {
  const ms = (value) => (value === undefined ? '-' : value.toFixed(2));
  const mib = (bytes) => (bytes / 2 ** 20).toFixed(0);
  if (first) {
    console.log('| attack | p99 before, ms | p99 during, ms | ratio | memory, MiB of its budget | attackers | refused |');
    console.log('|---|---|---|---|---|---|---|');
  }
  const did = Object.entries(counts).filter(([, n]) => n > 0).map(([what, n]) => `${what} ${n}`).join(', ');
  const no = Object.entries(refused).map(([what, n]) => `${what} ${n}`).join(', ');
  console.log(
    `| ${name} | ${ms(before.p99)} | ${ms(during.p99)} | ${ms(during.p99 / before.p99)} | ${mib(memory)} of ${mib(budget_bytes)} | ${did} | ${no} |`,
  );
}

const [role, ...rest] = process.argv.slice(2);
if (role === 'quiet') await quiet_group(Number(rest[0]));
else if (role === 'attack') await attack(rest[0], Number(rest[1]), Number(rest[2]));
else {
  const { values } = parseArgs({
    options: {
      binary: { type: 'string', default: 'build/greenroom' },
      seconds: { type: 'string', default: '6' },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
    },
  });
  await run({ ...values, seconds: Number(values.seconds) });
}
