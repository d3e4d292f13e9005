// What `./dev bench` measures. A workload is a table of cases. Each case says which figure of the load generator it runs and
// what it asks of it, what the node is told (`node`), who is measured beside it in the same round, and which numbers are shown,
// some of them with goals: `most` or `least` alone, as a ratio to another server's (`of`), or to an earlier case's (`than`).

const peers = ['nats', 'mosquitto', 'ws', 'socket.io'];
const everybody = ['floor', ...peers];
/** Greenroom itself with something else asked of it. */
const itself = (ask, node) => ({ as: 'greenroom', ask, node });
const still = 'endpoint.socketio.ping_interval_ms=1h'; // the load counts frames: no pings among them

const far_below = [
  { of: 'nats', most: 0.5 },
  { of: 'ws', most: 0.05 },
  { of: 'socket.io', most: 0.05 },
];
const level = [{ of: 'floor', most: 1.1 }, ...peers.map((of) => ({ of, most: 1 }))];

/** Goals of the shapes that have some. */
const fan_out_goals = {
  '1x1000-at-32-128B': [{ of: 'floor', most: 1.1 }, ...far_below],
  '1x1000-at-1-128B': level,
  '1000x10-at-32-128B': [{ of: 'floor', most: 1.3 }],
};
const shapes = [
  { rooms: 1, members: 1_000, at_once: [1, 16, 32] },
  { rooms: 1, members: 10_000, at_once: [1, 32] },
  { rooms: 1_000, members: 10, at_once: [1, 32] },
];
const fan_out_cases = Object.fromEntries(
  shapes.flatMap(({ rooms, members, at_once }) =>
    at_once.flatMap((count) =>
      [128, 1_024].map((bytes) => {
        const name = `${rooms}x${members}-at-${count}-${bytes === 128 ? '128B' : '1KiB'}`;
        const ask = { rooms, members, at_once: count, bytes };
        const shown = { cpu_us_per_delivery: fan_out_goals[name] ?? [], per_second: [] };
        return [name, { figure: 'fan_out', ask, beside: everybody, shown }];
      }),
    ),
  ),
);

const echo_goals = { 1: [{ of: 'floor', most: 1.3 }], 16: [{ of: 'floor', most: 2.5 }] };
const echo_cases = Object.fromEntries(
  [1, 16].flatMap((in_flight) =>
    [64, 1_024].map((bytes) => [
      `${in_flight}-in-flight-${bytes === 64 ? '64B' : '1KiB'}`,
      {
        figure: 'echo',
        ask: { in_flight, bytes },
        node: { echo: true },
        beside: everybody,
        shown: { cpu_us_per_round_trip: bytes === 64 ? echo_goals[in_flight] : [], p50_us: [], p99_us: [] },
      },
    ]),
  ),
);
const publish_cases = Object.fromEntries(
  [1, 16].map((in_flight) => [
    `publish-${in_flight}-in-flight`,
    {
      figure: 'lonely_publishes',
      ask: { in_flight, bytes: 128 },
      beside: ['floor'],
      shown: { cpu_us_per_round_trip: [], p99_us: [], per_second: [] },
    },
  ]),
);

const grown = (name, sizes, of) => Object.fromEntries(sizes.map((size) => [`${name}-${size}`, of(size)]));
const curve = (ask, goals = []) => ({
  figure: 'fan_out',
  ask,
  beside: ['floor'],
  shown: { cpu_us_per_delivery: goals },
});

