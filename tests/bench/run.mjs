// ./dev bench [FIGURE…] [--rounds N] [--json FILE] [--compare FILE]: prints the figures beside the floor program's, with
// ratios. Each round starts Greenroom and then the floor anew, pinned to core 0, and the load generator pinned to core 1;
// the median of the rounds counts. The machine's cross-core cache-line round trip is measured before and after each
// run: figures of rounds in which it differs by much are not to be compared.
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    build: { type: 'string', default: process.env.GREENROOM_BUILD ?? 'build' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
    compare: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});

/** figure → how it is run, which of its numbers are shown, and which of them issue a promise. `floor`: has a counterpart;
 * `beside`, `other`: another run of Greenroom's, or something else (see `others`), takes the floor's place; `set`: what the
 * config says. */
const figures = {
  connect: {
    run: ['connect'],
    floor: true,
    shown: {
      per_second: { least: 5_000 },
      bytes_per_session: { most: 10 * 1024, alone: true },
      cpu_us_per_session: {},
    },
  },
  'connect-jwt': {
    run: ['connect_jwt'],
    tokens: true, // each session has one of its own
    beside: ['connect'],
    shown: { per_second: { least: 3_000 }, cpu_us_per_session: {} },
  },
  'fanout-1000': {
    run: ['fanout', '1000'],
    floor: true,
    shown: { cpu_us_per_delivery: { most_ratio: 1.5 }, per_second: {} },
  },
  'fanout-5000': {
    run: ['fanout', '5000'],
    floor: true,
    shown: { cpu_us_per_delivery: { most_ratio: 1.5 }, per_second: {} },
  },
  'fanout-1000-deflate': {
    run: ['fanout_deflate', '1000'],
    set: ['gateway.compression=deflate'],
    beside: ['fanout', '1000'], // Greenroom itself without compression
    shown: { cpu_us_per_delivery: { most_ratio: 3 }, per_second: {}, frame_bytes: {} },
  },
  'fanout-1000-socketio': {
    run: ['fanout_socketio', '1000'],
    set: ['endpoint.socketio.ping_interval_ms=1h'],
    beside: ['fanout', '1000'], // the native protocol as JSON
    shown: { cpu_us_per_delivery: { most_ratio: 1.3 }, per_second: {}, frame_bytes: {} },
  },
  'fanout-1000-phoenix': {
    run: ['fanout_phoenix', '1000'],
    beside: ['fanout', '1000'],
    shown: { cpu_us_per_delivery: { most_ratio: 1.3 }, per_second: {}, frame_bytes: {} },
  },
  'fanout-1000-npm': {
    run: ['fanout_socketio', '1000'],
    set: ['endpoint.socketio.ping_interval_ms=1h'],
    other: 'socketio', // npm's socket.io
    shown: { cpu_us_per_delivery: { most_ratio: 0.2 }, per_second: {} },
  },
  'connect-socketio': {
    run: ['connect_socketio'],
    beside: ['connect'],
    shown: { per_second: {}, bytes_per_session: { most_ratio: 1.3 }, cpu_us_per_session: {} },
  },
  'connect-phoenix': {
    run: ['connect_phoenix'],
    beside: ['connect'],
    shown: { per_second: {}, bytes_per_session: { most_ratio: 1.3 }, cpu_us_per_session: {} },
  },
  paced: {
    run: ['paced'],
    floor: true,
    shown: { p50_us: {}, p99_us: { most: 5_000 }, p999_us: {}, cpu_us_per_delivery: {} },
  },
  'echo-1': { run: ['echo', '1'], floor: true, shown: { cpu_us_per_round_trip: {}, p99_us: {}, per_second: {} } },
  'echo-16': { run: ['echo', '16'], floor: true, shown: { cpu_us_per_round_trip: {}, p99_us: {}, per_second: {} } },
  durable: {
    run: ['durable', '64'],
    other: 'store', // the same batches without a node
    shown: {
      per_second: { least: 40_000 },
      cpu_us_per_message: { alone: true },
      paced_ack_p50_us: { alone: true },
      paced_ack_p99_us: { most: 50_000, alone: true },
    },
  },
  'durable-nats': {
    run: ['durable', '64'],
    other: 'nats', // JetStream with a file stream, which acknowledges before it syncs
    shown: { per_second: {}, cpu_us_per_message: {} },
  },
  direct: {
    run: ['direct'],
    shown: { ack_p99_us: {}, delivery_p50_us: {}, delivery_p99_us: { most: 5_000 }, cpu_us_per_message: {} },
  },
  storm: {
    run: ['storm', '10000'],
    shown: {
      ready_ms: { most: 2_000 },
      resumed_p50_ms: {},
      resumed_last_ms: {},
      all_delivered_ms: { most: 15_000 },
      repeats: {},
      told_to_wait: {},
    },
  },
  'start-1-gib': { run: ['fill', '1024'], shown: { ready_ms: { most: 2_000 } } },
  drain: { run: ['drain'], shown: { per_second: { least: 20_000 }, cpu_us_per_message: {} } },
  slow: { run: ['slow'], floor: false, shown: { memory_growth_mib: { most: 8 }, others_p99_us: {} } },
};
const any_length = [256, 128]; // of a floor whose frames do not matter
const start_timeout_ms = 10_000;
const run_timeout_ms = 120_000;

