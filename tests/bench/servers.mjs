// The servers that are measured, each of which `start`s and says {port, pid, stop}: Greenroom, the floor, and the peers that
// Debian and npm ship. They run pinned to the cores that they are given.
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const start_timeout_ms = 20_000;
const stop_timeout_ms = 10_000;

export const pinned = (cores, command) =>
  availableParallelism() > 1 ? ['taskset', '-c', String(cores), ...command] : command;

const left_behind = [];
process.on('exit', () => left_behind.forEach((dir) => rmSync(dir, { recursive: true, force: true })));
/** A directory that is gone when this program ends. */
export function scratch() {
  const dir = mkdtempSync(join(tmpdir(), 'greenroom-bench-'));
  left_behind.push(dir);
  return dir;
}

/** taskset becomes its command, so the pid is the server's. */
function launch(cores, command, stdout, stderr) {
  const [file, ...args] = pinned(cores, command);
  const child = spawn(file, args, { stdio: ['ignore', stdout, stderr] });
  const exited = new Promise((resolve) => child.on('exit', resolve));
  const stop = async (signal = 'SIGTERM') => {
    child.kill(signal);
    const patience = setTimeout(() => child.kill('SIGKILL'), stop_timeout_ms);
    await exited;
    clearTimeout(patience);
  };
  return { child, stop };
}

/** A server that prints `ready …:PORT` once it accepts. */
async function start_and_hear(cores, command) {
  const { child, stop } = launch(cores, command, 'pipe', 'inherit');
  const port = await new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${command[0]} is not ready`));
    }, start_timeout_ms);
    child.stdout.on('data', (bytes) => {
      text += bytes;
      const found = text.match(/^ready .*:(\d+)\n/m);
      if (!found) return;
      clearTimeout(timer);
      resolve(Number(found[1]));
    });
    child.on('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${command[0]} ended with ${code}: ${text}`));
    });
    child.on('error', reject);
  });
  return { port, pid: child.pid, stop };
}

const free_port = () =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true) || socket.destroy());
    socket.on('error', () => resolve(false));
  });

/** A server that says nothing: it is ready when its port accepts. */
async function start_and_try(cores, command, port) {
  const { child, stop } = launch(cores, command, 'ignore', 'ignore');
  child.on('error', () => {});
  for (const until = Date.now() + start_timeout_ms; Date.now() < until && child.exitCode === null;) {
    if (await accepts(port)) return { port, pid: child.pid, stop };
    await pause(50);
  }
  await stop();
  throw new Error(`${command[0]} is not ready: is its package installed?`);
}

/** A certificate and its key, both in files. */
function certificate() {
  const dir = scratch();
  const [key, pem] = [join(dir, 'key.pem'), join(dir, 'certificate.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-keyout', key, '-out', pem, '-days', '1', '-subj', '/CN=localhost'],
    { stdio: 'ignore' },
  );
  return { key, pem };
}

/** A key for the load to sign with; what the config says of it. */
function token_key() {
  const dir = scratch();
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [known, secret] = [join(dir, 'public.pem'), join(dir, 'private.pem')];
  writeFileSync(known, publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(secret, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  process.env.GREENROOM_BENCH_KEY = secret;
  return [`tokens.keys=ES256:${known}`];
}

/** Greenroom with one shard and what a case says of it; `restart` starts it again with the same data on the same port. */
async function start_greenroom({ build, cores, node = {} }) {
  const data = scratch();
  const settings = [
    ...(node.logged ? [`log.file=${join(data, 'log')}`] : ['log.level=error']),
    'namespace.default.presence=false', // the load counts frames: none but those of the work that is measured
    ...(node.set ?? []),
    ...(node.tokens ? token_key() : []),
  ];
  if (node.tls) {
    const { key, pem } = certificate();
    settings.push(`tls.certificate=${pem}`, `tls.key=${key}`);
  }
  if (node.echo) settings.push(`plugins.load=${join(build, 'examples/echo.so')}`);
  const command = (port) => [
    ...[join(build, 'greenroom'), 'serve', '--dev', '--listen', `${node.tls ? 'tls://' : ''}127.0.0.1:${port}`],
    ...['--data', data, '--shards', String(node.shards ?? 1)],
    ...settings.flatMap((each) => ['--set', each]),
  ];
  const runs_on = node.cores ?? cores;
  const server = await start_and_hear(runs_on, command(0));
  server.restart = () => start_and_hear(runs_on, command(server.port));
  return server;
}

async function start_nats({ cores }) {
  const dir = scratch();
  const [port, web] = [await free_port(), await free_port()];
  const file = join(dir, 'nats.conf');
  writeFileSync(
    file,
    `listen: "127.0.0.1:${port}"\nwebsocket { listen: "127.0.0.1:${web}", no_tls: true }\nmax_connections: 20000\n`,
  );
  return start_and_try(cores, ['nats-server', '-c', file, '-l', join(dir, 'log')], web);
}

async function start_jetstream({ cores }) {
  const port = await free_port();
  return start_and_try(cores, ['nats-server', '-js', '-sd', scratch(), '-a', '127.0.0.1', '-p', String(port)], port);
}

async function start_mosquitto({ cores }) {
  const [port, plain] = [await free_port(), await free_port()]; // it does not start without a plain listener
  const file = join(scratch(), 'mosquitto.conf');
  const user = process.getuid() === 0 ? 'user root\n' : '';
  writeFileSync(
    file,
    `listener ${port} 127.0.0.1\nprotocol websockets\nlistener ${plain} 127.0.0.1\nallow_anonymous true\n` +
      `persistence false\nlog_dest none\nmax_queued_messages 0\nset_tcp_nodelay true\n${user}`,
  );
  return start_and_try(cores, ['mosquitto', '-c', file], port);
}

const node_program = (file) => [process.execPath, join(here, file)];

/** name → how it starts, and what the load speaks to it; `peer`: measured with --peers only. */
export const servers = {
  greenroom: { start: start_greenroom, speech: 'native' },
  floor: {
    start: ({ build, cores, lengths }) =>
      start_and_hear(cores, [join(build, 'tests/bench/greenroom_floor'), ...lengths.map(String)]),
    speech: 'floor',
  },
  ws: { start: ({ cores }) => start_and_hear(cores, node_program('ws_server.mjs')), speech: 'ws', peer: true },
  'socket.io': {
    start: ({ cores }) => start_and_hear(cores, node_program('socketio_server.mjs')),
    speech: 'npm',
    peer: true,
  },
  nats: { start: start_nats, speech: 'nats', peer: true },
  mosquitto: { start: start_mosquitto, speech: 'mqtt', peer: true },
  jetstream: { start: start_jetstream, speech: 'nats', peer: true },
  /** No server: the load generator does the work itself. */
  store: { start: async () => ({ port: 0, pid: process.pid, stop: async () => {} }), speech: 'native' },
};
