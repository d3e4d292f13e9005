// The attacks of ./dev attack, each short: quiet users lose nothing, attackers are refused. No figures.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { binary } from './harness.mjs';
import { patience } from './patience.mjs';

const program = fileURLToPath(new URL('../bench/attack.mjs', import.meta.url));

test('attack: each of them is made, who is quiet loses nothing, and memory stays within the budget', () => {
  const dir = mkdtempSync(join(tmpdir(), 'greenroom-e2e-attack-'));
  try {
    const file = join(dir, 'all.json');
    const seconds = String(Math.min(4, patience));
    const done = spawnSync(process.execPath, [program, '--binary', binary, '--plain', '--seconds', seconds, '--json', file], {
      encoding: 'utf8',
      timeout: 150_000 * patience,
    });
    assert.equal(done.status, 0, done.stdout + done.stderr);
    const rows = Object.fromEntries(JSON.parse(readFileSync(file, 'utf8')).map(({ name, rounds }) => [name, rounds[0]]));
    assert.equal(Object.keys(rows).length, 6);
    for (const [name, { before, during, counts }] of Object.entries(rows)) {
      for (const kind of ['messages', 'pings', 'floor'])
        for (const { count, p50, p99 } of [before[kind], during[kind]])
          assert.ok(count > 20 && p50 > 0 && p99 >= p50, `${name} ${kind}: ${count}, ${p50}, ${p99}`);
      assert.ok(counts.opened >= 80, `${name} opened ${counts.opened}`);
    }
    const refused = (name, what) => assert.ok(rows[name].refused[what] > 0, `${name}: ${JSON.stringify(rows[name].refused)}`);
    refused('message_flood', 'connection messages');
    refused('join_storm', 'connection joins');
    refused('one_byte_fragments', 'connection messages');
    refused('ping_flood', 'connection messages');
    assert.ok(rows.connection_flood.counts.opened > 200 && rows.slow_headers.counts.sent > 1_000);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
