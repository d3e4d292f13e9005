// ./dev bench [NAME…] [--peers] [--rounds N] [--seconds N] [--minutes N] [--json FILE] [--plots DIR] [--compare REV|FILE] [--profile]
//
// NAME is a workload, or WORKLOAD/CASE, of which the beginning is enough. Each prints one table: Greenroom, who is measured
// beside it in the same rounds with the ratio in brackets, and the goals. A round starts each server anew, pinned to core 0,
// and the load generator on core 1; the median of the rounds counts. Everything goes to a JSON file.
//   --peers     npm's ws and socket.io, nats-server and mosquitto are measured, too (or some: --peers=nats,ws)
//   --rounds    how often (3; 5 with --compare REV)     --seconds  how long a closed loop is measured (2)
//   --minutes   how long `sustain` runs (1)             --plots    where the workloads' plots go (build/plots)
//   --compare   REV: builds that revision, too, alternates both, and fails where this one is worse beyond the noise that
//               the rounds show. FILE: the same against the JSON of an earlier run, as far as the machine was the same.
//   --profile   perf samples Greenroom meanwhile, and each case's last round says where its time went (Debian: linux-perf)
//   --quick     everything small and short: whether the bench runs; no figures
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build_of, confirmed, say_verdicts, verdicts } from './compare.mjs';
import { lengths_of, measure } from './meter.mjs';
import { options_of } from './options.mjs';
import { plot } from './plot.mjs';
import { print_profile } from './profile.mjs';
import { servers } from './servers.mjs';
import { alike, medians } from './statistics.mjs';
import { judged, machine_note, table } from './tables.mjs';
import { cases_of, made_small, watched, workloads } from './workloads.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const tree = join(here, '../..');
const options = options_of(process.argv.slice(2));
if (options.help) {
  const lines = readFileSync(new URL(import.meta.url), 'utf8').split('\n');
  console.log(
    lines
      .slice(
        0,
        lines.findIndex((line) => line.startsWith('import')),
      )
      .map((line) => line.slice(3))
      .join('\n'),
  );
  for (const [name, { about }] of Object.entries(workloads)) console.log(`  ${name.padEnd(8)}  ${about}`);
  console.log('  micro     single operations, by Google Benchmark\n  bounds    allocations and instructions of a message, beside what was recorded');
  process.exit(0);
}

const against_file = options.compare && existsSync(options.compare);
const against_revision = options.compare && !against_file;
const named = options.names.length ? options.names : against_revision ? watched : Object.keys(workloads);
const chosen = named.flatMap((name) => {
  const cases = cases_of(name);
  if (cases.length) return cases;
  console.error(`there is no ${name}; there are ${Object.keys(workloads).join(' ')}, each also as WORKLOAD/CASE, and micro and bounds`);
  process.exit(64);
});
const rounds_wanted = options.rounds ?? (against_revision ? 5 : 3);
const then = against_revision ? build_of(options.compare, options.build, tree) : undefined;

/** Who is measured beside Greenroom in a case: name → {as: a server's name, figure, ask, node}. */
function besides_of({ figure, ask, node, beside = {} }) {
  if (then) return { [options.compare]: { as: 'greenroom', figure, ask, node: { ...node, build: then.build } } };
  const listed = Array.isArray(beside) ? Object.fromEntries(beside.map((name) => [name, {}])) : beside;
  return Object.fromEntries(
    Object.entries(listed)
      .map(([name, other]) => {
        const as = other.as ?? name;
        const { speech, deflate, ...rest } = ask; // those are Greenroom's
        const asked = as === 'greenroom' ? { ...ask, ...other.ask } : rest;
        return [name, { as, figure: other.figure ?? figure, ask: asked, node: { ...node, ...other.node } }];
      })
      .filter(([name, { as }]) => !servers[as].peer || options.peers(name)),
  );
}

/** Measures one case: server → its rounds. */
async function rounds_of(name, run) {
  const seconds = run.minutes ? options.minutes * 60 : (run.seconds ?? options.seconds);
  const { figure, node, ask } = { ...run, ask: { seconds, ...run.ask } };
  const besides = besides_of({ ...run, ask });
  const found = { greenroom: [], ...Object.fromEntries(Object.keys(besides).map((each) => [each, []])) };
  const samples = [];
  const on_sample = (sample) => {
    if (sample.second < samples.at(-1)?.second) samples.length = 0; // the run is repeated: the machine was slow
    samples.push(sample);
    console.error(`${name}: ${JSON.stringify(sample)}`);
  };
  for (let round = 0; round < (run.rounds ?? rounds_wanted); ++round) {
    const ours = async () =>
      found.greenroom.push(
        await measure(options.build, 'greenroom', { figure, node, ask, on_sample, profiled: options.profile, minutes: run.minutes }),
      );
    const theirs = async () => {
      for (const [each, other] of Object.entries(besides)) {
        if (!found[each]) continue;
        const lengths = lengths_of(found.greenroom.at(-1) ?? {});
        await measure(options.build, other.as, other, lengths).then(
          (measured) => found[each].push(measured),
          (error) => {
            ++failed; // the others go on
            delete found[each];
            console.error(`${name}: ${each}: ${error.message}`);
          },
        );
      }
    };
    const first_then = then && round % 2 === 1; // neither is always the first
    for (const step of first_then ? [theirs, ours] : [ours, theirs]) await step();
  }
  return { found, samples };
}

