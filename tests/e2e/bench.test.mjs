// The bench itself: every kind of run goes through, small and short, and what is worse than before fails it. No figures.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { confirmed, verdicts } from '../bench/compare.mjs';
import { curves, drawings } from '../bench/plot.mjs';
import { alike, judge, medians, noise } from '../bench/statistics.mjs';
import { judged } from '../bench/tables.mjs';
import { cases_of, watched, workloads } from '../bench/workloads.mjs';
import { binary } from './harness.mjs';

const build = dirname(resolve(binary));
const run = fileURLToPath(new URL('../bench/run.mjs', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'greenroom-e2e-bench-'));
after(() => rmSync(dir, { recursive: true }));

const bench = (...args) =>
  spawnSync(process.execPath, [run, '--build', build, '--quick', '--plots', join(dir, 'plots'), ...args], {
    encoding: 'utf8',
    timeout: 150_000,
    env: { ...process.env, NODE_TEST_CONTEXT: '' },
  });
const kept = (file) => JSON.parse(readFileSync(file, 'utf8'));

test('bench: every protocol, every npm peer and TLS go through, and every number that is shown is one', () => {
  const file = join(dir, 'all.json');
  const names = [
    ...['connect/native', 'echo/1-in-flight-64B', 'fanout/1000x10-at-1-128B', 'mixed/all-four'],
    ...['tls/fanout-1x1000-at-1', 'grow/rooms-10', 'sustain'],
  ];
  const done = bench(...names, '--peers=ws,socket.io', '--json', file);
  assert.equal(done.status, 0, done.stdout + done.stderr);
  const report = kept(file);
  let numbers = 0;
  for (const each of names.flatMap(cases_of)) {
    const [workload, name] = each.split('/');
    const { medians: found, rounds } = report.workloads[workload][name];
    for (const [server, values] of Object.entries(found))
      for (const key of Object.keys(workloads[workload].cases[name].shown))
        if (server === 'greenroom' || key.startsWith('cpu_us')) {
          const least = /^memory|^bytes/.test(key) ? -Infinity : 0; // memory may be given back
          assert.ok(Number.isFinite(values[key]) && values[key] >= least, `${each} ${server} ${key}: ${values[key]}`);
          ++numbers;
        }
    assert.ok(rounds.greenroom[0].machine.cache_line_ns.every((ns) => ns >= 0));
  }
  assert.ok(numbers > 30, `only ${numbers} numbers`);
  for (const server of ['greenroom', 'floor', 'ws', 'socket.io'])
    assert.ok(report.workloads.fanout['1000x10-at-1-128B'].medians[server].cpu_us_per_delivery > 0, server);
  assert.equal(report.workloads.sustain['100-connections'].samples.length, 10);
  assert.ok(existsSync(join(dir, 'plots/fanout.svg')) && existsSync(join(dir, 'plots/sustain.svg')));
});

test('bench: what became worse than before fails, what is as before does not', () => {
  const file = join(dir, 'before.json');
  const first = bench('fanout/1x1000-at-32-128B', '--json', file);
  assert.equal(first.status, 0, first.stderr);
  const scaled = (by) => {
    const report = kept(file);
    for (const round of report.workloads.fanout['1x1000-at-32-128B'].rounds.greenroom) round.cpu_us_per_delivery *= by;
    writeFileSync(file, JSON.stringify(report));
    return bench('fanout/1x1000-at-32-128B', '--json', join(dir, 'now.json'), '--compare', file);
  };
  const better = scaled(1_000);
  assert.doesNotMatch(better.stdout, /CPU a delivery.*WORSE/);
  const worse = scaled(1e-6);
  assert.equal(worse.status, 1);
  assert.match(worse.stdout, /CPU a delivery.*WORSE/);
});

test('bench: names and numbers that it does not know are refused', () => {
  assert.equal(bench('fanout/none').status, 64);
  assert.equal(bench('no-workload').status, 64);
  assert.equal(bench('fanout', '--rounds', 'many').status, 64);
  assert.equal(bench('fanout', '--compare', 'no-such-revision').status, 64);
});

