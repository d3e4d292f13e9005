// The command line as a person runs it: two `greenroom sub`, one `pub`, inboxes, exit codes, pipes and Ctrl-C.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { binary, fresh, scenario, sharedNode } from './harness.mjs';

const shared = sharedNode();
const at = (node, ...args) => [...args, '--url', node.url];
const lines = (child) => child.stdout.all;

/** A `sub` that has joined. */
async function subscriber(s, node, ...args) {
  const child = s.run(at(node, 'sub', ...args));
  await child.stderr.match(/joined/);
  return child;
}
async function runs(s, args, options) {
  const result = await s.run(args, options).result();
  return result;
}

scenario('pub and sub: two subscribers, one for people and one for machines, see what one pub says', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const person = await subscriber(s, node, room, '--count', '2');
  const machine = await subscriber(s, node, room, '--count', '2', '--json', '--msgpack');
  const one = await runs(s, at(node, 'pub', room, 'chat', '{"text": "hello", "n": 1.50}', '--user', 'ann'));
  assert.equal(one.code, 0, one.stderr);
  assert.match(one.stdout, new RegExp(`^\\[${room}\\] #1 \\(accepted, id .+\\)$`));
  const two = await runs(s, at(node, 'pub', room, 'chat', '--text', 'plain "words"', '--json', '--id', 'order-1'));
  assert.deepEqual([JSON.parse(two.stdout).seq, JSON.parse(two.stdout).id], [2, 'order-1']);
  assert.equal((await person.result()).code, 0);
  assert.equal((await machine.result()).code, 0);
  assert.equal(lines(person)[0], `[${room}] #1 ann chat {"text": "hello", "n": 1.50}`);
  assert.match(lines(person)[1], /#2 \S+ chat "plain \\"words\\""$/);
  const [first, second] = lines(machine).map((line) => JSON.parse(line));
  assert.deepEqual([first.room, first.seq, first.from, first.payload], [room, 1, 'ann', { text: 'hello', n: 1.5 }]);
  assert.equal(second.payload, 'plain "words"');
});

