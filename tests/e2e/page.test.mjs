// The start page in headless Chromium: two panes in one room, cut off and back, across `kill -9`, by keyboard, and what can be
// computed of its accessibility. What it looks like is kept under build/screenshots/.
import assert from 'node:assert/strict';
import { contrast, focus_is_seen, structure } from './accessibility.mjs';
import { browser_closes, keep, open_page } from './browser.mjs';
import { Node, eventually, fresh, scenario, sharedNode } from './harness.mjs';

const shared = sharedNode();
const json = { say: '#say-json', pane: '.pane:nth-of-type(1)' };
const msgpack = { say: '#say-msgpack', pane: '.pane:nth-of-type(2)' };
/** What Chromium itself writes about a node that is away. */
const away = /WebSocket connection to .* failed|net::ERR_/;

/** The page, with both panes in a room of this scenario's own. */
async function opened(s, node, options = {}) {
  const page = await open_page(s, `${node.http}/?room=${options.room ?? fresh('page')}`, options);
  for (const pane of [json, msgpack]) await state(page, pane, 'open');
  return page;
}
const state = (page, { pane }, wanted) => page.waitForSelector(`${pane}[data-state="${wanted}"]`);
const button = (page, { pane }, name) => page.locator(`${pane} .${name}`);
async function say(page, { say: input }, text) {
  await page.fill(input, text);
  await page.press(input, 'Enter');
}
/** The texts in a pane's log, events left out; `of` chooses a class of lines. */
const texts = (page, { pane }, of = 'li:not(.event)') =>
  page
    .locator(`${pane} .log ${of}`)
    .evaluateAll((lines) => lines.map((line) => line.querySelector('.what').textContent));
const events = (page, { pane }) => page.locator(`${pane} .log .event`).allTextContents();
const shows = (page, pane, wanted, of) =>
  eventually(async () => assert.deepEqual(await texts(page, pane, of), wanted), 10_000);

scenario('page: what is typed in one pane is seen in the other, both ways', async (s) => {
  const page = await opened(s, await shared.get());
  await say(page, json, 'from JSON');
  await shows(page, msgpack, ['from JSON']);
  await say(page, msgpack, 'from MessagePack');
  for (const pane of [json, msgpack]) await shows(page, pane, ['from JSON', 'from MessagePack']);
  const names = await page.locator('.who').allTextContents();
  for (const pane of [json, msgpack])
    await eventually(async () => {
      const here = (await page.locator(`${pane.pane} .members li`).allTextContents()).map((each) =>
        each.replace(' (you)', ''),
      );
      assert.deepEqual(here.sort(), [...names].sort());
    });
  assert.equal(await page.locator('.log .waiting').count(), 0, 'everything has its place');
});

scenario('page: one pane is cut off, says so, and comes back with what it missed', async (s) => {
  const page = await opened(s, await shared.get());
  await say(page, json, 'before');
  await shows(page, msgpack, ['before']);
  await button(page, msgpack, 'cut').click();
  await state(page, msgpack, 'reconnecting');
  assert.match(await page.locator(`${msgpack.pane} .state`).textContent(), /Reconnecting in \d+ s/);
  await say(page, json, 'while away 1');
  await say(page, json, 'while away 2');
  await say(page, msgpack, 'typed while cut off');
  await shows(page, msgpack, ['typed while cut off'], '.waiting');
  await keep(page, 'cut-off');
  await button(page, msgpack, 'reconnect').click();
  await state(page, msgpack, 'open');
  await shows(page, msgpack, ['while away 1', 'while away 2'], '.missed');
  for (const pane of [json, msgpack])
    await shows(page, pane, ['before', 'while away 1', 'while away 2', 'typed while cut off']);
  assert.ok((await events(page, msgpack)).includes('session resumed: 2 messages missed'));
  assert.match(await page.locator(`${msgpack.pane} .session`).textContent(), /resumed 1 time/);
  await keep(page, 'resumed');
});

scenario('page: a cut ends by itself, and Reconnect makes a new connection of the same session', async (s) => {
  const page = await opened(s, await shared.get());
  const session = () => page.locator(`${json.pane} .session`).textContent();
  const [before] = (await session()).match(/session \S+…/);
  await button(page, json, 'reconnect').click();
  await eventually(async () => assert.equal(await session(), `${before}, resumed 1 time`));
  await button(page, json, 'cut').click();
  await state(page, json, 'reconnecting');
  await page.waitForSelector(`${json.pane}[data-state="open"]`, { timeout: 20_000 });
  assert.equal(await session(), `${before}, resumed 2 times`);
});

