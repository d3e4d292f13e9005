// What the end-to-end tests share: scenarios over node:test that clean up after themselves, the real binary as a node on
// a free port, a client for both encodings, and raw sockets for what no client would send.
//
// GREENROOM_BINARY names the binary. Every node of a test file writes into one temporary directory, which is kept, and
// named, when something failed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from './client.mjs';
import { patience } from './patience.mjs';

export { patience };

export const binary = process.env.GREENROOM_BINARY ?? fileURLToPath(new URL('../../build/greenroom', import.meta.url));
// The sanitizer's build keeps freed memory for a while: little enough for the scenarios that look at a node's memory.
const asan_options = process.env.ASAN_OPTIONS ?? 'quarantine_size_mb=8';
const start_timeout_ms = 10_000;
const stop_timeout_ms = 30_000; // semantics: exit 0 within 30 s
const scenario_timeout_ms = 60_000;

const work = mkdtempSync(join(tmpdir(), `greenroom-e2e-${basename(process.argv[1] ?? 'x', '.test.mjs')}-`));
let failed = false;
process.on('exit', (code) => {
  if (failed || code !== 0) console.error(`# logs and data of the nodes are kept in ${work}`);
  else rmSync(work, { recursive: true, force: true });
});

/** Fails where `what` did not happen in time, `ms` for a patience of 1. */
export function within(ms, what, promise) {
  return withinExactly(ms * patience, what, promise);
}

function withinExactly(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    const wait = (left) => {
      const now = Math.min(left, 1_000); // of a sleep of the machine as much counts, see eventually()
      const then = () => (left > now ? wait(left - now) : reject(new Error(`${ms} ms were not enough for ${what}`)));
      timer = setTimeout(then, now);
    };
    wait(ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/**
 * Runs `body` until it does not throw, or throws its last error. For what becomes true soon, as a gauge. A machine that
 * slept, or a stopped process (whose nodes are mostly stopped, too), was not waiting: of one round a second counts at most.
 */
export async function eventually(body, ms = 5_000) {
  let left = ms * patience;
  for (let before = Date.now(); ; ) {
    try {
      return await body();
    } catch (error) {
      if (left <= 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
      const now = Date.now();
      left -= Math.min(now - before, 1_000);
      before = now;
    }
  }
}

/** A line reader over a child's stream: all lines, and a promise for one that matches. */
class Lines {
  constructor(stream) {
    this.all = [];
    this.waiting = [];
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop();
      this.all.push(...parts);
      this.#wake();
    });
    stream.on('close', () => {
      this.over = true;
      this.#wake();
    });
  }
  #wake() {
    for (const wake of this.waiting.splice(0)) wake();
  }
  async match(pattern, ms = start_timeout_ms) {
    const end = Date.now() + ms * patience;
    for (;;) {
      const line = this.all.find((text) => pattern.test(text));
      if (line !== undefined) return line;
      if (this.over) throw new Error(`the output ended without ${pattern}: ${this.all.join('\n')}`);
      await withinExactly(
        end - Date.now(),
        `${pattern} in ${JSON.stringify(this.all.slice(-5))}`,
        new Promise((wake) => this.waiting.push(wake)),
      );
    }
  }
}

/** A running process of the binary: `greenroom ARGS`. */
export class Process {
  constructor(args, { env = {}, input, log, program = binary } = {}) {
    this.child = spawn(program, args, {
      env: { PATH: process.env.PATH, HOME: work, ASAN_OPTIONS: asan_options, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.pid = this.child.pid;
    this.stdout = new Lines(this.child.stdout);
    this.stderr = new Lines(this.child.stderr);
    if (log) this.child.stderr.pipe(createWriteStream(log));
    this.child.stdin.on('error', () => {}); // the process may end without reading
    this.child.stdin.end(input);
    this.exited = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => {
        this.ended = { code, signal };
        resolve(this.ended);
      });
    });
  }
  kill(signal) {
    this.child.kill(signal);
    return this.exited;
  }
  /** Waits for the end: {code, stdout, stderr}. */
  async result(ms = 20_000) {
    const { code, signal } = await within(ms, 'the process to end', this.exited);
    return { code, signal, stdout: this.stdout.all.join('\n'), stderr: this.stderr.all.join('\n') };
  }
}