scenario('sub: several rooms, and Ctrl-C is a clean end that leaves the rooms', async (s) => {
  const node = await shared.get();
  const [one, two] = [fresh(), fresh()];
  const child = await subscriber(s, node, one, two, '--user', 'ann');
  await child.stderr.match(new RegExp(`joined ${two}`));
  await runs(s, at(node, 'pub', two, 'e', '2'));
  await child.stdout.match(/#1/);
  const ended = await child.kill('SIGINT');
  assert.deepEqual(ended, { code: 0, signal: null });
  const members = await runs(s, at(node, 'call', 'room.members', JSON.stringify({ room: two })));
  assert.equal(JSON.parse(members.stdout).total, 0);
});

scenario('sub: a reader that goes away ends it quietly', async (s) => {
  const node = await shared.get();
  const room = fresh();
  const child = await subscriber(s, node, room);
  await runs(s, at(node, 'pub', room, 'e', '1'));
  await child.stdout.match(/#1/);
  child.child.stdout.destroy();
  await runs(s, at(node, 'pub', room, 'e', '2'));
  const { code, stderr } = await child.result();
  assert.equal(code, 0);
  assert.doesNotMatch(stderr, /EPIPE|Broken/i);
});

scenario('sub: a node that stops ends it with 75 and the close code', async (s) => {
  const node = await s.node();
  const child = await subscriber(s, node, 'lobby');
  await node.stop();
  const { code, stderr } = await child.result();
  assert.equal(code, 75);
  assert.match(stderr, /draining/);
  assert.match(stderr, /1012 restart/);
});

scenario('pub: a payload comes from the line, from a pipe or from a file', async (s) => {
  const node = await shared.get();
  const room = fresh();
  assert.equal((await runs(s, at(node, 'pub', room, 'e', '-'), { input: '[1, 2]\n' })).code, 0);
  assert.equal(
    (await runs(s, at(node, 'pub', room, 'e', `@${new URL('package.json', import.meta.url).pathname}`))).code,
    0,
  );
  assert.equal((await runs(s, at(node, 'pub', room, 'e', '-', '--text'), { input: 'text' })).code, 0);
  const { stdout } = await runs(s, at(node, 'call', 'room.history', JSON.stringify({ room })));
  const got = JSON.parse(stdout).messages.map(({ payload }) => payload);
  assert.deepEqual([got[0], got[1].name, got[2]], [[1, 2], 'greenroom-e2e', 'text']);
});

scenario('pub: --durable is refused with 65 where the room is not durable', async (s) => {
  const node = await shared.get();
  assert.equal((await runs(s, at(node, 'pub', `durable:${fresh()}`, 'e', '1', '--durable'))).code, 0);
  const refused = await runs(s, at(node, 'pub', fresh(), 'e', '1', '--durable'));
  assert.deepEqual([refused.code, refused.stdout], [65, '']);
  assert.match(refused.stderr, /-32602/);
});

scenario('send and inbox: messages wait, are printed, acknowledged and gone', async (s) => {
  const node = await shared.get();
  const bob = fresh('bob');
  for (const n of [1, 2, 3])
    assert.equal((await runs(s, at(node, 'send', bob, 'alarm', `{"n":${n}}`, '--user', 'ann'))).code, 0);
  const look = await runs(s, at(node, 'inbox', bob));
  assert.deepEqual(
    look.stdout.split('\n').map((line) => line.replace(/^#\d+/, '#')),
    ['# ann alarm {"n":1}', '# ann alarm {"n":2}', '# ann alarm {"n":3}'],
  );
  const take = await runs(s, at(node, 'inbox', bob, '--ack', '--json', '--msgpack'));
  assert.deepEqual(
    take.stdout.split('\n').map((line) => JSON.parse(line).payload.n),
    [1, 2, 3],
  );
  const empty = await runs(s, at(node, 'inbox', bob));
  assert.deepEqual([empty.code, empty.stdout], [0, '']);
});

scenario('inbox: --follow prints what comes, until Ctrl-C', async (s) => {
  const node = await shared.get();
  const bob = fresh('bob');
  const child = s.run(at(node, 'inbox', bob, '--follow', '--ack'));
  await runs(s, at(node, 'send', bob, 'alarm', '1'));
  await child.stdout.match(/alarm 1$/);
  await runs(s, at(node, 'send', bob, 'alarm', '2'));
  await child.stdout.match(/alarm 2$/);
  assert.equal((await child.kill('SIGINT')).code, 0);
});

scenario('inbox: --follow --ack prints every message once, also those that come while it acknowledges', async (s) => {
  const node = await shared.get();
  const bob = fresh('bob');
  const child = s.run(at(node, 'inbox', bob, '--follow', '--ack', '--json'));
  const ann = await s.client(node, { user: fresh('ann') });
  const count = 500;
  for (let i = 1; i <= count; ++i) await ann.call('user.send', { to: bob, event: 'e', payload: i });
  await child.stdout.match(new RegExp(`"payload":${count}\\b`));
  await child.kill('SIGINT');
  assert.deepEqual(
    lines(child).map((line) => JSON.parse(line).payload),
    Array.from({ length: count }, (_, i) => i + 1),
  );
  const left = await runs(s, at(node, 'inbox', bob));
  assert.equal(left.stdout, '');
});

scenario('call: prints the result as JSON; an error is a sentence and an exit code', async (s) => {
  const node = await shared.get();
  const found = await runs(s, at(node, 'call', 'rpc.discover'));
  assert.equal(found.code, 0);
  assert.ok(JSON.parse(found.stdout).methods.length > 5);
  const missing = await runs(s, at(node, 'call', 'no.such.method'));
  assert.deepEqual([missing.code, missing.stdout], [65, '']);
  assert.match(missing.stderr, /-32601/);
  const bad = await runs(s, at(node, 'call', 'room.join', '{}'));
  assert.match(bad.stderr, /params\.room/);
  assert.equal((await runs(s, at(node, 'call', 'room.join', '[1]'))).code, 65);
});

scenario('announce: every session hears it; status prints the tree', async (s) => {
  const node = await shared.get();
  const ann = await s.client(node, { user: fresh('ann') });
  const told = await runs(s, ['announce', 'We restart at 22:00.', '--data', node.dir]);
  assert.equal(told.code, 0, told.stderr);
  assert.match(told.stdout, /^announced to \d+ sessions$/);
  const notice = await ann.next('session.notice');
  assert.deepEqual([notice.code, notice.text], ['announcement', 'We restart at 22:00.']);
  const tree = await runs(s, ['status', '--data', node.dir]);
  assert.equal(tree.code, 0, tree.stderr);
  for (const name of ['rooms', 'sessions', 'gateway']) assert.match(tree.stdout, new RegExp(name));
});

scenario('exit codes: no node 69, wrong usage 64, no JSON 65, no file 66, no permission 77', async (s) => {
  const node = await shared.get();
  const code = async (...args) => (await runs(s, args)).code;
  assert.equal(await code('pub', 'a', 'e', '1', '--url', 'ws://127.0.0.1:1/ws'), 69);
  assert.equal(await code('announce', 'x', '--data', '/no/such/dir'), 69);
  assert.equal(await code('pub', 'a', 'e', '1', '--url', `${node.url}x`), 69); // 404
  assert.equal(await code('pub', 'a'), 64);
  assert.equal(await code('pub', 'a', 'e', '1', '--no-such-option'), 64);
  assert.equal(await code('pub', 'a', 'e', '1', '--url', 'http://localhost'), 64);
  assert.equal(await code('no-such-command'), 64);
  assert.equal(await code(...at(node, 'pub', 'a', 'e', 'no json')), 65);
  assert.equal(await code(...at(node, 'pub', 'a', 'e', '@/no/such/file')), 66);
  const closed = await s.node({ dev: false });
  assert.equal(await code(...at(closed, 'pub', 'a', 'e', '1')), 77);
});

scenario('help: every command teaches with an example and exits 0', async (s) => {
  const operators = [['queue', 'list'], ['queue', 'purge'], ['dead', 'replay'], ['backup'], ['restore'], ['doctor']];
  const all = [[], ['pub'], ['sub'], ['send'], ['inbox'], ['call'], ['announce'], ['serve'], ['config'], ...operators];
  for (const command of all) {
    const { code, stdout } = await runs(s, [...command, '--help']);
    assert.equal(code, 0, command.join(' '));
    assert.ok(stdout.length > 100);
    if (command.length && !['serve', 'config'].includes(command[0])) assert.match(stdout, /Examples?:\n\s+greenroom/);
  }
});

scenario('environment: GREENROOM_URL is the default of --url', async (s) => {
  const node = await shared.get();
  const { code, stderr } = await runs(s, ['pub', fresh(), 'e', '1'], { env: { GREENROOM_URL: node.url } });
  assert.equal(code, 0, stderr);
});

scenario('shell: the examples of the help run as they are written', async (s) => {
  const node = await shared.get();
  const { status, stdout, stderr } = spawnSync(
    'sh',
    ['-c', `date | "${binary}" pub lobby tick --text - && "${binary}" call rpc.discover | head -c 1`],
    { env: { ...process.env, GREENROOM_URL: node.url }, encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  assert.match(stdout, /\[lobby\] #\d+[^]*\{$/);
});

shared.stops();
