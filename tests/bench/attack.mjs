// Six attacks from 100 loopback addresses, one after the other, on a node with the limits that it has without --dev, while a
// quiet group of users measures how long its messages take. Prints a row an attack: the p99 of the quiet group before it and
// during it, their ratio, what the attackers did and what the node refused, and the node's memory beside its budget.
//
//   node attack.mjs --binary build/greenroom [--seconds 6] [--rounds 1] [--only ping_flood] [--json FILE] [--plain]
//
// Where there are only few cores, four things would be measured that are none of the node's doing, and are kept out:
// - attackers take the cores: they would be somewhere else. They are SCHED_IDLE, and the node has real-time priority. The first
//   alone is not enough: where somebody has interrupted a shard, the kernel goes on with an attacker for a slice, 1 ms and more.
// - memory that a process gives back: the kernel does not interrupt that, and the core is lost to all for up to 4 ms. Attackers
//   and quiet group are a program that allocates little (attack.cpp) and not scripts.
// - the quiet group's waiting for a core itself: it goes before the node.
// - shards that wait for one another: each stays on a core of its own.
// Priorities need permission; without it, or with --plain, they are left out, which is said. The floor goes before the node, too: by
// how much its answers are late is the kernel's part of the attack, which on loopback is done where the node is.
// With rounds, each figure is the median over the rounds. Every attack is bounded: in time, in connections at once and in what
// waits to be sent.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    binary: { type: 'string', default: 'build/greenroom' },
    programs: { type: 'string' }, // the folder of greenroom_attack and greenroom_floor
    seconds: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    plain: { type: 'boolean', default: false }, // without priorities
  },
});

const names = ['connection_flood', 'slow_headers', 'message_flood', 'join_storm', 'one_byte_fragments', 'ping_flood'];
const kinds = ['messages', 'pings', 'floor'];
const budget_bytes = 1 << 30;
const warm_up_ms = 1_000;
const over_ms = 1_000; // that an attack goes on after the last look

const times_promised = 2; // p99 of the quiet group's messages
const cores = availableParallelism();
const may_be_first = !values.plain && spawnSync('chrt', ['--rr', '1', 'true']).status === 0;
const ordinary = ['--other', '0'];
const ranks = {
  first: may_be_first ? ['--rr', '2'] : ordinary,
  server: may_be_first ? ['--rr', '1'] : ordinary,
  attack: values.plain ? ordinary : ['--idle', '0'],
};
if (!values.plain) spawnSync('chrt', ['--idle', '--all-tasks', '--pid', '0', String(process.pid)]); // its own looks are nobody's business, too

