// One Markdown table a workload, a row a number, printed as soon as its case is measured.

const units = {
  cpu_us_per_delivery: 'CPU a delivery, µs',
  cpu_us_per_round_trip: 'CPU a round trip, µs',
  cpu_us_per_session: 'CPU to open one, µs',
  cpu_us_per_session_second: 'CPU a session and second, µs',
  cpu_us_per_message: 'CPU a message, µs',
  cpu_percent: 'CPU, %',
  bytes_per_session: 'memory a session, B',
  per_second: 'a second',
  frame_bytes: 'frame, B',
  memory_mib: 'memory, MiB',
  memory_growth_mib: 'memory grew by, MiB',
};
/** What a number is called in a table: its name's words, its unit last. */
export const title_of = (key) =>
  units[key] ??
  key
    .replace(/_(us|ms)$/, (_, unit) => `, ${unit === 'us' ? 'µs' : unit}`)
    .replace(/^p999/, 'p99.9')
    .replaceAll('_', ' ');

export function value_of(number) {
  if (number === undefined) return '';
  if (Math.abs(number) >= 1_000) return Math.round(number).toLocaleString('en');
  return Math.abs(number) < 0.0005 ? '0' : String(Number(number.toPrecision(3)));
}
export const ratio_of = (ratio) => `${ratio.toFixed(ratio < 0.1 ? 3 : 2)} ×`;

/** The goals of one number, each with whether it holds: {text, holds}. `other(name)` is the number of a server of the
 * same case, `earlier(name)` that of Greenroom in an earlier case; goals whose counterpart was not measured are left out. */
export function judged(value, goals, other, earlier) {
  return goals.flatMap(({ most, least, of, than }) => {
    const counterpart = of ? other(of) : than ? earlier(than) : 1;
    if (counterpart === undefined) return [];
    const bound = (most ?? least) * counterpart;
    const holds = most === undefined ? value >= bound : value <= bound;
    const sign = most === undefined ? '≥' : '≤';
    const text = of || than ? `${sign} ${most ?? least} × ${of ?? than}` : `${sign} ${value_of(most ?? least)}`;
    return [{ text, holds }];
  });
}

export class table {
  #widths;
  /** `servers`: the columns after the case and the number; the last column is the goals'. */
  constructor(servers, case_names) {
    this.servers = servers;
    const longest = (texts) => Math.max(...texts.map((text) => text.length));
    this.#widths = [longest(['case', ...case_names]), 27, ...servers.map((name) => Math.max(16, name.length)), 12];
    this.#row(['case', 'number', ...servers, 'goals']);
    this.#row(this.#widths.map((width) => '-'.repeat(width)));
  }
  number(name, key, values, goals) {
    const cells = this.servers.map((server) => {
      const value = values[server];
      if (value === undefined || server === this.servers[0] || !value) return value_of(value);
      return `${value_of(value)} (${ratio_of(values[this.servers[0]] / value)})`;
    });
    this.#row([
      name,
      title_of(key),
      ...cells,
      goals.map(({ text, holds }) => `${text} ${holds ? '✓' : '✗'}`).join(', '),
    ]);
  }
  #row(cells) {
    console.log(`| ${cells.map((text, i) => text.padEnd(this.#widths[i])).join(' | ')} |`);
  }
}

/** What is to be known of the machine's state in these rounds. */
export function machine_note(runs) {
  const machines = runs.map((run) => run.machine);
  const lines = machines.flatMap((each) => each.cache_line_ns);
  const slow = machines.filter((each) => each.slow).length;
  const others = machines.map((each) => each.others_cores);
  return (
    `cache line ${Math.min(...lines)} to ${Math.max(...lines)} ns; other programs used ` +
    `${(others.reduce((sum, each) => sum + each, 0) / others.length).toFixed(2)} cores` +
    (slow ? `; ${slow} of ${runs.length} runs stayed in the machine's slow state` : '')
  );
}