scenario('page: the server is killed and started again, and both panes go on', async (s) => {
  let node = await Node.start();
  const { port, dir } = node;
  s.defer(() => node.stop());
  const page = await opened(s, node, { expected: away });
  await say(page, json, 'before the end');
  await shows(page, msgpack, ['before the end']);
  await node.kill('SIGKILL');
  for (const pane of [json, msgpack]) await state(page, pane, 'reconnecting');
  await say(page, json, 'typed while it was down');
  await keep(page, 'server-killed');
  node = await Node.start({ listen: `127.0.0.1:${port}`, dir });
  for (const pane of [json, msgpack]) await state(page, pane, 'open');
  await say(page, msgpack, 'after the start');
  for (const pane of [json, msgpack])
    await eventually(async () => {
      const all = await texts(page, pane);
      assert.equal(all[0], 'before the end');
      assert.deepEqual(all.slice(1).sort(), ['after the start', 'typed while it was down']);
    }, 10_000);
  assert.ok(
    (await events(page, json)).some((text) => /history was lost/.test(text)),
    'the loss is said',
  );
  await keep(page, 'server-back');
});

scenario('page: a message for somebody who has closed the tab waits, also while the node is killed, and is there when the tab opens', async (s) => {
  let node = await Node.start();
  const { port, dir } = node;
  s.defer(() => node.stop());
  const first = await opened(s, node, { expected: away });
  const name = fresh('zoe');
  await first.fill(`${json.pane} .name-input`, name);
  await first.press(`${json.pane} .name-input`, 'Enter');
  await eventually(async () => assert.equal(await first.locator(`${json.pane} .who`).textContent(), name));
  await state(first, json, 'open');
  const context = first.context();
  await first.close();

  const other = await s.client(node, { user: 'ann' });
  assert.equal((await other.call('user.send', { to: name, event: 'say', payload: 'are you there?' })).ack, 'durable');
  await node.kill('SIGKILL');
  node = await Node.start({ listen: `127.0.0.1:${port}`, dir });

  const second = await context.newPage();
  await second.goto(`${node.http}/?room=${fresh('page')}`);
  await shows(second, json, ['are you there?'], '.direct');
  await eventually(async () => assert.match(await (await fetch(`${node.http}/metrics`)).text(), /^greenroom_inbox_queued 0$/m));
  await keep(second, 'waited');
});

scenario('page: what is said to @somebody reaches that user alone', async (s) => {
  const page = await opened(s, await shared.get());
  const to = await page.locator(`${msgpack.pane} .who`).textContent();
  await say(page, json, `@${to} just you`);
  await shows(page, msgpack, ['just you'], '.direct');
  await shows(page, json, ['just you'], '.direct.stored');
  await say(page, json, '@nobody-there hello');
  await shows(page, json, ['just you', 'hello'], '.direct.stored');
});

scenario('page: everything works by keyboard alone, the focus is seen, and nothing traps it', async (s) => {
  const page = await opened(s, await shared.get());
  const at = () =>
    page.evaluate(() => {
      const here = document.activeElement;
      return here.getAttribute('aria-label') ?? here.labels?.[0]?.textContent ?? here.textContent.trim();
    });
  await page.keyboard.press('Tab');
  assert.equal(await at(), 'Skip to the two clients');
  await page.keyboard.press('Enter');
  const order = [];
  const stops = await page.locator('a, button, input, pre[tabindex], .log').count();
  for (let i = 0; i < stops && !order.includes('Copy: Python'); ++i) {
    await page.keyboard.press('Tab');
    order.push(await at());
    assert.ok(await focus_is_seen(page), `the focus on ${order.at(-1)} cannot be seen`);
  }
  const of = (codec) => [
    ...[`Name in the ${codec} client`, `Messages of the ${codec} client`, `Message, sent as ${codec}`],
    ...[`Send as ${codec}`, `Cut off the ${codec} client`, `Reconnect the ${codec} client`],
  ];
  assert.deepEqual(order.slice(0, 12), [...of('JSON'), ...of('MessagePack')]);
  assert.ok(order.includes('Copy: Python'), `the last button is reached: ${order}`);
  await page.focus(json.say);
  await page.keyboard.type('typed');
  await page.keyboard.press('Enter');
  await shows(page, msgpack, ['typed']);
  for (const _ of 'ab') await page.keyboard.press('Tab');
  assert.equal(await at(), 'Cut off the JSON client');
  await page.keyboard.press('Space');
  await state(page, json, 'reconnecting');
  assert.equal(await at(), 'Cut off the JSON client', 'the focus stays where it was');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await state(page, json, 'open');
});

