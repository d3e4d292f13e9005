// What rounds say together.

export const median = (numbers) => numbers.slice().sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** The median of each number that all rounds have. */
export const medians = (rounds) =>
  Object.fromEntries(
    Object.keys(rounds[0])
      .filter((key) => rounds.every((round) => Number.isFinite(round[key])))
      .map((key) => [key, median(rounds.map((round) => round[key]))]),
  );

/** Rounds of several servers that were taken in the same state of the machine, where all of them have such: those of its
 * fast state rather than those of its slow one. */
export function alike(found) {
  const all = Object.values(found);
  for (const slow of [false, true])
    if (all.every((rounds) => rounds.some(({ machine }) => machine.slow === slow)))
      return Object.fromEntries(
        Object.entries(found).map(([server, rounds]) => [
          server,
          rounds.filter(({ machine }) => machine.slow === slow),
        ]),
      );
  return found;
}

/** Half the distance between the extremes, as a part of the median: what a difference must exceed to mean something. */
export function noise(values) {
  const middle = median(values);
  return middle ? (Math.max(...values) - Math.min(...values)) / 2 / middle : 0;
}

/** Changes below this are never called one: clocks, layout and the kernel's own state are worth as much. */
export const least_change = 0.02;

const compared = /^(cpu_us_|bytes_per_|per_second$|memory_)/;
/** Whether a number is held against that of another revision: costs and rates are, latencies and counts are not. */
export const is_compared = (key) => compared.test(key);

/** Two lists of one number: how far the first one's median is from the second one's, how far it may be, and whether it
 * is worse beyond that. */
export function judge(key, now, then) {
  const change = median(now) / median(then) - 1;
  const bound = Math.max(least_change, noise(now) + noise(then));
  return { change, bound, worse: (key === 'per_second' ? -change : change) > bound };
}