test('bench: a difference within the rounds’ own noise is none', () => {
  assert.equal(noise([9, 10, 11]), 0.1);
  assert.equal(judge('cpu_us_per_delivery', [10, 11, 12], [9, 10, 11]).worse, false);
  assert.equal(judge('cpu_us_per_delivery', [13, 13.1, 13.2], [9.9, 10, 10.1]).worse, true);
  assert.equal(judge('cpu_us_per_delivery', [10.1], [10]).worse, false); // the least that counts
  assert.equal(judge('per_second', [5, 5, 5], [10, 10, 10]).worse, true);
  assert.equal(judge('per_second', [20, 20, 20], [10, 10, 10]).worse, false);
  assert.deepEqual(
    medians([
      { a: 1, machine: {} },
      { a: 3, machine: {} },
      { a: 2, b: 1, machine: {} },
    ]),
    { a: 2 },
  );
});

test('bench: what was worse once and not again is not worse', () => {
  const key = 'cpu_us_per_delivery';
  const of = (...values) => values.map((each) => ({ [key]: each }));
  const worse = verdicts([key, 'p99_us'], of(13, 13, 13), of(10, 10, 10));
  assert.deepEqual(
    worse.map((each) => [each.key, each.worse]),
    [[key, true]], // latencies are not compared
  );
  const level = verdicts([key], of(10, 10, 10), of(10, 10, 10));
  assert.equal(confirmed(worse, level)[0].worse, false);
  assert.equal(confirmed(level, worse)[0].worse, false);
  assert.equal(confirmed(worse, worse)[0].worse, true);
});

test('bench: rounds of the machine’s two states are not mixed where they need not be', () => {
  const of = (...states) => states.map((slow) => ({ machine: { slow } }));
  assert.deepEqual(alike({ a: of(false, true), b: of(true, false, false) }), { a: of(false), b: of(false, false) });
  assert.deepEqual(alike({ a: of(false, true), b: of(true) }), { a: of(true), b: of(true) });
  const neither = { a: of(false), b: of(true) };
  assert.deepEqual(alike(neither), neither);
});

test('bench: a goal holds against its counterpart, and one that was not measured says nothing', () => {
  const others = { floor: 10 };
  const holds = (value, goal) =>
    judged(
      value,
      [goal],
      (name) => others[name],
      () => 4,
    ).map((each) => each.holds);
  assert.deepEqual(holds(11, { of: 'floor', most: 1.1 }), [true]);
  assert.deepEqual(holds(11.1, { of: 'floor', most: 1.1 }), [false]);
  assert.deepEqual(holds(11, { of: 'nats', most: 1 }), []);
  assert.deepEqual(holds(5, { than: 'members-100', most: 1.15 }), [false]);
  assert.deepEqual(holds(4_999, { least: 5_000 }), [false]);
});

test('bench: every workload has cases, every goal a counterpart, every watched case is one', () => {
  for (const [name, { cases }] of Object.entries(workloads)) {
    assert.ok(Object.keys(cases).length > 0, name);
    for (const [each, { shown, beside = {} }] of Object.entries(cases)) {
      const others = Array.isArray(beside) ? beside : Object.keys(beside);
      for (const { of, than } of Object.values(shown).flat()) {
        if (than) assert.ok(cases[than], `${name}/${each}: ${than}`);
        if (of && name !== 'mixed') assert.ok(others.includes(of), `${name}/${each}: ${of}`);
      }
    }
  }
  for (const each of watched) assert.deepEqual(cases_of(each).slice(0, 1), [each]);
});

test('bench: a plot has a line for each server and survives one point', () => {
  const svg = curves(
    'title <&>',
    'x',
    'y',
    {
      greenroom: [
        [10, 1],
        [100, 2],
      ],
      floor: [[10, 1]],
    },
    true,
  );
  assert.equal(svg.match(/<polyline/g).length, 2);
  assert.match(svg, /title &lt;&amp;&gt;/);
  assert.doesNotMatch(svg, /NaN|Infinity/);
  assert.deepEqual(drawings({ workloads: {} }), {});
});
