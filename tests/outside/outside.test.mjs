// What a project outside of the tree built against the installed package: a plugin in the installed node, and a node of
// its own with the same face.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Node, scenario } from '../e2e/harness.mjs';

const built = process.env.OUTSIDE;
const config = (behaviour) =>
  `[plugins]\nload = ["${join(built, 'outside.so')}"]\n[namespace.x]\nbehaviour = "${behaviour}"\n` +
  `join = "anyone"\npublish = "anyone"\nread = "anyone"\n`;

scenario('outside: a plugin built against the installed headers runs in the installed node', async (s) => {
  const node = await s.node({ config: config('shout') });
  const ann = await s.client(node, { user: 'ann' });
  await ann.join('x:1');
  await ann.publish('x:1', 'hi');
  assert.equal((await ann.next('room.message')).event, 'shouted');
});

scenario('outside: a program of one’s own is a node with its own service and behaviour, and loads plugins', async (s) => {
  const node = await Node.start({ config: config('quiet'), program: join(built, 'program') });
  s.defer(() => node.stop());
  const ann = await s.client(node, { user: 'ann' });
  assert.equal(await ann.call('calculator.subtract', { minuend: 42, subtrahend: 23 }), 19);
  await assert.rejects(ann.call('calculator.subtract', { minuend: 42 }), (e) => {
    return e.code === -32602 && e.data.path === 'params.subtrahend';
  });
  await assert.rejects(ann.publish('x:1', 'hi'), (e) => e.message.includes('nothing is said here'));
});
