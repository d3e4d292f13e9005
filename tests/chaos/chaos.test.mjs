// A short run of the chaos that ordinary tests have time for; `./dev chaos` makes long ones. A node whose store is in
// memory must be caught: it loses everything at each kill, which is the first planted bug.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patience, scratch } from '../e2e/harness.mjs';
import { chaos, faults, holds } from './driver.mjs';
import { is_durable } from './node.mjs';
import { print } from './verdict.mjs';

const seed = Number(process.env.GREENROOM_TEST_SEED ?? Date.now() % 1_000_000);
console.log(`# seed ${seed}; GREENROOM_TEST_SEED=${seed} repeats it`);
const durable = await is_durable(scratch());

async function run(cycles, fault) {
  const found = await chaos({ cycles, seed, rooms: 3, dir: scratch(), fault });
  print(found, (line) => console.log(`# ${line}`));
  return found;
}
/** Of a store in memory only the word in its acks may be less than was promised, as long as the process lives. */
const broken = (found) =>
  found.broken.filter(({ name }) => durable || name !== 'not durable').map(({ name, count }) => [name, count]);

test('chaos: while connections are cut, and the node lives, every promise holds', { timeout: 120_000 * patience }, async () => {
  const found = await run(6, 'cut_all');
  assert.deepEqual(broken(found), []);
  for (const { name, trials } of found.rows) if (name !== 'database') assert.ok(trials > 0, `${name} was not tried`);
});

test(
  'chaos: a node that says durable loses nothing when it is killed',
  { skip: !durable && 'its store is in memory', timeout: 170_000 * patience },
  async () => {
    const found = await run(16);
    assert.ok(holds(found), found.broken.map(({ name, count }) => `${name} ${count}`).join(', '));
  },
);

test(
  'chaos: a node whose store is in memory is caught, however it is killed',
  { skip: durable && 'its store is on disk', timeout: 120_000 * patience },
  async () => {
    for (const fault of Object.keys(faults).filter((each) => each !== 'cut_all')) {
      const names = (await run(1, fault)).broken.map(({ name }) => name);
      for (const name of ['lost', 'seen and gone', 'not durable', 'sessions lost', 'not recovered'])
        assert.ok(names.includes(name), `${fault}: ${name}`);
    }
  },
);