if (options.help) {
  console.log(
    readFileSync(new URL(import.meta.url), 'utf8')
      .split('\n')
      .slice(0, 4)
      .map((line) => line.slice(3))
      .join('\n'),
  );
  console.log(`Figures: ${Object.keys(figures).join(' ')}`);
  process.exit(0);
}
const chosen = positionals.length ? positionals : Object.keys(figures);
for (const name of chosen) {
  if (figures[name]) continue;
  console.error(`there is no figure ${name}; there are ${Object.keys(figures).join(' ')}`);
  process.exit(64);
}
const pinned = (core, command) => (availableParallelism() > 1 ? ['taskset', '-c', String(core), ...command] : command);
const program = (name) => join(options.build, 'tests/bench', name);

/** A server that is ready: {port, pid, stop}. */
async function start(command) {
  const [file, ...args] = pinned(0, command);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.on('exit', resolve));
  const port = await new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error(`${command[0]} is not ready`)), start_timeout_ms);
    child.stdout.on('data', (bytes) => {
      text += bytes;
      const found = text.match(/^ready .*:(\d+)\n/m);
      if (found) {
        clearTimeout(timer);
        resolve(Number(found[1]));
      }
    });
    child.on('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${command[0]} ended with ${code}: ${text}`));
    });
    child.on('error', reject);
  });
  return {
    port,
    pid: child.pid,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return exited;
    },
  }; // taskset becomes its command: the pid stays
}

function load(args, on_kill) {
  const [file, ...all] = pinned(1, [program('greenroom_load'), ...args.map(String)]);
  return new Promise((resolve, reject) => {
    const child = spawn(file, all, { stdio: ['ignore', 'pipe', 'inherit'], timeout: run_timeout_ms });
    let text = '';
    child.stdout.on('data', (bytes) => {
      text += bytes;
      if (!text.startsWith('kill\n')) return;
      text = text.slice('kill\n'.length);
      on_kill();
    });
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0
        ? resolve(JSON.parse(text))
        : reject(new Error(`the load generator ended with ${code} (${args.join(' ')})`)),
    );
  });
}
const cache_line = async () =>
  (
    await new Promise((resolve, reject) => {
      // not pinned: it pins its two threads itself
      const child = spawn(program('greenroom_load'), ['cacheline'], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.on('data', (bytes) => {
        text += bytes;
      });
      child.on('error', reject);
      child.on('exit', () => resolve(JSON.parse(text)));
    })
  ).round_trip_ns;

const free_port = () =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

/** nats-server with JetStream: {port, pid, stop}. */
async function start_nats(data) {
  const port = await free_port();
  const [file, ...args] = pinned(0, ['nats-server', '-js', '-sd', data, '-a', '127.0.0.1', '-p', String(port)]);
  const child = spawn(file, args, { stdio: 'ignore' });
  const exited = new Promise((resolve) => child.on('exit', resolve));
  const stop = () => {
    child.kill('SIGTERM');
    return exited;
  };
  const answers = () =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('data', () => resolve(true) || socket.destroy());
      socket.on('error', () => resolve(false));
    });
  for (const until = Date.now() + start_timeout_ms; Date.now() < until && child.exitCode === null; ) {
    if (await answers()) return { port, pid: child.pid, stop };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  throw new Error('nats-server is not ready: is its package installed?');
}

/** What is printed beside Greenroom's figure where that is not the floor program. */
const others = {
  store: ([, batch]) => load(['raw_store', 0, process.pid, 'floor', batch]),
  socketio: async ([, members]) => {
    const server = await start([process.execPath, join(here, 'socketio_server.mjs')]);
    try {
      return await load(['fanout_npm', server.port, server.pid, 'greenroom', members]);
    } finally {
      await server.stop();
    }
  },
  nats: async ([, in_flight]) => {
    const data = mkdtempSync(join(tmpdir(), 'greenroom-bench-'));
    const server = await start_nats(data);
    try {
      return await load(['jetstream', server.port, server.pid, 'floor', in_flight]);
    } finally {
      await server.stop();
      rmSync(data, { recursive: true, force: true });
    }
  },
};

