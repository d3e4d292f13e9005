// What the command line says.
import { join } from 'node:path';
import { parseArgs } from 'node:util';

function number(name, text, least) {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  console.error(`--${name} is a number from ${least}, not ${text}`);
  return process.exit(64);
}

export function options_of(argv) {
  // `--peers` alone means all of them, which parseArgs has no word for.
  const told = argv.filter((each, i) => each !== '--build' && argv[i - 1] !== '--build');
  const args = argv.map((each) => (each === '--peers' ? '--peers=all' : each));
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      build: { type: 'string', default: process.env.GREENROOM_BUILD ?? 'build' },
      peers: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string', default: '2' },
      minutes: { type: 'string', default: '1' },
      json: { type: 'string' },
      plots: { type: 'string' },
      compare: { type: 'string' },
      profile: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const peers = values.peers?.split(',');
  return {
    ...values,
    told,
    names: positionals,
    peers: (name) => peers !== undefined && (peers.includes('all') || peers.includes(name)),
    rounds: values.rounds === undefined ? undefined : number('rounds', values.rounds, 1),
    seconds: number('seconds', values.seconds, 0.1),
    minutes: number('minutes', values.minutes, 0.1),
    plots: values.plots ?? join(values.build, 'plots'),
  };
}