export const workloads = {
  connect: {
    about: '10,000 sessions are opened, 128 at once, and stay',
    cases: {
      native: {
        figure: 'connect',
        beside: everybody,
        shown: {
          per_second: [{ least: 5_000 }],
          cpu_us_per_session: [{ most: 45 }],
          bytes_per_session: [{ most: 7 * 1_024 }],
        },
      },
      socketio: {
        figure: 'connect',
        ask: { speech: 'socketio' },
        beside: { native: itself({ speech: 'native' }) },
        shown: { per_second: [], cpu_us_per_session: [], bytes_per_session: [{ of: 'native', most: 1.3 }] },
      },
      phoenix: {
        figure: 'connect',
        ask: { speech: 'phoenix' },
        beside: { native: itself({ speech: 'native' }) },
        shown: { per_second: [], cpu_us_per_session: [], bytes_per_session: [{ of: 'native', most: 1.3 }] },
      },
      logged: {
        figure: 'connect',
        node: { logged: true }, // with a line for each in the access log, which the other cases go without
        beside: { native: itself({}, { logged: false }) },
        shown: { per_second: [], cpu_us_per_session: [] },
      },
      tokens: {
        figure: 'connect_with_tokens',
        node: { tokens: true },
        beside: { native: { ...itself({}, { tokens: false }), figure: 'connect' } },
        shown: { per_second: [{ least: 3_000 }], cpu_us_per_session: [] },
      },
    },
  },
  echo: {
    about: 'calls of a service that answers what it was given, and publishes to rooms without members; 100 connections',
    cases: { ...echo_cases, ...publish_cases },
  },
  fanout: {
    about: 'ROOMSxMEMBERS, so many messages at a time, closed loop: CPU of the server for a delivery',
    cases: fan_out_cases,
  },
  paced: {
    about: 'one room of 100, open loop: so many deliveries a second, latency from when each publish was due',
    cases: Object.fromEntries(
      [100, 1_000].map((rate) => [
        `${rate * 100}-a-second`,
        {
          figure: 'paced',
          ask: { members: 100, rate },
          seconds: 5,
          beside: everybody,
          shown: { p50_us: [], p99_us: [{ of: 'floor', most: 1.2 }], p999_us: [], cpu_us_per_delivery: [] },
        },
      ]),
    ),
  },
  mixed: {
    about: 'one room of 1,000, 32 messages at a time: a quarter of the members of each kind, or all of one',
    cases: Object.fromEntries(
      [
        ['all-four', 'native,msgpack,socketio,phoenix', []],
        ['msgpack', 'msgpack', []],
        ['socketio', 'socketio', ['socket.io']],
        ['phoenix', 'phoenix', []],
      ].map(([name, speech, beside]) => [
        name,
        {
          figure: 'fan_out',
          ask: { members: 1_000, speech },
          node: { set: [still] },
          beside: { native: itself({ speech: 'native' }), ...Object.fromEntries(beside.map((peer) => [peer, {}])) },
          shown: {
            cpu_us_per_delivery: [
              { of: 'native', most: 1.3 },
              { of: 'socket.io', most: 0.05 },
            ],
            per_second: [],
            frame_bytes: [],
          },
        },
      ]),
    ),
  },
  durable: {
    about: 'on disk before it is acknowledged: 256-byte messages with ids, the writer on the node’s core',
    cases: {
      publish: {
        figure: 'durable',
        ask: { in_flight: 64 },
        beside: { store: { figure: 'raw_store' }, jetstream: { figure: 'jetstream' } },
        shown: {
          per_second: [{ least: 40_000 }],
          cpu_us_per_message: [],
          paced_ack_p50_us: [],
          paced_ack_p99_us: [{ most: 50_000 }],
        },
      },
      direct: {
        figure: 'direct',
        shown: {
          ack_p99_us: [],
          delivery_p50_us: [],
          delivery_p99_us: [{ most: 5_000 }],
          cpu_us_per_message: [],
        },
      },
      drain: { figure: 'drain', shown: { per_second: [{ least: 20_000 }], cpu_us_per_message: [] } },
      'start-1-gib': { figure: 'fill', ask: { mib: 1_024 }, shown: { ready_ms: [{ most: 2_000 }] } },
    },
  },
  tls: {
    about: 'the same over TLS 1.3, beside Greenroom without it: full handshakes, memory of an idle session, a fan-out',
    cases: {
      connect: {
        figure: 'connect',
        node: { tls: true },
        beside: { plain: itself({}, { tls: false }) },
        shown: { per_second: [], cpu_us_per_session: [], bytes_per_session: [{ most: 20 * 1_024 }] },
      },
      'fanout-1x1000-at-32-128B': {
        figure: 'fan_out',
        ask: { members: 1_000 },
        node: { tls: true },
        beside: { plain: itself({}, { tls: false }) },
        shown: { cpu_us_per_delivery: [], per_second: [] },
      },
      'fanout-1x1000-at-1-128B': {
        figure: 'fan_out',
        ask: { members: 1_000, at_once: 1 },
        node: { tls: true },
        beside: { plain: itself({}, { tls: false }) },
        shown: { cpu_us_per_delivery: [], per_second: [] },
      },
    },
  },
  deflate: {
    about:
      'members that agreed on permessage-deflate, beside Greenroom without it; for one member the difference is a compression',
    cases: Object.fromEntries(
      [
        ['1x1000-at-32-128B', { members: 1_000 }, 3],
        ['1x1000-at-32-1KiB', { members: 1_000, bytes: 1_024 }, 3],
        ['1x1-at-32-300B', { members: 1, bytes: 300 }],
        ['1x1-at-1-60000B', { members: 1, at_once: 1, bytes: 60_000 }],
      ].map(([name, ask, most]) => [
        name,
        {
          figure: 'fan_out',
          ask: { ...ask, deflate: 1 },
          node: { set: ['gateway.compression=deflate'] },
          beside: { plain: itself({ deflate: 0 }, { set: [] }) },
          shown: { cpu_us_per_delivery: most ? [{ of: 'plain', most }] : [], per_second: [], frame_bytes: [] },
        },
      ]),
    ),
  },
  storm: {
    about: '10,000 sessions in durable rooms under load; the node is killed, and all of them come back with jitter',
    cases: {
      '10000-sessions': {
        figure: 'storm',
        shown: {
          ready_ms: [{ most: 2_000 }],
          resumed_p50_ms: [],
          resumed_last_ms: [],
          all_delivered_ms: [{ most: 15_000 }],
          repeats: [],
          told_to_wait: [],
        },
      },
    },
  },
  scale: {
    about:
      'two shards beside one, the node on both cores and the load on one of them: what sharing costs, not what it brings',
    cases: Object.fromEntries(
      [
        ['fanout-1x1000-at-32', 'fan_out', { members: 1_000 }, 'cpu_us_per_delivery'],
        ['fanout-1x1000-at-1', 'fan_out', { members: 1_000, at_once: 1 }, 'cpu_us_per_delivery'],
        ['fanout-1000x10-at-32', 'fan_out', { rooms: 1_000, members: 10 }, 'cpu_us_per_delivery'],
        ['echo-16-in-flight', 'echo', { in_flight: 16, bytes: 64 }, 'cpu_us_per_round_trip'],
      ].map(([name, figure, ask, key]) => [
        name,
        {
          figure,
          ask,
          node: { shards: 2, cores: '0,1', echo: figure === 'echo' },
          beside: { '1 shard': itself({}, { shards: 1, cores: '0,1', echo: figure === 'echo' }) },
          shown: { [key]: [{ of: '1 shard', most: 1.15 }], per_second: [] },
        },
      ]),
    ),
  },
  idle: {
    about: '10,000 sessions that only answer the node’s pings, one in 25 s',
    cases: {
      '10000-sessions': {
        figure: 'idle',
        seconds: 25,
        rounds: 1,
        shown: { cpu_us_per_session_second: [{ most: 1.5 }] },
      },
    },
  },
  slow: {
    about: 'one of 20 members stops reading, 10,000 deliveries of 4 KiB a second to the others',
    cases: { '20-members': { figure: 'slow', shown: { memory_growth_mib: [{ most: 8 }], others_p99_us: [] } } },
  },
  sustain: {
    about: '100 connections in 10 rooms, 1,000 messages a second and 10,000 deliveries, for --minutes',
    cases: {
      '100-connections': {
        figure: 'sustain',
        ask: { rooms: 10, members: 10, rate: 1_000 },
        rounds: 1,
        minutes: true,
        shown: {
          p95_us: [],
          worst_p95_us: [],
          memory_mib: [],
          memory_growth_mib: [{ most: 8 }],
          cpu_percent: [],
        },
      },
    },
  },
  grow: {
    about: 'what one delivery costs in larger rooms and among more rooms, and one session among more sessions',
    cases: {
      ...grown('members', [10, 30, 100, 300, 1_000, 3_000, 10_000], (members) =>
        curve({ members }, members === 10_000 ? [{ than: 'members-100', most: 1.15 }] : []),
      ),
      ...grown('rooms', [10, 100, 1_000, 3_000, 10_000], (rooms) => curve({ rooms, members: 1 })),
      ...grown('sessions', [100, 1_000, 5_000, 10_000, 15_000], (sessions) => ({
        figure: 'connect',
        ask: { sessions },
        shown: { cpu_us_per_session: [], bytes_per_session: [] },
      })),
    },
  },
};

/** What `--compare REVISION` alternates where nothing is named: the hot paths, each once. */
export const watched = [
  'connect/native',
  'echo/1-in-flight-64B',
  'echo/16-in-flight-64B',
  'fanout/1x1000-at-1-128B',
  'fanout/1x1000-at-32-128B',
  'fanout/1000x10-at-32-128B',
  'durable/publish',
];

const small = { sessions: 200, members: 50, mib: 4 };
const fewer = { rooms: 20, rate: 200 };
/** The same case as a test of the bench itself: small and short, its figures worth nothing. */
export function made_small(run) {
  const ask = { ...small, ...run.ask };
  for (const [key, most] of Object.entries({ ...small, ...fewer }))
    if (ask[key] !== undefined) ask[key] = Math.min(most, ask[key]);
  return { ...run, rounds: 1, minutes: false, seconds: 0.3, ask };
}

/** The cases that a NAME means: a workload's, or those that begin with what follows its slash. */
export function cases_of(name) {
  const [workload, wanted = ''] = name.split('/');
  return Object.keys(workloads[workload]?.cases ?? {})
    .filter((each) => each.startsWith(wanted))
    .map((each) => `${workload}/${each}`);
}