/** A process of the run, which ends with it however it ends, and the lines that it says. */
const parts = new Set();
function part(rank, ...command) {
  const stderr = rank === 'server' ? 'ignore' : 'inherit';
  const child = spawn('chrt', [...ranks[rank], ...command], { stdio: ['pipe', 'pipe', stderr] });
  parts.add(child);
  child.stdin.on('error', () => {}); // it has ended, which its next line says
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hear = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command.join(' ')} has ended (${child.exitCode ?? child.signalCode})`);
    return value;
  };
  return { child, hear, pid: child.pid };
}
async function end_all() {
  const gone = [...parts].map((child) => child.exitCode ?? child.signalCode ?? new Promise((over) => child.once('close', over)));
  for (const child of parts) child.kill('SIGTERM');
  await Promise.all(gone);
}
process.on('exit', () => parts.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** Each shard on a core of its own; whether that was possible. */
function pin_shards(pid) {
  const name = (thread) => readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
  const shards = readdirSync(`/proc/${pid}/task`).filter((thread) => name(thread).startsWith('shard '));
  return shards.length <= cores && shards.every((thread, n) => spawnSync('taskset', ['-pc', String(n), thread]).status === 0);
}
/** A floor on each core, where it was built: their ports. */
async function start_floors(binary) {
  const ports = [];
  for (let core = 0; existsSync(binary) && core < cores; ++core)
    ports.push((await part('first', 'taskset', '-c', String(core), binary, '60', '60').hear()).match(/:(\d+)/)[1]);
  return ports;
}

function memory_of(pid) {
  if (!existsSync(`/proc/${pid}/status`)) return 0; // its next figure says that it is gone
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)?.[1] ?? 0) * 1_024;
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

/** What a node has without --dev; with --plain less, so that short attacks on a busy machine get over it. */
const limits = values.plain
  ? '[limits.connection]\nmessages_per_second = 50\nmessages_burst = 50\njoins_per_second = 1\njoins_burst = 5\n'
  : '';

async function run(options) {
  if (!may_be_first) console.log('No real-time priority: what is measured is also how the node and the attackers share the cores.');
  const dir = mkdtempSync(join(tmpdir(), 'greenroom-attack-'));
  const config = join(dir, 'greenroom.toml');
  const open_to_all = 'join = "anyone"\npublish = "anyone"\nread = "anyone"\n';
  writeFileSync(
    config,
    `[access]\nanonymous = "loopback"\n[namespace.default]\n${open_to_all}[memory]\nbudget_bytes = ${budget_bytes}\n${limits}`,
  );
  const rows = [];
  try {
    const node = part('server', options.binary, 'serve', '--listen', '127.0.0.1:0', '--data', dir, '--config', config);
    const port = (await node.hear()).match(/:(\d+)/)[1];
    if (!pin_shards(node.pid)) console.log('The shards have no cores of their own: they wait for one another, too.');
    const floors = await start_floors(join(options.programs, 'greenroom_floor'));
    const attackers = join(options.programs, 'greenroom_attack');
    const quiet = part('first', attackers, 'quiet', port, ...floors);
    await quiet.hear();
    const since_last = async () => {
      quiet.child.stdin.write('\n');
      return JSON.parse(await quiet.hear());
    };
    await pause(warm_up_ms);
    for (const name of options.only.length ? options.only : names) {
      const rounds = [];
      for (let round = 0; round < options.rounds; ++round) {
        const attacker = () => part('attack', attackers, name, port, String(options.seconds * 1_000 + over_ms));
        rounds.push(await one_round(attacker, port, node.pid, options.seconds * 1_000, since_last));
        await pause(2_000);
      }
      rows.push({ name, rounds });
      print(rows.at(-1), rows.length === 1);
    }
  } finally {
    await end_all();
    rmSync(dir, { recursive: true, force: true });
  }
  if (options.json) writeFileSync(options.json, JSON.stringify(rows, null, 2));
  const failed = (round) => round.memory > budget_bytes || round.during.lost > 0;
  const slow = (rounds) => !values.plain && times('messages', rounds) > times_promised;
  if (rows.some(({ rounds }) => slow(rounds) || rounds.some(failed))) process.exitCode = 1;
}

async function one_round(attacker, port, pid, ms, since_last) {
  await since_last();
  await pause(ms);
  const before = await since_last();
  const refused_before = await refusals(port);
  let memory = 0;
  const watch = setInterval(() => (memory = Math.max(memory, memory_of(pid))), 50);
  try {
    await since_last();
    const { hear, child } = attacker(); // what comes at once is measured, too
    await pause(ms);
    const during = await since_last();
    if (child.exitCode !== null) throw new Error('the attack was over before what it does was measured');
    const counts = JSON.parse(await hear());
    const refused = Object.entries(await refusals(port)).map(([what, n]) => [what, n - (refused_before[what] ?? 0)]);
    return { before, during, counts, refused: Object.fromEntries(refused.filter(([, n]) => n > 0)), memory };
  } finally {
    clearInterval(watch);
  }
}

/** How many times as long as before: the median over the rounds. */
const times = (kind, rounds) => median(rounds.map((r) => r.during[kind].p99 / r.before[kind].p99));

function print({ name, rounds }, first) {
  const of = (figure) => median(rounds.map(figure));
  const p99s = (kind) => {
    const [before, during] = [of((r) => r.before[kind].p99 ?? 0), of((r) => r.during[kind].p99 ?? 0)];
    return before === 0 ? '- | -' : `${before.toFixed(2)}, ${during.toFixed(2)} | ${times(kind, rounds).toFixed(1)}`;
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

const unknown = values.only.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`There is no attack ${unknown.join(', ')}: ${names.join(' ')}`);
  process.exit(64);
}
const programs = values.programs ?? join(dirname(values.binary), 'tests/bench');
await run({ ...values, programs, seconds: Number(values.seconds), rounds: Number(values.rounds) });