function git(...args) {
  try {
    return execFileSync('git', args, { cwd: here, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
const report = {
  commit: git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? ' with changes' : ''),
  when: new Date().toISOString(),
  machine: {
    cpu: cpus()[0].model,
    cores: cpus().length,
    kernel: execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim(),
  },
  command: ['./dev', 'bench', ...options.told].join(' '),
  workloads: {},
};
if (then) report.compared_with = then.commit;
const kept_in = options.json ?? join(options.build, 'bench.json');
const keep = () => writeFileSync(kept_in, `${JSON.stringify(report, null, 1)}\n`);

const before = against_file ? JSON.parse(readFileSync(options.compare, 'utf8')) : undefined;
let [missed, worse, failed] = [0, 0, 0];

/** Measures the chosen cases of a workload and prints its table. */
async function run_workload(workload, names) {
  const { about, cases } = workloads[workload];
  const runs = Object.fromEntries(
    names.map((name) => [
      name,
      options.quick ? made_small(cases[name]) : { ...cases[name], ask: cases[name].ask ?? {} },
    ]),
  );
  const columns = [...new Set(['greenroom', ...Object.values(runs).flatMap((run) => Object.keys(besides_of(run)))])];
  console.log(`\n**${workload}**: ${about}\n`);
  const printed = new table(columns, names);
  const done = (report.workloads[workload] = {});
  for (const [name, run] of Object.entries(runs)) {
    const { found, samples } = await rounds_of(`${workload}/${name}`, run).catch((error) => {
      ++failed; // the other cases go on
      console.error(`${workload}/${name}: ${error.message}`);
      return {};
    });
    if (!found) continue;
    const middle = Object.fromEntries(
      Object.entries(alike(found)).map(([server, rounds]) => [server, medians(rounds)]),
    );
    const kept = (done[name] = { figure: run.figure, ask: run.ask, medians: middle, rounds: found, goals: {} });
    if (samples.length) kept.samples = samples;
    if (then && verdicts_of(workload, name, found).some((each) => each.worse))
      kept.again = (await rounds_of(`${workload}/${name}`, run)).found;
    for (const [key, goals] of Object.entries(run.shown)) {
      const values = Object.fromEntries(Object.entries(middle).map(([server, each]) => [server, each[key]]));
      const held = judged(
        values.greenroom,
        then ? [] : goals,
        (server) => values[server],
        (earlier) => done[earlier]?.medians.greenroom[key],
      );
      kept.goals[key] = held;
      missed += held.filter(({ holds }) => !holds).length;
      printed.number(name, key, values, held);
    }
    keep();
  }
  const all = Object.values(done).flatMap(({ rounds }) => Object.values(rounds).flat());
  if (all.length) console.log(`\n${machine_note(all)}`);
  for (const [name, { rounds }] of Object.entries(done))
    if (rounds.greenroom.at(-1)?.profile) print_profile(`${workload}/${name}`, rounds.greenroom.at(-1).profile);
}

/** What a case's rounds say against the other revision's, or against those of the file. */
function verdicts_of(workload, name, rounds) {
  const other = then ? rounds[options.compare] : before?.workloads?.[workload]?.[name]?.rounds.greenroom;
  if (!other?.length) return [];
  const found = alike({ now: rounds.greenroom, other });
  return verdicts(Object.keys(workloads[workload].cases[name].shown), found.now, found.other);
}

/** Worse is what is worse in the rounds, and again in as many more. */
function compare(workload, names) {
  for (const name of names) {
    const done = report.workloads[workload][name];
    if (!done) continue;
    const all = verdicts_of(workload, name, done.rounds);
    const again = done.again ? verdicts_of(workload, name, done.again) : all;
    worse += say_verdicts(`${workload}/${name}`, confirmed(all, again));
  }
}

const by_workload = new Map();
for (const each of chosen) {
  const workload = each.split('/')[0];
  by_workload.set(workload, [...(by_workload.get(workload) ?? []), each]);
}
for (const [workload, cases] of by_workload) {
  const names = [...new Set(cases.map((each) => each.slice(workload.length + 1)))];
  await run_workload(workload, names);
  if (options.compare) compare(workload, names);
}
keep();
for (const file of plot(report, options.plots)) console.log(`Plot: ${file}`);
console.log(`\nAll rounds: ${kept_in}`);
const said = [
  [failed, 'did not run'],
  [options.quick ? 0 : missed, 'goals missed'],
  [worse, 'worse'],
];
for (const [count, what] of said) if (count) console.error(`${count} ${what}`);
process.exit(said.some(([count]) => count) ? 1 : 0);
