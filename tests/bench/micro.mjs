// ./dev bench micro [PATTERN] [--seconds N] [--json FILE]: nanoseconds and allocations of one operation of each part, by
// Google Benchmark, pinned to core 0. Every row is the median of three repetitions; what an operation is, micro_*.cpp says.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    build: { type: 'string', default: process.env.GREENROOM_BUILD ?? 'build' },
    seconds: { type: 'string', default: '0.2' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (options.help || positionals.length > 1) {
  console.log('usage: ./dev bench micro [PATTERN] [--seconds N] [--json FILE]    PATTERN: a regular expression');
  process.exit(options.help ? 0 : 64);
}

const targets = execFileSync('ninja', ['-C', options.build, '-t', 'targets', 'all'], { encoding: 'utf8', maxBuffer: 1 << 28 });
if (!/^greenroom_micro:/m.test(targets)) {
  console.error('Google Benchmark is not installed (Debian: libbenchmark-dev), or was not when cmake ran.');
  process.exit(1);
}
execFileSync('ninja', ['-C', options.build, 'greenroom_micro'], { stdio: ['ignore', 'inherit', 'inherit'] });

const scratch = mkdtempSync(join(tmpdir(), 'greenroom-micro-'));
const out = join(scratch, 'micro.json');
try {
  const program = [join(options.build, 'tests/bench/greenroom_micro')];
  if (existsSync('/usr/bin/taskset')) program.unshift('taskset', '-c', '0');
  execFileSync(
    program[0],
    [
      ...program.slice(1),
      `--benchmark_filter=${positionals[0] ?? '.'}`,
      `--benchmark_min_time=${options.seconds}`,
      '--benchmark_repetitions=3',
      '--benchmark_report_aggregates_only=true',
      `--benchmark_out=${out}`,
      '--benchmark_out_format=json',
    ],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  );
  const all = JSON.parse(readFileSync(out, 'utf8').replace(/: -?(NaN|Infinity)/g, ': null')); // the spread of no allocations
  const failed = all.benchmarks.filter((each) => each.error_occurred);
  for (const each of failed) console.error(`${each.name}: ${each.error_message}`);
  const rows = all.benchmarks
    .filter((each) => each.aggregate_name === 'median' && !each.error_occurred)
    .map((each) => ({ name: each.run_name, ns: 1e9 / each.items_per_second, allocations: each.allocs }));
  const wide = Math.max(...rows.map((row) => row.name.length), 0);
  console.log(`${'operation'.padEnd(wide)} ${'ns'.padStart(12)} ${'allocations'.padStart(12)}`);
  for (const { name, ns, allocations } of rows)
    console.log(`${name.padEnd(wide)} ${ns.toFixed(1).padStart(12)} ${allocations.toFixed(3).padStart(12)}`);
  const kept = options.json ?? join(options.build, 'micro.json');
  writeFileSync(kept, `${JSON.stringify({ context: all.context, rows }, null, 1)}\n`);
  console.log(`\nkept in ${kept}`);
  if (failed.length || !rows.length) process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
