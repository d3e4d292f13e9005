// Kills the node at the N-th call of a system call, for N = 1, 2 … through a fixed run of publishes, sends and their acks,
// and judges what is there after the next start. strace injects the signal; it must never be given --seccomp-bpf, under
// which nothing is injected and every run would pass.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { patience, within } from '../e2e/harness.mjs';
import { Journal } from './journal.mjs';
import { Load, handful } from './load.mjs';
import { VictimNode } from './node.mjs';
import { judge } from './oracle.mjs';
import { pause } from './participant.mjs';
import { verdict } from './verdict.mjs';

/** Where a publish may be cut: the database's file, its sync, and the answer that leaves. */
export const calls = ['fdatasync', 'pwrite64', 'sendto'];
const run_ms = 20_000;
const messages = 3; // of each sender, one after the other

/** A data directory that a node has made, so that each run starts from the same files. */
export async function prepared(dir, options) {
  const node = new VictimNode(join(dir, 'prepared', 'data'), options);
  await node.start();
  await node.stop();
  return node.dir;
}

/** The fixed run: each message waits for the answer to the one before. True where all were answered. */
async function run(load, node) {
  const end = Date.now() + run_ms * patience;
  for (let i = 0; i < messages; ++i)
    for (const sender of load.senders) {
      sender.add();
      while (sender.open.size > 0) {
        if (node.process.ended) return false;
        if (Date.now() > end) throw new Error(`${sender.name} has no answer, and the node lives`);
        await pause(2);
      }
    }
  return true;
}

/**
 * One run, killed at the `when`-th `call` of a thread. {died, found}: whether the node died of it (else it had
 * fewer calls), and what the oracle says after a restart.
 */
export async function killed_at(call, when, { dir, from, options = {} }) {
  const here = join(dir, `${call}-${when}`);
  mkdirSync(here);
  cpSync(from, join(here, 'data'), { recursive: true, filter: (file) => !file.endsWith('.sock') });
  const trace = join(here, 'trace');
  const wrap = [
    'strace',
    '-D',
    '-f',
    '-qq',
    '-o',
    trace,
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${call}:signal=SIGKILL:when=${when}`,
  ];
  const victim = new VictimNode(join(here, 'data'), { ...options, wrap });
  const again = new VictimNode(join(here, 'data'), options);
  const journal = await Journal.create(join(here, 'journal'));
  let load;
  const cast = () =>
    (load = new Load(journal, { url: victim.url, http: victim.http, seed: when, rooms: 1, cast: handful }));
  try {
    const began = await victim.start().then(
      () => true,
      () => false,
    ); // it may die before it is ready
    if (began) {
      cast().start();
      await run(load, victim);
    }
    const died = await death(victim);
    if (!died) await victim.kill();
    again.port = victim.port;
    await again.start();
    if (!load) {
      victim.port = again.port;
      cast().start();
      await run(load, again);
    }
    await load.drain(run_ms, { all: true });
    await load.read_all();
    await load.stop();
    journal.write({ e: 'drained', ok: await again.stop(), text: 'the node did not end with 0 after SIGTERM' });
    await journal.close();
    const found = verdict(judge(journal.file));
    return { died, found };
  } finally {
    await load?.stop();
    for (const node of [victim, again]) if (node.process && !node.process.ended) await node.kill();
  }
}

/** Whether the injected signal has ended it. What ended it otherwise is an error. */
async function death({ process: { exited, ended, stderr } }) {
  const end = ended ?? (await within(200, 'the end', exited).catch(() => undefined));
  if (!end) return false;
  if (end.signal !== 'SIGKILL') throw new Error(`the node ended with ${JSON.stringify(end)}: ${stderr.all.join('\n')}`);
  return true;
}

/**
 * Kills at each call from 1 on, every `step`-th, until the run has no more of them or `most` runs were made. Resolves with
 * {runs, died, broken: [text]}; where not a single run died of its signal that is an error: nothing was tried.
 */
export async function kill_at_each(call, { dir, from, step = 1, most = Infinity, options, say = () => {} }) {
  const all = { runs: 0, died: 0, broken: [] };
  for (let when = 1; all.runs < most; when += step) {
    const { died, found } = await killed_at(call, when, { dir, from, options });
    if (!died && all.died === 0) throw new Error(`no run died at ${call}: nothing was tried`);
    ++all.runs;
    all.died += died;
    all.broken.push(...found.broken.map(({ name, texts }) => `${call} ${when}: ${name}: ${texts}`));
    say(
      `${call} ${when}: ${died ? 'died' : 'has no more of them'}; ${found.broken.map(({ name, count }) => `${name} ${count}`).join(', ') || 'holds'}`,
    );
    if (!died) break;
  }
  return all;
}