let nodes = 0;

/** A node: `greenroom serve`, ready. */
export class Node extends Process {
  /**
   * @param options.config TOML text, given as --config; @param options.dev false leaves --dev out;
   * @param options.dir a data directory of an earlier node; @param options.args more arguments;
   * @param options.program another program with the same options; @param options.command what stands before them.
   */
  static async start({
    config,
    dev = true,
    dir,
    args = [],
    env,
    listen = '127.0.0.1:0',
    program,
    command = ['serve'],
  } = {}) {
    const name = join(work, `node-${++nodes}`);
    dir ??= `${name}-data`;
    mkdirSync(dir, { recursive: true });
    const all = [...command, '--listen', listen, '--data', dir];
    if (dev) all.push('--dev');
    if (config !== undefined) {
      writeFileSync(`${name}.toml`, config);
      all.push('--config', `${name}.toml`);
    }
    const node = new Node([...all, ...args], { env, log: `${name}.log`, program });
    node.dir = dir;
    node.log = `${name}.log`;
    node.exited.catch(() => {});
    const ready = await node.stdout.match(/^ready\b/).catch(async (error) => {
      await node.kill('SIGKILL');
      throw new Error(`the node is not ready: ${error.message}\n${node.stderr.all.join('\n')}`);
    });
    [, node.host, node.port] = ready.match(/([0-9.]+|\[[0-9a-f:]+\]):(\d+)/);
    node.port = Number(node.port);
    node.url = `ws://${node.host}:${node.port}/ws`;
    node.http = `http://${node.host}:${node.port}`;
    return node;
  }
  /** SIGTERM, and the promise that goes with it: exit 0. */
  async stop() {
    if (!this.ended) this.child.kill('SIGTERM');
    const { code, signal } = await within(stop_timeout_ms, 'the node to stop', this.exited);
    assert.equal(signal, null, `the node was ended by ${signal}`);
    assert.equal(code, 0, `the node's exit code; the end of its log:\n${this.stderr.all.slice(-20).join('\n')}`);
  }
}

/** One scenario's things; they go in the opposite order in which they came. */
class Scenario {
  #cleanups = [];
  defer(cleanup) {
    this.#cleanups.unshift(cleanup);
  }
  /** A node of this scenario alone, stopped and checked at its end, unless the scenario ended it. */
  async node(options) {
    const node = await Node.start(options);
    this.defer(() => (node.ended ? undefined : node.stop()));
    return node;
  }
  /** A connection; with `user`, a session is open on it. */
  async client(node, options = {}) {
    const client = await Client.connect(node.url, options);
    this.defer(() => client.end());
    if (options.user !== undefined) await client.open({ user: options.user });
    return client;
  }
  /** The command line, as a person runs it. */
  run(args, options) {
    const child = new Process(args, options);
    this.defer(() => (child.ended ? undefined : child.kill('SIGKILL')));
    return child;
  }
  async cleanUp() {
    let first;
    for (const cleanup of this.#cleanups) {
      try {
        await cleanup();
      } catch (error) {
        first ??= error;
      }
    }
    if (first) throw first;
  }
}

/** A test: `subject: sentence`. Fails also when something of it does not end cleanly. */
export function scenario(name, body, { timeout = scenario_timeout_ms } = {}) {
  test(name, async () => {
    const things = new Scenario();
    try {
      try {
        await within(timeout, 'the scenario to end', Promise.resolve(body(things)));
      } finally {
        await things.cleanUp();
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  });
}

/** A node that a file's scenarios share: started by the first, stopped and checked by a last test of its own. */
export function sharedNode(options) {
  let started;
  return {
    get: () => (started ??= Node.start(options)),
    stops: () =>
      scenario('node: stops with exit code 0 after all of this', async () => {
        await (await started)?.stop();
      }),
  };
}

let scratches = 0;
/** A new directory that goes, or is kept, with the logs. */
export function scratch() {
  const dir = join(work, `scratch-${++scratches}`);
  mkdirSync(dir);
  return dir;
}

let names = 0;
/** A name that no other scenario of this run uses. */
export const fresh = (prefix = 'room') => `${prefix}-${process.pid}-${++names}`;

/** Numbers that are the same in every run with the same seed (mulberry32). */
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