scenario('page: a screen reader is told each message once, and each change of state', async (s) => {
  const page = await opened(s, await shared.get());
  await page.evaluate(() => {
    globalThis.said = [];
    const region = document.getElementById('announcer');
    new MutationObserver(() => globalThis.said.push(region.textContent)).observe(region, { childList: true });
  });
  await say(page, json, 'once');
  await shows(page, msgpack, ['once']);
  await button(page, json, 'cut').click();
  const said = () => page.evaluate(() => globalThis.said.join(' | '));
  await eventually(async () => assert.match(await said(), /JSON client: connection lost/));
  await button(page, json, 'reconnect').click();
  await eventually(async () => assert.match(await said(), /JSON client: connected again, session resumed/));
  assert.equal((await said()).match(/: once/g).length, 1, await said());
});

for (const [look, options] of Object.entries({
  'screen-light': {},
  'screen-dark': { colorScheme: 'dark' },
  'phone-light': { width: 390, height: 844 },
  'phone-dark': { width: 390, height: 844, colorScheme: 'dark' },
  'narrow-light': { width: 320, height: 640 },
}))
  scenario(`page: names, headings, landmarks and contrast hold (${look})`, async (s) => {
    const page = await opened(s, await shared.get(), options);
    await say(page, json, 'a message');
    await shows(page, msgpack, ['a message']);
    await button(page, msgpack, 'cut').click();
    await say(page, json, 'one to miss');
    await say(page, msgpack, 'one that waits');
    await shows(page, msgpack, ['one that waits'], '.waiting');
    assert.deepEqual(await contrast(page), [], 'cut off');
    await button(page, msgpack, 'reconnect').click();
    await shows(page, msgpack, ['one to miss'], '.missed');
    assert.deepEqual(await contrast(page), []);
    assert.deepEqual(await structure(page), []);
    await page.mouse.move(0, 0);
    await page.evaluate(() => document.activeElement.blur());
    await keep(page, look);
    await keep(page, `${look}-whole`, { fullPage: true });
  });

scenario('page: a name is kept across a reload, and a new one is a new member', async (s) => {
  const page = await opened(s, await shared.get());
  const name = page.locator(`${json.pane} .name-input`);
  await name.fill('Zoë');
  await name.press('Enter');
  await eventually(async () => assert.equal(await page.locator(`${json.pane} .who`).textContent(), 'Zoë'));
  await state(page, json, 'open');
  await say(page, json, 'hello');
  await eventually(async () =>
    assert.match(await page.locator(`${msgpack.pane} .log li`).last().textContent(), /Zoëhello/),
  );
  await page.reload();
  await state(page, json, 'open');
  assert.equal(await name.inputValue(), 'Zoë');
  await shows(page, json, ['hello']);
});

scenario('page: what somebody sends is text, whatever it looks like', async (s) => {
  const room = fresh('page');
  const page = await opened(s, await shared.get(), { room });
  const other = await s.client(await shared.get(), { user: '<b>x</b>' });
  await other.publish(room, '<img src=x onerror=alert(1)>');
  await other.publish(room, { text: '<script>', n: 1 });
  await shows(page, json, ['<img src=x onerror=alert(1)>', '{"text":"<script>","n":1}']);
});

scenario('page: the policy refuses what is inline, and this test would see it', async (s) => {
  const page = await opened(s, await shared.get(), {
    expected: /policy: |Content Security Policy|Trusted/,
  });
  const refused = await page.evaluate(() => {
    const script = document.createElement('script');
    try {
      script.textContent = 'globalThis.ran = true';
    } catch {
      // trusted types are the first to refuse
    }
    document.head.append(script);
    const style = document.createElement('style');
    style.textContent = 'body { display: none }';
    document.head.append(style);
    return [globalThis.ran, getComputedStyle(document.body).display];
  });
  assert.deepEqual(refused, [undefined, 'block']);
  await eventually(() =>
    assert.ok(
      page.complaints.some((each) => /policy: style-src/.test(each)),
      page.complaints.join(),
    ),
  );
});

scenario('page: where nobody may call, it says why', async (s) => {
  const node = await s.node({ dev: false });
  const page = await open_page(s, node.http, { expected: away });
  for (const pane of [json, msgpack]) {
    await state(page, pane, 'closed');
    assert.match((await events(page, pane)).join(), /closed: .*(token|anonymous|session|origin)/i);
  }
});

browser_closes();
shared.stops();
