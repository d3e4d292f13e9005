// What one message may cost on its way through the node, in figures that are the same every time: allocations, and under
// callgrind instructions and simulated cache misses. bounds.json has what was recorded; more than that fails.
//
//   ./dev bench bounds                          prints and compares both; ctest runs each as a test of its own
//   ./dev bench bounds --record                 what is now becomes the bound (say in the commit why it is more)
//   ./dev bench bounds --where json-10-32       where the allocations of that case come from
//
// A case is FORMAT-MEMBERS-BURST, or FORMAT-call-BURST (hot_path.cpp). Instructions depend on compiler and flags: with others than those recorded
// they are not compared. The processor's own choices are taken away: simdjson, OpenSSL and glibc are told which
// instructions there are, and the simulated caches have fixed sizes.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    build: { type: 'string', default: process.env.GREENROOM_BUILD ?? 'build' },
    record: { type: 'boolean' },
    where: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
const kinds = ['allocations', 'instructions'];
if (options.help || positionals.some((each) => !kinds.includes(each))) {
  console.log('usage: ./dev bench bounds [allocations] [instructions] [--record] [--where CASE]');
  process.exit(options.help ? 0 : 64);
}

const skipped = 77; // ctest's SKIP_RETURN_CODE
const instructions_margin = 1.05;
const misses_margin = 1.2; // addresses move with the environment and with what is linked
const misses_least = 2; // a message: below it a change is no change
const allocations_margin = 0.05; // of one allocation a message
const goals = { a_message: 4, a_member: 0 }; // allocations, whatever was recorded

const file = fileURLToPath(new URL('bounds.json', import.meta.url));
const program = join(options.build, 'tests/bench/greenroom_hot_path');
const bounds = JSON.parse(readFileSync(file, 'utf8'));
const wanted = positionals.length ? positionals : kinds;
let over = 0;
let left_out = false;

const cell = (value, wide = 12) => (value === undefined ? '-' : typeof value === 'number' ? value.toFixed(2) : value).padStart(wide);
const cases_of = (text) => text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

/** One figure beside its bound. */
function compare(name, value, recorded, most) {
  const kept = recorded !== undefined && value <= most;
  if (!kept && !options.record) ++over; // what is recorded now is no failure
  return `${cell(value)} ${cell(recorded)}${kept || options.record ? '' : '  OVER'}`;
}

// --- allocations

if (options.where) {
  const told = execFileSync(program, ['--where', options.where], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const mangled = [...told.matchAll(/\((_Z\w+)/g)].map((found) => found[1]);
  const plain = spawnSync('c++filt', { input: mangled.join('\n'), encoding: 'utf8' }).stdout?.split('\n') ?? mangled;
  let next = 0;
  console.log(told.replace(/\S*\((_Z\w+)\+0x\w+\) \[\w+\]/g, () => plain[next++]));
  process.exit(0);
}

function measure_allocations() {
  const all = cases_of(execFileSync(program, { encoding: 'utf8' }));
  const found = Object.fromEntries(all.map((each) => [each.case, each.allocations / each.messages]));
  console.log(`\nallocations a message${' '.repeat(9)}${cell('now')} ${cell('bound')}`);
  for (const [name, value] of Object.entries(found)) {
    const recorded = bounds.allocations[name];
    console.log(`  ${name.padEnd(26)} ${compare(name, value, recorded, recorded + allocations_margin)}`);
  }
  for (const format of ['json', 'msgpack'])
    for (const burst of [1, 32]) {
      const a_member = (found[`${format}-1000-${burst}`] - found[`${format}-10-${burst}`]) / 990;
      const a_message = found[`${format}-10-${burst}`] - 10 * a_member;
      const word = (value, goal) => {
        const met = value <= goal + 1e-3;
        if (!met) ++over;
        return `${Math.abs(value).toFixed(3)} (at most ${goal}${met ? '' : ': OVER'})`;
      };
      console.log(`  ${format}, ${burst} at a time: a message ${word(a_message, goals.a_message)}, a member ${word(a_member, goals.a_member)}`);
    }
  if (options.record) bounds.allocations = Object.fromEntries(Object.entries(found).map(([name, value]) => [name, Number(value.toFixed(3))]));
}

// --- instructions and cache misses

/** Compiler, flags and libraries: what instructions depend on. */
function built_with() {
  const cache = readFileSync(join(options.build, 'CMakeCache.txt'), 'utf8');
  const of = (key) => new RegExp(`^${key}:\\w+=(.*)$`, 'm').exec(cache)?.[1] ?? '';
  const compiler = execFileSync(of('CMAKE_CXX_COMPILER'), ['--version'], { encoding: 'utf8' }).split('\n')[0];
  const type = of('CMAKE_BUILD_TYPE') || 'Release';
  return `${compiler}, ${type} ${of(`CMAKE_CXX_FLAGS_${type.toUpperCase()}`)} ${of('CMAKE_CXX_FLAGS')} ${of('GREENROOM_SANITIZE')}`.trim();
}

/** Clearing its counts makes some of callgrind's 64 bits negative by a few. */
const count_of = (text) => Math.max(0, Number(BigInt.asIntN(64, BigInt(text))));

function dumps_in(folder) {
  const found = {};
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), 'utf8');
    const which = /^desc: Trigger: Client Request: (\S+)$/m.exec(text)?.[1];
    if (!which) continue;
    const events = /^events: (.*)$/m.exec(text)[1].split(' ');
    const sums = /^(?:totals|summary): (.*)$/m.exec(text)[1].trim().split(' ').map(count_of);
    found[which] = Object.fromEntries(events.map((event, i) => [event, sums[i] ?? 0]));
  }
  return found;
}

