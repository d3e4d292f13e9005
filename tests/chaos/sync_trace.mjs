// Whether the node syncs before it acknowledges, by what strace has seen: `kill -9` cannot show this, because the page
// cache outlives a process. For each ack that left there must be a sync that began after its message was written and
// ended before the ack.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '../e2e/client.mjs';
import { VictimNode } from './node.mjs';

/** strace as an unprivileged user can often not trace: whether it can here. */
export const can_trace = () => spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0;

/**
 * Reads the lines of `strace -f -y`: {acks, unsynced}. Each of `marks` is the id of one message: its ack counts as synced
 * when the id was written to a file, a sync began after that and ended well, and only then the id left on a socket.
 */
export function read_trace(text, marks) {
  const begun = new Map(); // thread → line, of a sync that has not ended
  let synced = 0; // the line at which the last sync that ended had begun
  const written = new Map(); // mark → line of its last write
  const seen = new Map(); // mark → whether it was synced when its ack left
  text.split('\n').forEach((line, index) => {
    const at = index + 1;
    const thread = line.match(/^\d+/)?.[0];
    if (/\bf(data)?sync\(.*<unfinished/.test(line)) begun.set(thread, at);
    else if (/<\.\.\. f(data)?sync resumed>.*= 0/.test(line)) synced = Math.max(synced, begun.get(thread) ?? 0);
    else if (/\bf(data)?sync\(.*= 0/.test(line)) synced = at;
    const here = marks.filter((mark) => line.includes(mark) && !seen.has(mark));
    if (/\bpwrite64\(/.test(line)) for (const mark of here) written.set(mark, at);
    else if (/\b(sendmsg|sendto|writev|write)\(/.test(line))
      for (const mark of here) seen.set(mark, written.has(mark) && synced > written.get(mark));
  });
  return { acks: seen.size, unsynced: [...seen].filter(([, good]) => !good).map(([mark]) => mark) };
}

/** Publishes under strace, one message after the other; what read_trace() says, and whether the acks said `durable`. */
export async function traced_publishes(dir, { count = 10, options = {} } = {}) {
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'trace');
  const wrap = [
    'strace',
    '-D',
    '-f',
    '-y',
    '-qq',
    '-s',
    '65536',
    '-o',
    file,
    '-e',
    'trace=fdatasync,fsync,pwrite64,sendmsg,sendto,writev',
  ];
  const node = new VictimNode(join(dir, 'data'), { ...options, wrap });
  try {
    await node.start();
    const client = await Client.connect(node.url);
    await client.open({ user: 'ann' });
    const marks = Array.from({ length: count }, (_, i) => `mark-${i}-of-the-trace`);
    let durable = true;
    for (const id of marks)
      durable = (await client.publish('durable:traced', 'x', { id })).ack === 'durable' && durable;
    await client.end();
    await node.stop();
    return { durable, ...read_trace(readFileSync(file, 'utf8'), marks) };
  } finally {
    if (node.process && !node.process.ended) await node.kill();
  }
}
