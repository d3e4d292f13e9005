// One run: a server on core 0, the load generator on core 1, and what they say of the machine. The machine has two speeds: a
// cache line goes to another core and back in 75 to 140 ns, or in about 400, and then single messages cost a third more.
// The round trip is measured before and after each run; a run in the slow state is repeated a few times, and said to be slow
// where it stays so.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { sampled } from './profile.mjs';
import { pinned, servers } from './servers.mjs';

const run_timeout_ms = 180_000;
const slow_state_ns = 250;
const attempts_max = 3;
const tick_seconds = 0.01;
const any_length = [256, 128]; // of a floor whose frames do not matter

/** Starts the load generator; `on` has what happens at its lines `kill` and `sample {…}`. The last line is the result. */
function load(build, args, { cores = 1, timeout = run_timeout_ms, on = {} } = {}) {
  const command = [join(build, 'tests/bench/greenroom_load'), ...args];
  const [file, ...all] = cores === null ? command : pinned(cores, command);
  return new Promise((resolve, reject) => {
    const child = spawn(file, all, { stdio: ['ignore', 'pipe', 'inherit'], timeout });
    let [rest, last] = ['', ''];
    child.stdout.on('data', (bytes) => {
      const lines = (rest + bytes).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const [, event, text] = line.match(/^(kill|sample) ?(.*)$/) ?? [];
        if (event) on[event]?.(text);
        else last = line;
      }
    });
    child.on('error', reject);
    child.on('close', (code, signal) =>
      code === 0
        ? resolve(JSON.parse(last))
        : reject(new Error(`the load generator ended with ${code ?? signal} (${args.join(' ')})`)),
    );
  });
}

/** It pins its two threads itself. */
export const cache_line_ns = async (build) => (await load(build, ['cache_line'], { cores: null })).round_trip_ns;

/** CPU seconds of everything on the machine, and of this program with those of its children that have ended. */
function cpu_seconds() {
  const [user, nice, system, , , irq, soft] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]
    .match(/\d+/g)
    .map(Number);
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ').map(Number);
  const own = fields.slice(11, 15).reduce((sum, each) => sum + each, 0); // utime, stime, and those of children
  return { all: (user + nice + system + irq + soft) * tick_seconds, own: own * tick_seconds };
}

/** The keys of the load generator's command line. */
const arguments_of = (what) => Object.entries(what).map(([key, value]) => `${key}=${value}`);

async function attempt(build, name, { figure, ask, node, on_sample, profiled }, lengths) {
  const { start, speech } = servers[name];
  let server = await start({ build: node?.build ?? build, cores: 0, node, lengths });
  let again; // a node that was killed has started again
  const on = {
    sample: (text) => on_sample?.(JSON.parse(text)),
    kill: () => {
      again = (async () => {
        const { restart, stop } = server;
        await stop('SIGKILL');
        const began = Date.now();
        server = { ...(await restart()), restart };
        return { ready_ms: Date.now() - began };
      })();
    },
  };
  const told = { port: server.port, pid: server.pid, speech, ...(node?.tls ? { tls: 1 } : {}), ...ask };
  const samples = profiled ? sampled(server.pid) : undefined;
  let profile;
  try {
    const timeout = run_timeout_ms + 1_000 * (ask.seconds ?? 0);
    const measured = await load(build, [figure, ...arguments_of(told)], { timeout, on });
    profile = await samples?.end();
    return { ...measured, ...(await again), ...(profile ? { profile } : {}) };
  } finally {
    if (!profile) await samples?.end().catch(() => {});
    await server.stop();
  }
}

let lasting = false; // the slow state has outlasted a run's attempts: runs are taken as they are until it is over

/** Measures one run of `server`; what it says, the machine's state, and how much others did meanwhile (in cores). */
export async function measure(build, server, run, lengths = any_length) {
  for (let tries = 1; ; ++tries) {
    const before = await cache_line_ns(build);
    const [cpu, began] = [cpu_seconds(), process.hrtime.bigint()];
    const measured = await attempt(build, server, run, lengths);
    const [now, seconds] = [cpu_seconds(), Number(process.hrtime.bigint() - began) / 1e9];
    const lines = [before, await cache_line_ns(build)];
    const slow = Math.max(...lines) > slow_state_ns;
    const others_cores = Math.max(0, (now.all - cpu.all - (now.own - cpu.own)) / seconds);
    if (slow && !lasting && tries < attempts_max && !run.minutes) continue; // an hour is not measured twice
    lasting = slow;
    return { ...measured, machine: { cache_line_ns: lines, slow, tries, others_cores } };
  }
}

/** The lengths that a floor's frames must have to be like Greenroom's in this round. */
export const lengths_of = ({ frame_bytes, reply_bytes }) =>
  [frame_bytes ?? any_length[0], reply_bytes ?? any_length[1]].map(Math.round);