/** A key for the load to sign with; what the config says of it. */
function token_key() {
  const dir = mkdtempSync(join(tmpdir(), 'greenroom-bench-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [known, secret] = [join(dir, 'public.pem'), join(dir, 'private.pem')];
  writeFileSync(known, publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(secret, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  process.env.GREENROOM_BENCH_KEY = secret;
  return [`tokens.keys=ES256:${known}`];
}

async function measure(kind, [figure, ...more], lengths, set = []) {
  const data = mkdtempSync(join(tmpdir(), 'greenroom-bench-'));
  const command = (port) =>
    kind === 'floor'
      ? [program('greenroom_floor'), ...lengths.map(String)]
      : [
          join(options.build, 'greenroom'),
          'serve',
          '--dev',
          '--listen',
          `127.0.0.1:${port}`,
          '--data',
          data,
          '--shards',
          '1',
          '--set',
          'log.level=error',
          // The load counts frames: none but those of the work that is measured.
          '--set',
          'namespace.default.presence=false',
          ...set.flatMap((each) => ['--set', each]),
        ];
  let server = await start(command(0));
  let again; // a node that was killed has started again
  const kill = () => {
    again = (async () => {
      const { port } = server;
      await server.stop('SIGKILL');
      const began = Date.now();
      server = await start(command(port));
      return { ready_ms: Date.now() - began };
    })();
  };
  try {
    const measured = await load([figure, server.port, server.pid, kind, ...more], kill);
    return { ...measured, ...(await again) };
  } finally {
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

const median = (numbers) => numbers.slice().sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const medians = (rounds) =>
  Object.fromEntries(Object.keys(rounds[0]).map((key) => [key, median(rounds.map((round) => round[key]))]));
/** Half the distance between the extremes, as a part of the median: what a difference must exceed to mean something. */
const noise = (rounds, key) =>
  (Math.max(...rounds.map((r) => r[key])) - Math.min(...rounds.map((r) => r[key]))) /
  2 /
  median(rounds.map((r) => r[key]));

const report = {
  commit: git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? ' with changes' : ''),
  when: new Date().toISOString(),
  machine: {
    cpu: cpus()[0].model,
    cores: cpus().length,
    kernel: execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim(),
  },
  command: ['./dev', 'bench', ...process.argv.slice(2)].join(' '),
  figures: {},
};
function git(...args) {
  try {
    return execFileSync('git', args, { cwd: here, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

let missed = 0;
const cell = (value) =>
  value === undefined ? '' : value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
const row = (...cells) =>
  console.log(cells.map((text, i) => (i < 2 ? String(text).padEnd(i ? 24 : 21) : String(text).padStart(12))).join(''));
row('figure', 'number', 'greenroom', 'floor', 'ratio', 'promised', '');
for (const name of chosen) {
  const { run, floor, beside, other, shown, tokens } = figures[name];
  const set = tokens ? token_key() : figures[name].set;
  const rounds = { greenroom: [], floor: [] };
  const lines = [];
  for (let round = 0; round < Number(options.rounds); ++round) {
    lines.push(await cache_line());
    rounds.greenroom.push(await measure('greenroom', run, any_length, set));
    const { frame_bytes, reply_bytes } = rounds.greenroom.at(-1);
    if (floor)
      rounds.floor.push(
        await measure('floor', run, [frame_bytes ?? any_length[0], reply_bytes ?? any_length[1]].map(Math.round)),
      );
    if (beside) rounds.floor.push(await measure('greenroom', beside));
    if (other) rounds.floor.push(await others[other](run));
    lines.push(await cache_line());
  }
  const ours = medians(rounds.greenroom);
  const least = rounds.floor.length ? medians(rounds.floor) : {};
  report.figures[name] = { greenroom: ours, floor: least, rounds, cache_line_ns: lines };
  for (const [key, promise] of Object.entries(shown)) {
    const compared = promise.alone ? undefined : least[key];
    const ratio = compared ? ours[key] / compared : undefined;
    const kept = !(ours[key] > promise.most || ours[key] < promise.least || ratio > promise.most_ratio);
    const word = promise.most
      ? `<= ${promise.most.toLocaleString('en')}`
      : promise.least
        ? `>= ${promise.least.toLocaleString('en')}`
        : promise.most_ratio
          ? `<= ${promise.most_ratio} x`
          : '';
    row(
      name,
      key,
      cell(ours[key]),
      cell(compared),
      ratio ? `${ratio.toFixed(2)} x` : '',
      word,
      word ? (kept ? 'kept' : 'MISSED') : '',
    );
    if (word && !kept) ++missed;
  }
  row('', 'cache line, ns', `${Math.min(...lines)}-${Math.max(...lines)}`, '', '', '', '');
}

if (options.compare) {
  const base = JSON.parse(readFileSync(options.compare, 'utf8'));
  console.log(`\nagainst ${base.commit}:`);
  for (const [name, { rounds }] of Object.entries(report.figures)) {
    for (const [key, promise] of Object.entries(figures[name].shown)) {
      const before = base.figures[name]?.rounds.greenroom;
      if (!before) continue;
      const change = median(rounds.greenroom.map((r) => r[key])) / median(before.map((r) => r[key])) - 1;
      const bound = Math.max(0.05, noise(rounds.greenroom, key) + noise(before, key));
      const worse = (key === 'per_second' ? -change : change) > bound;
      row(name, key, `${(100 * change).toFixed(1)} %`, `+-${(100 * bound).toFixed(1)} %`, worse ? 'WORSE' : '', '', '');
      if (worse) ++missed;
    }
  }
}
const kept_in = options.json ?? join(options.build, 'bench.json');
writeFileSync(kept_in, `${JSON.stringify(report, null, 1)}\n`);
console.log(`\nAll rounds: ${kept_in}`);
if (missed) {
  console.error(`${missed} missed`);
  process.exit(1);
}
