// A handful of kills at system calls; `./dev chaos --syscalls` makes all of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patience, scratch } from '../e2e/harness.mjs';
import { calls, kill_at_each, prepared } from './syscalls.mjs';
import { can_trace } from './sync_trace.mjs';
import { is_durable } from './node.mjs';

const skip = !can_trace() && 'strace may not trace here';
const durable = !skip && (await is_durable(scratch()));

for (const call of calls)
  test(
    `syscalls: killed at ${call} on the way of a publish, nothing is lost`,
    { skip: skip || (!durable && 'its store is in memory'), timeout: 120_000 * patience },
    async () => {
      const dir = scratch();
      const { died, broken } = await kill_at_each(call, { dir, from: await prepared(dir), step: 3, most: 5 });
      assert.deepEqual(broken, []);
      assert.ok(died > 0);
    },
  );

test(
  'syscalls: a node whose store is in memory is caught',
  { skip: skip || (durable && 'its store is on disk'), timeout: 60_000 * patience },
  async () => {
    const dir = scratch();
    const { died, broken } = await kill_at_each('sendto', { dir, from: await prepared(dir), step: 4, most: 6 });
    assert.ok(died > 0);
    assert.ok(
      broken.some((text) => / lost: /.test(text)),
      broken.join('\n'),
    );
  },
);

test('syscalls: a call that the node never makes is an error, not a pass', { skip, timeout: 60_000 * patience }, async () => {
  const dir = scratch();
  await assert.rejects(kill_at_each('swapoff', { dir, from: await prepared(dir) }), /nothing was tried/);
});
