// Plugins: loaded by name, refused in words, and replaced under load without anybody noticing.
import assert from 'node:assert/strict';
import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Process, binary, fresh, scenario, scratch } from './harness.mjs';

const built = process.env.GREENROOM_TEST_PLUGINS ?? join(binary, '..', 'tests');
const rooms_of_the_swap = 1_000;
const swaps = 100;

/** Puts that build where the node looks; a file is replaced whole, as an installer does it. */
function install(build, file) {
  copyFileSync(join(built, `${build}.so`), `${file}.new`);
  renameSync(`${file}.new`, file);
}
const with_plugin = (file, behaviour = 'tally') =>
  `[plugins]\nload = ["${file}"]\n[namespace.swap]\nbehaviour = "${behaviour}"\n` +
  `join = "anyone"\npublish = "anyone"\nread = "anyone"\n`;
const reload = (s, node, name = 'tally') => s.run(['plugin', 'reload', name, '--data', node.dir, '--json']).result();

async function node_with_tally(s) {
  const file = join(scratch(), 'tally.so');
  install('tally_1', file);
  return { file, node: await s.node({ config: with_plugin(file) }) };
}

scenario('plugin: is listed, runs in the rooms of its namespace, and in no others', async (s) => {
  const { node, file } = await node_with_tally(s);
  const listed = JSON.parse((await s.run(['plugin', 'list', '--data', node.dir, '--json']).result()).stdout);
  assert.deepEqual(listed.plugins, [{ name: 'tally', version: '1.0', file, rooms: ['tally'], services: ['tally'], loads: 1 }]);
  const ann = await s.client(node, { user: 'ann' });
  for (const [room, payload] of [
    ['swap:a', { build: 1, count: 1, was: 'x' }],
    ['lobby', 'x'],
  ]) {
    await ann.join(room);
    await ann.publish(room, 'x');
    assert.deepEqual((await ann.next('room.message')).payload, payload);
  }
});

scenario('plugin: a node does not start with one that does not fit, and says why (exit code 78)', async (s) => {
  const refused = async (file, behaviour) => {
    const config = join(scratch(), 'node.toml');
    writeFileSync(config, with_plugin(file, behaviour));
    const args = ['serve', '--dev', '--listen', '127.0.0.1:0', '--data', scratch(), '--config', config];
    const { code, stderr } = await new Process(args).result();
    assert.equal(code, 78, stderr);
    return stderr;
  };
  assert.match(await refused(join(built, 'other_interface.so')), /plugins\.load: .*built for Greenroom 9\.9\.9/);
  assert.match(await refused(join(built, 'no_plugin.so')), /plugins\.load: .*is no plugin of Greenroom/);
  assert.match(await refused('/nowhere.so'), /plugins\.load: .*cannot be read/);
  assert.match(
    await refused(join(built, 'tally_1.so'), 'tallly'),
    /namespace\.swap\.behaviour must be empty or one of tally; it is tallly/,
  );
});

scenario('reload: a build that fails its trial changes nothing, and the answer names the room', async (s) => {
  const { node, file } = await node_with_tally(s);
  const ann = await s.client(node, { user: 'ann' });
  await ann.publish('swap:this-stubborn', 'x');
  install('tally_2', file);
  const { code, stderr } = await reload(s, node);
  assert.equal(code, 65);
  assert.match(stderr, /room swap:this-stubborn: build 2 does not understand this/);
  assert.equal((await reload(s, node, 'nobody')).code, 65);
  rmSync(file);
  assert.match((await reload(s, node)).stderr, /cannot be read/);
  assert.equal((await ann.publish('swap:this-stubborn', 'y')).seq, 2);
});

scenario('crash: a message that its durable room crashes on is a dead letter, and published once a better build is there', async (s) => {
  const file = join(scratch(), 'tally.so');
  install('tally_1', file);
  const node = await s.node({ config: `${with_plugin(file)}durable = true\n` });
  const ann = await s.client(node, { user: 'ann' });
  const bob = await s.client(node, { user: 'bob' });
  const room = `swap:${fresh()}`;
  await ann.join(room);
  await bob.join(room);
  const dead = (...args) => s.run(['dead', ...args, '--data', node.dir]).result();
  const poison = { room, event: 'poison', payload: 'one', id: 'order-1' };
  await assert.rejects(ann.call('room.publish', poison), (e) => e.code === -32603 && e.data.trace.length > 0);
  await ann.publish(room, 'two');

  const [letter] = (await dead('list', '--room', room, '--json')).stdout.split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(
    [letter.room, letter.reason, letter.id, letter.from, letter.event, letter.payload, letter.user],
    [room, 'crashed', 'order-1', 'ann', 'poison', 'one', undefined],
  );
  assert.match((await dead('list')).stdout, new RegExp(`^\\d+ \\[${room}\\] crashed \\d+ m?s ago: ann poison "one"$`));
  const again = await dead('replay', '--room', room);
  assert.deepEqual([again.code, again.stdout], [75, 'queued 0 dead letters again']);
  assert.match(again.stderr, new RegExp(`the room crashed again, and keeps ${letter.letter}`));

  await assert.rejects(ann.call('room.publish', { ...poison, room: `${room}-2` }), (e) => e.code === -32603);
  assert.equal((await dead('list', '--room', room, '--user', 'ann')).code, 64, 'a letter has one of them');
  assert.equal((await dead('purge', '--room', `${room}-2`)).code, 64, 'without a terminal to ask at, nothing is dropped');
  assert.equal((await dead('purge', '--room', `${room}-2`, '--yes')).stdout, 'dropped 1 dead letter');

  await node.kill('SIGKILL');
  const later = await s.node({ dir: node.dir, config: `${with_plugin(file)}durable = true\n` });
  const carl = await s.client(later, { user: 'carl' });
  await carl.join(room);
  install('tally_2', file);
  assert.equal((await s.run(['plugin', 'reload', 'tally', '--data', later.dir, '--json']).result()).code, 0);
  const replayed = await s.run(['dead', 'replay', `${letter.letter}`, '--data', later.dir]).result();
  assert.deepEqual([replayed.code, replayed.stdout], [0, 'published 1 dead letter again'], replayed.stderr);
  const got = await carl.next('room.message');
  assert.deepEqual([got.id, got.event, got.from, got.payload.was, got.seq], ['order-1', 'poison', 'ann', 'one', 2]);
  assert.equal((await s.run(['dead', 'list', '--data', later.dir]).result()).stdout, '');
});

