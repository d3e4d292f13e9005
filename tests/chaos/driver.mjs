// Kills the node again and again under load, and says what it has broken of its promises.
//
//   ./dev chaos [--cycles N] [--seed S] [--rooms N] [--keep] [--syscalls]
//
// Exit code 0: every figure that must be zero is, and something was tried. 1: not. 64: bad arguments.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { random } from '../e2e/harness.mjs';
import { Journal, JournalReader } from './journal.mjs';
import { Load } from './load.mjs';
import { VictimNode, databases, has, quick_check } from './node.mjs';
import { Oracle } from './oracle.mjs';
import { pause } from './participant.mjs';
import { calls, kill_at_each, prepared } from './syscalls.mjs';
import { print, verdict } from './verdict.mjs';

const drain_ms = 15_000;
const quiet_check_bytes = 1 << 30; // a larger database is checked every tenth cycle

/**
 * What happens to a node. After all but one it has died and is started again; `cut_all` is the control: it lives, and
 * every connection ends at the same moment.
 */
export const faults = {
  cut_all(node, chance, load) {
    for (const one of load.everyone) one.cut();
  },
  kill: (node) => node.kill(),
  async kill_twice(node) {
    await node.kill();
    await node.start();
    await node.kill();
  },
  async kill_at_start(node, chance) {
    await node.kill();
    node.spawn();
    await pause(chance() * 150);
    await node.kill();
  },
  async kill_in_drain(node, chance) {
    node.process.child.kill('SIGTERM');
    await pause(chance() * 60);
    await node.kill();
  },
};
const weights = ['kill', 'kill', 'kill', 'kill', 'kill_twice', 'kill_at_start', 'kill_at_start', 'kill_in_drain'];

/**
 * Runs `cycles` of load, fault and rest in `dir`; resolves with what the oracle found.
 * @param options.node what VictimNode takes; @param options.fault always this one.
 */
export async function chaos({ cycles, seed, rooms, dir, node: options, fault: only, say = () => {} }) {
  const chance = random(seed);
  const journal = await Journal.create(join(dir, 'journal'));
  const node = new VictimNode(join(dir, 'data'), options);
  await node.start();
  const load = new Load(journal, { url: node.url, http: node.http, seed: seed + 1, rooms });
  const oracle = new Oracle();
  const reader = new JournalReader(journal.file);
  try {
    load.start();
    for (let cycle = 1; cycle <= cycles; ++cycle) {
      const began = Date.now();
      load.busy = true;
      await pause(300 + chance() * 1_000);
      const fault = only ?? weights[Math.floor(chance() * weights.length)];
      journal.write({ e: 'fault', kind: fault });
      await faults[fault](node, chance, load);
      if (node.process.ended) {
        check_database(node, journal, cycle);
        await node.start();
      }
      const late = await load.drain(drain_ms, { all: cycle % 4 === 0 || cycle === cycles });
      reader.next((e) => oracle.event(e));
      const notes = [...oracle.notes].map(([figure, { count }]) => `${figure} ${count}`);
      say(
        `cycle ${cycle} ${fault}: ${oracle.messages.size} messages, ${Date.now() - began} ms ${[...late, ...notes].join(', ')}`,
      );
    }
    await load.read_all();
    await load.stop();
    journal.write({ e: 'drained', ok: await node.stop(), text: 'the node did not end with 0 after SIGTERM' });
    await journal.close();
    reader.next((e) => oracle.event(e));
    return verdict(oracle);
  } finally {
    await load.stop();
    if (!node.process.ended) await node.kill();
    reader.close();
  }
}

function check_database(node, journal, cycle) {
  if (!has('sqlite3')) return;
  const bytes = databases(node.dir).reduce((sum, file) => sum + statSync(file).size, 0);
  if (cycle % 10 !== 0 && bytes > quiet_check_bytes) return;
  const { checked, damage } = quick_check(node.dir);
  if (checked > 0) journal.write({ e: 'quick_check', ok: damage.length === 0, text: damage.join('; ') });
}

/** Whether it holds: nothing broken, and something tried. */
export const holds = ({ broken, counts }) => broken.length === 0 && counts.acknowledged > 0 && counts.receipts > 0;

/** Kills at every call of the publish path, one run each. */
async function syscalls() {
  const dir = mkdtempSync(join(tmpdir(), 'greenroom-syscalls-'));
  const from = await prepared(dir);
  const broken = [];
  for (const call of calls) {
    const each = await kill_at_each(call, { dir, from, say: console.log });
    console.log(`${call}: ${each.runs} runs, ${each.died} died of the signal, ${each.broken.length} findings`);
    broken.push(...each.broken);
  }
  for (const text of broken) console.log(text);
  if (broken.length === 0) rmSync(dir, { recursive: true });
  else console.log(`journals, data and traces are in ${dir}`);
  process.exitCode = broken.length === 0 ? 0 : 1;
}

class UsageError extends Error {}

async function main() {
  const { values } = parseArgs({
    options: {
      cycles: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      rooms: { type: 'string', default: '4' },
      keep: { type: 'boolean', default: false },
      syscalls: { type: 'boolean', default: false },
    },
  });
  const [cycles, seed, rooms] = ['cycles', 'seed', 'rooms'].map((name) => {
    const number = Number(values[name]);
    if (Number.isSafeInteger(number) && number >= (name === 'seed' ? 0 : 1)) return number;
    throw new UsageError(`--${name} is not a number that it may be: ${values[name]}`);
  });
  if (values.syscalls) return syscalls();
  const dir = mkdtempSync(join(tmpdir(), 'greenroom-chaos-'));
  console.log(`seed ${seed}; again: ./dev chaos --cycles ${cycles} --seed ${seed} --rooms ${rooms}`);
  if (!has('sqlite3')) console.log('quick_check is skipped: no sqlite3 here');
  const found = await chaos({ cycles, seed, rooms, dir, say: console.log });
  if (found.counts.quick_checks === 0) console.log('quick_check is skipped: the data directory has no database');
  print(found);
  const good = holds(found);
  if (good && !values.keep) rmSync(dir, { recursive: true });
  else console.log(`journal, data and logs are in ${dir}`);
  process.exitCode = good ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  main().catch((error) => {
    const usage = error instanceof UsageError || String(error.code).startsWith('ERR_PARSE_ARGS');
    console.error(usage ? `./dev chaos: ${error.message}` : error);
    process.exitCode = usage ? 64 : 1;
  });
