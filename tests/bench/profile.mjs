// Where a server's time goes while it is measured: perf samples its CPU clock, and the shares are printed by thread and
// program, and by function. Sampling costs a little itself, so that the figures of a profiled run are not to be quoted.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const samples_a_second = 2_000;
const settling_ms = 300; // what a run begins with, sessions that open and join, is another matter
const functions_shown = 15;

/** perf's rows, as [{share, what}]. */
function rows(file, sort) {
  const told = execFileSync('perf', ['report', '-i', file, '--no-children', '-g', 'none', '--stdio', '--sort', sort], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 26,
  });
  return [...told.matchAll(/^ +([\d.]+)% +(.+?) *$/gm)].map(([, share, what]) => ({ share: Number(share), what }));
}

/** Begins to sample that process; `end` says {places, functions}: shares in percent, the largest first. */
export function sampled(pid) {
  const dir = mkdtempSync(join(tmpdir(), 'greenroom-profile-'));
  const file = join(dir, 'perf.data');
  const how = ['-q', '-e', 'cpu-clock', '-F', String(samples_a_second), '-D', String(settling_ms)];
  const child = spawn('perf', ['record', ...how, '-o', file, '-p', String(pid)], { stdio: 'ignore' });
  const ended = new Promise((resolve, reject) => {
    child.on('error', () => reject(new Error('perf is not installed (Debian: linux-perf)')));
    child.on('close', resolve);
  });
  return {
    async end() {
      child.kill('SIGINT');
      try {
        await ended;
        const short = (text) => text.replaceAll('greenroom::', '').replace(/\s+/g, ' ');
        const places = rows(file, 'comm,dso').map(({ share, what }) => ({ share, what: what.replace(/ {2,}/, ': ') }));
        const functions = rows(file, 'sym').map(({ share, what }) => ({ share, what: short(what) }));
        return { places, functions: functions.slice(0, functions_shown) };
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    },
  };
}

/** Prints what `end` said of a case. */
export function print_profile(name, { places, functions }) {
  const line = ({ share, what }) => console.log(`  ${share.toFixed(1).padStart(5)} %  ${what}`);
  console.log(`\n${name}, by thread and program:`);
  places.filter(({ share }) => share >= 0.5).forEach(line);
  console.log('by function:');
  functions.forEach(line);
}
