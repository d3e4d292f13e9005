// The node under test: the real binary on one data directory and one port, started and killed again and again. Only the
// process that was started here is ever killed, by its pid.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { Client } from '../e2e/client.mjs';
import { Process, binary } from '../e2e/harness.mjs';
import { inbox_messages_max } from './load.mjs';

const settings = [`inbox.messages_max=${inbox_messages_max}`, 'inbox.delivery_attempts_max=1000', 'log.level=warning'];

export class VictimNode {
  port = 0;
  starts = 0;

  /**
   * @param options.program another build; @param options.env more environment; @param options.wrap words before the
   * program's; @param options.set more of its settings; @param options.logs where its logs go.
   */
  constructor(dir, { program = binary, env = {}, wrap = [], set = [], logs = join(dir, '..') } = {}) {
    Object.assign(this, { dir, program, env, wrap, set, logs });
    mkdirSync(dir, { recursive: true });
  }
  get url() {
    return `ws://127.0.0.1:${this.port}/ws`;
  }
  get http() {
    return `http://127.0.0.1:${this.port}`;
  }
  /** Starts the process and does not wait for it. */
  spawn() {
    const sets = [...settings, ...this.set].flatMap((each) => ['--set', each]);
    const words = [
      ...this.wrap,
      this.program,
      'serve',
      '--dev',
      '--listen',
      `127.0.0.1:${this.port}`,
      '--data',
      this.dir,
      ...sets,
    ];
    this.process = new Process(words.slice(1), {
      program: words[0],
      env: this.env,
      log: join(this.logs, `node-${++this.starts}.log`),
    });
    this.process.exited.catch(() => {});
  }
  /** Waits until the process that was spawned takes connections. */
  async ready() {
    const line = await this.process.stdout.match(/^ready\b/, 20_000);
    this.port = Number(
      line
        .match(/:(\d+)/g)
        .at(-1)
        .slice(1),
    );
  }
  async start() {
    this.spawn();
    await this.ready();
  }
  kill() {
    return this.process.kill('SIGKILL');
  }
  /** SIGTERM; true where it ended well. */
  async stop() {
    const { code, signal } = await this.process.kill('SIGTERM');
    return code === 0 && signal === null;
  }
}

const sqlite_magic = 'SQLite format 3\0';
/** The database files in a data directory: the main ones, by their first bytes. */
export function databases(dir) {
  return readdirSync(dir)
    .map((name) => join(dir, name))
    .filter(
      (file) =>
        statSync(file).isFile() && statSync(file).size >= sqlite_magic.length && starts_with(file, sqlite_magic),
    );
}
function starts_with(file, text) {
  const fd = openSync(file, 'r');
  const head = Buffer.alloc(text.length);
  readSync(fd, head, 0, head.length, 0);
  closeSync(fd);
  return head.toString('latin1') === text;
}

/**
 * PRAGMA quick_check on a copy of each database, while the node is down: opening the files themselves would recover them
 * before the node does. {checked, damage: [text]}.
 */
export function quick_check(dir) {
  const scratch = join(dir, '..', 'quick-check');
  const damage = [];
  const found = databases(dir);
  for (const file of found) {
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch);
    const copy = join(scratch, 'db');
    copyFileSync(file, copy);
    if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`);
    let said;
    try {
      said = execFileSync('sqlite3', [copy, 'PRAGMA quick_check'], { encoding: 'utf8', stdio: 'pipe' }).trim();
    } catch (error) {
      said = error.stderr || error.message;
    }
    if (said !== 'ok') damage.push(`${file}: ${said}`);
  }
  rmSync(scratch, { recursive: true, force: true });
  return { checked: found.length, damage };
}

/** Whether a command is there. */
export function has(command) {
  return process.env.PATH.split(':').some((folder) => existsSync(join(folder, command)));
}

/** Whether this build keeps durable rooms on disk: what it says of its first ack. */
export async function is_durable(dir) {
  const node = new VictimNode(join(dir, 'data'));
  await node.start();
  const client = await Client.connect(node.url);
  const { ack } = await client.publish('durable:asked', 1);
  await client.end();
  await node.stop();
  return ack === 'durable';
}