scenario('reload: a service moves over with its state, and no call is lost or counted twice', async (s) => {
  const { node, file } = await node_with_tally(s);
  const ann = await s.client(node, { user: 'ann' });
  await assert.rejects(ann.call('tally.newer', {}), (e) => e.code === -32601);
  const counts = [];
  const builds = new Set();
  let running = true;
  const load = Promise.all(
    Array.from({ length: 16 }, async () => {
      while (running) {
        const { count, build } = await ann.call('tally.next', {});
        counts.push(count);
        builds.add(build);
      }
    }),
  );
  for (let i = 0; i < 20; ++i) {
    install(i % 2 === 0 ? 'tally_2' : 'tally_1', file);
    const { code, stdout, stderr } = await reload(s, node);
    assert.equal(code, 0, stderr);
    assert.deepEqual([JSON.parse(stdout).services, JSON.parse(stdout).left], [1, []]);
    const newer = ann.call('tally.newer', {});
    if (i % 2 === 0) counts.push((await newer).count);
    else await assert.rejects(newer, (e) => e.code === -32601);
  }
  running = false;
  await load;
  assert.deepEqual(counts.sort((a, b) => a - b), counts.map((_, i) => i + 1));
  assert.deepEqual([...builds].sort(), [1, 2]);
  const { methods } = await ann.call('rpc.discover');
  assert.ok(methods.some(({ name }) => name === 'tally.next') && !methods.some(({ name }) => name === 'tally.newer'));
});

/** Publishes into the rooms in turn, so many at a time, until it is told to stop. */
class Load {
  acked = new Map(); // room → positions
  constructor(client, rooms, at_once) {
    this.running = true;
    this.done = Promise.all(Array.from({ length: at_once }, (_, i) => this.#run(client, rooms, i)));
  }
  async #run(client, rooms, from) {
    for (let i = from; this.running; i = (i + 7) % rooms.length) {
      const { seq } = await client.publish(rooms[i], i, { id: fresh('m') });
      this.acked.set(rooms[i], [...(this.acked.get(rooms[i]) ?? []), seq]);
    }
  }
  async stop() {
    this.running = false;
    await this.done;
  }
}

scenario(
  `reload: ${rooms_of_the_swap} rooms under load swapped ${swaps} times lose, reorder and close nothing`,
  async (s) => {
    const { node, file } = await node_with_tally(s);
    const rooms = Array.from({ length: rooms_of_the_swap }, (_, i) => `swap:${i}`);
    const listeners = [];
    for (let at = 0; at < rooms.length; at += 100) {
      const one = await s.client(node, { user: `listener-${at}`, kind: at % 200 ? 'msgpack' : 'json' });
      listeners.push(one);
      await Promise.all(rooms.slice(at, at + 100).map((room) => one.join(room)));
    }
    const loads = [];
    for (let i = 0; i < 4; ++i) loads.push(new Load(await s.client(node, { user: `loader-${i}` }), rooms, 8));
    for (let i = 0; i < swaps; ++i) {
      install(i % 2 === 0 ? 'tally_2' : 'tally_1', file);
      const { code, stdout, stderr } = await reload(s, node);
      assert.equal(code, 0, stderr);
      const { rooms: moved, left } = JSON.parse(stdout);
      assert.deepEqual([moved, left], [rooms_of_the_swap, []]);
    }
    for (const load of loads) await load.stop();

    const acked = new Map(rooms.map((room) => [room, loads.flatMap((load) => load.acked.get(room) ?? [])]));
    let messages = 0;
    const builds = new Set();
    for (const [i, one] of listeners.entries()) {
      const mine = rooms.slice(i * 100, i * 100 + 100);
      const expected = mine.reduce((sum, room) => sum + acked.get(room).length, 0);
      const got = await one.take('room.message', expected, 20_000);
      messages += got.length;
      for (const room of mine) {
        const of_room = got.filter((message) => message.room === room);
        const positions = of_room.map(({ seq }) => seq);
        assert.deepEqual(positions, positions.map((_, n) => n + 1), `${room}: a gap, a repeat or another order`);
        assert.deepEqual([...acked.get(room)].sort((a, b) => a - b), positions, `${room}: acknowledged and delivered`);
        for (const { seq, payload } of of_room) {
          assert.equal(payload.count, seq, `${room}: the state that moved over`);
          builds.add(payload.build);
        }
      }
      assert.equal(one.close, undefined);
    }
    assert.deepEqual([...builds].sort(), [1, 2]);
    console.log(`# ${messages} messages over ${swaps} swaps of ${rooms_of_the_swap} rooms: 0 lost, 0 reordered, 0 closed`);
  },
  { timeout: 150_000 },
);
