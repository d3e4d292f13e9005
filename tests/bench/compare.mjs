// Another revision, built beside this one, and the verdict on both.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { is_compared, judge } from './statistics.mjs';
import { title_of } from './tables.mjs';

/** Builds that revision's node (and its echo service) in a worktree under the build directory; says where. */
export function build_of(revision, build, tree) {
  const git = (...args) => execFileSync('git', args, { cwd: tree, encoding: 'utf8' }).trim();
  let commit;
  try {
    commit = git('rev-parse', '--verify', '--quiet', `${revision}^{commit}`);
  } catch {
    console.error(`${revision} is neither a file nor a revision`);
    process.exit(64);
  }
  const where = resolve(build, 'compare', commit.slice(0, 12));
  if (!existsSync(join(where, '.git'))) {
    mkdirSync(resolve(build, 'compare'), { recursive: true });
    git('worktree', 'prune');
    git('worktree', 'add', '--quiet', '--detach', where, commit);
  }
  const made = join(where, 'build');
  const run = (file, ...args) => execFileSync(file, args, { cwd: where, stdio: ['ignore', 'ignore', 'inherit'] });
  console.error(`Building ${revision} (${commit.slice(0, 12)}) in ${where}`);
  const msgpack = `-DGREENROOM_MSGPACK_DIR=${resolve(build, 'deps/msgpack')}`;
  run('cmake', '-S', where, '-B', made, '-G', 'Ninja', msgpack, '-DGREENROOM_TESTS=ON');
  run('ninja', '-C', made, 'greenroom', 'echo');
  return { commit, build: made };
}

/** Rounds of both, number by number: {key, change, bound, worse}. */
export const verdicts = (keys, now, then) =>
  keys
    .filter((key) => is_compared(key) && [...now, ...then].every((round) => Number.isFinite(round[key])))
    .map((key) => ({
      key,
      ...judge(
        key,
        now.map((round) => round[key]),
        then.map((round) => round[key]),
      ),
    }));

/** The verdicts of more rounds on the same, where what is worse was worse in the first ones, too. */
export const confirmed = (first, again) =>
  again.map((each) => ({ ...each, worse: each.worse && first.some(({ key, worse }) => worse && key === each.key) }));

/** Prints one line a number; how many are worse. */
export function say_verdicts(name, all) {
  for (const { key, change, bound, worse } of all) {
    const [moved, noise] = [100 * change, 100 * bound].map((part) => part.toFixed(1));
    console.log(`${name}: ${title_of(key)}: ${moved} %, noise ±${noise} %${worse ? ': WORSE' : ''}`);
  }
  return all.filter(({ worse }) => worse).length;
}
