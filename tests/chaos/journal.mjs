// The journal of a run: one event a line, as JSON. What is about to be sent is on disk before it leaves, so that whatever
// the node has can be told from what it cannot have. Lines that wait together share one fdatasync.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';

export class Journal {
  #lines = [];
  #running = Promise.resolve();
  #next; // the flush that has not begun yet

  static async create(file) {
    const journal = new Journal();
    journal.file = file;
    journal.handle = await open(file, 'a');
    return journal;
  }

  /** Adds an event; it is on disk when a later sync() is. */
  write(event) {
    this.#lines.push(JSON.stringify({ at: now(), ...event }));
  }

  /** Resolves when everything that was written before is on disk. */
  sync() {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return (this.#running = this.#flush());
    });
    return this.#next;
  }

  async #flush() {
    if (this.#lines.length === 0) return;
    const text = `${this.#lines.join('\n')}\n`;
    this.#lines = [];
    await this.handle.appendFile(text);
    await this.handle.datasync();
  }

  async close() {
    await this.sync();
    await this.handle.close();
  }
}

/** Milliseconds since 1970 by a clock that no one sets: as the process started, advanced by the monotonic clock. */
export const now = () => Math.round(performance.timeOrigin + performance.now());

/** Reads a journal's events as they come: each call of next() takes what was added since. */
export class JournalReader {
  #rest = '';
  #offset = 0;
  #decoder = new StringDecoder('utf8');
  constructor(file) {
    this.fd = openSync(file, 'r');
  }
  /** Gives each whole new line's event to `take`. */
  next(take) {
    const chunk = Buffer.allocUnsafe(1 << 20);
    for (let got; (got = readSync(this.fd, chunk, 0, chunk.length, this.#offset)) > 0;) {
      this.#offset += got;
      const lines = (this.#rest + this.#decoder.write(chunk.subarray(0, got))).split('\n');
      this.#rest = lines.pop();
      for (const line of lines) take(JSON.parse(line));
    }
  }
  close() {
    closeSync(this.fd);
  }
}

/** A payload's hash, whatever the encoding it came in and the order of its keys. */
export const hashOf = (payload) => createHash('sha1').update(canonical(payload)).digest('hex').slice(0, 16);

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}
