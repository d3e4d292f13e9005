// The machine's clock jumps under a running node (libfaketime; the monotonic clock goes on): directed messages must live as
// long as their time to live says by the monotonic clock.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Journal } from './journal.mjs';
import { Load, handful } from './load.mjs';
import { VictimNode } from './node.mjs';
import { judge } from './oracle.mjs';
import { pause } from './participant.mjs';
import { verdict } from './verdict.mjs';

const hours_2 = 7_200;

/** The library of Debian's package faketime, or undefined. */
export function faketime_library() {
  const folders = readdirSync('/usr/lib').map((name) => `/usr/lib/${name}/faketime/libfaketimeMT.so.1`);
  return folders.find((file) => existsSync(file));
}

export async function clock_jumps(dir, options = {}) {
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'offset');
  const jump = (seconds) => writeFileSync(file, `${seconds >= 0 ? '+' : ''}${seconds}\n`);
  const clock = {
    LD_PRELOAD: faketime_library(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
  jump(hours_2);
  const seen = Number(spawnSync('date', ['+%s'], { env: { ...process.env, ...clock }, encoding: 'utf8' }).stdout);
  if (Math.abs(seen - Date.now() / 1_000 - hours_2) > 5) throw new Error('the clock does not jump here');
  jump(0);

  const node = new VictimNode(join(dir, 'data'), { ...options, env: { ...options.env, ...clock } });
  const journal = await Journal.create(join(dir, 'journal'));
  let load;
  try {
    await node.start();
    load = new Load(journal, { url: node.url, http: node.http, seed: 1, rooms: 1, cast: handful });
    const [, eva] = load.senders;
    const [mia] = load.mailboxes;
    mia.be(false);
    load.start();
    const send = async (ttl_ms) => {
      eva.add({ ttl_ms });
      while (eva.open.size > 0) await pause(5);
    };
    await send(60_000);
    jump(hours_2);
    await load.drain(10_000, { all: true }); // it must still be there

    mia.be(false);
    await send(1_000);
    jump(-hours_2);
    await pause(2_500);
    await load.drain(10_000, { all: true }); // it must not come any more
    await load.read_all();
    await load.stop();
    await journal.close();
    return verdict(judge(journal.file));
  } finally {
    await load?.stop();
    if (!node.process.ended) await node.kill();
  }
}