function measure_instructions() {
  const compiler = built_with();
  if (spawnSync('valgrind', ['--version']).status !== 0) return skip('valgrind is not installed (Debian: valgrind)');
  if (!options.record && bounds.compiler && bounds.compiler !== compiler)
    return skip(`this is built with "${compiler}", the bounds are of "${bounds.compiler}"`);
  const scratch = mkdtempSync(join(tmpdir(), 'greenroom-bounds-'));
  try {
    const ran = spawnSync(
      'valgrind',
      [
        '--tool=callgrind',
        '--instr-atstart=no',
        '--cache-sim=yes',
        '--I1=32768,8,64',
        '--D1=32768,8,64',
        '--LL=8388608,16,64',
        `--callgrind-out-file=${join(scratch, 'callgrind')}`,
        program,
      ],
      {
        encoding: 'utf8',
        env: {
          PATH: process.env.PATH,
          LC_ALL: 'C',
          SIMDJSON_FORCE_IMPLEMENTATION: 'westmere',
          OPENSSL_ia32cap: '~0x200000200000000:~0x20',
          GLIBC_TUNABLES:
            'glibc.cpu.hwcaps=-AVX512F_Usable,-AVX512VL_Usable,-AVX2_Usable,-AVX2,-AVX_Fast_Unaligned_Load,-AVX_Usable,-ERMS,-FSRM,-RTM',
        },
      },
    );
    if (ran.status !== 0) throw new Error(`the program ended with ${ran.status ?? ran.signal}: ${ran.stderr}`);
    const counted = dumps_in(scratch);
    const found = {};
    for (const { case: name, messages, members } of cases_of(ran.stdout)) {
      const sums = counted[name];
      if (!sums) throw new Error(`callgrind has written nothing of ${name}`);
      found[name] = {
        messages,
        members,
        instructions: sums.Ir / messages,
        d1_misses: (sums.D1mr + sums.D1mw) / messages,
        ll_misses: (sums.ILmr + sums.DLmr + sums.DLmw) / messages,
      };
    }
    show_instructions(found);
    if (!options.record) return;
    bounds.compiler = compiler;
    bounds.instructions = Object.fromEntries(
      Object.entries(found).map(([name, { messages, members, ...rest }]) => [
        name,
        Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, Number(value.toFixed(2))])),
      ]),
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function show_instructions(found) {
  console.log(`\na message${' '.repeat(21)}${cell('now')} ${cell('bound')} ${cell('a delivery')}`);
  for (const [name, now] of Object.entries(found))
    for (const key of ['instructions', 'd1_misses', 'll_misses']) {
      const recorded = bounds.instructions[name]?.[key];
      const most = key === 'instructions' ? recorded * instructions_margin : Math.max(recorded * misses_margin, recorded + misses_least);
      const line = compare(name, now[key], recorded, most);
      console.log(`  ${name.padEnd(16)} ${key.padEnd(12)} ${line.slice(0, 25)} ${cell(now.members ? now[key] / now.members : undefined)}${line.slice(25)}`);
    }
}

function skip(why) {
  console.log(`\ninstructions: left out, ${why}`);
  left_out = true;
}

if (wanted.includes('allocations')) measure_allocations();
if (wanted.includes('instructions')) measure_instructions();
if (options.record) {
  writeFileSync(file, `${JSON.stringify(bounds, null, 1)}\n`);
  console.log(`\nrecorded in ${file}`);
} else if (over) {
  console.error(`\n${over} over their bounds. Where it ought to cost more: ./dev bench bounds --record, and say why.`);
  process.exitCode = 1;
} else if (left_out && wanted.length === 1) {
  process.exitCode = skipped;
}
