// What an oracle has seen, as figures: how often each promise was tried, and how often it was broken.

const unknown_codes = new Set([-32603, -32009]); // semantics: every other error means *not stored*
/** What became of a send that was not acknowledged: nobody knows, rather than refused. */
export const isUnknown = (outcome) => outcome === undefined || unknown_codes.has(outcome);

/** The figures that must be zero: name, what it says, and what one trial of it is. */
export const figures = [
  [
    'lost',
    'acknowledged, and not in the history, or not at a member or user that must have it',
    'acknowledged messages',
  ],
  ['seen and gone', 'a position that somebody saw is not in the history', 'positions'],
  ['unexpected', 'never sent, or refused as not stored, and yet there', 'receipts'],
  ['duplicated', 'one id at two positions', 'acknowledged messages'],
  ['reordered', "against the sender's order, or a position below one that the receiver had", 'receipts'],
  ['gaps', 'a receiver saw a, then b > a + 1, and nobody told it', 'receipts'],
  ['told gaps', 'a receiver was told that messages will not come, which the history has', 'receipts'],
  ['wrong payload', 'other content than was sent', 'receipts'],
  ['wrong user', 'a directed message at somebody else, or under another name', 'directed messages received'],
  ['early', 'gone before its time to live was over', 'messages with a time to live'],
  ['late', 'delivered after its time to live', 'messages with a time to live'],
  ['positions reused', 'two ids at one position', 'positions'],
  ['not recovered', 'a member that came back with a position was not given the rest', 'recoveries'],
  ['sessions lost', 'a session that should wait was not resumed', 'resumes'],
  ['false conflicts', 'a true repeat was answered -32005', 'attempts'],
  ['back after its ack', 'a directed message came again after its ack was answered', 'directed messages received'],
  ['not durable', 'an ack that promises less than durable', 'acknowledged messages'],
  ['stalled', 'did not come to rest in time, or did not stop well', 'drains and stops'],
  ['database', 'quick_check found damage', 'quick_checks'],
];

/** Judges what came up to now; everything must have come to rest. */
export function verdict(oracle) {
  const notes = new Map([...oracle.notes].map(([figure, { count, texts }]) => [figure, { count, texts: [...texts] }]));
  const note = (figure, text, count = 1) => {
    const found = notes.get(figure) ?? { count: 0, texts: [] };
    notes.set(figure, found);
    found.count += count;
    if (found.texts.length < 10) found.texts.push(text);
  };
  const counts = {
    ...oracle.counts,
    acknowledged: 0,
    refused: 0,
    unknown: 0,
    expired: 0,
    repeated: 0,
    positions: 0,
    timed: 0,
  };
  for (const m of oracle.messages.values()) count_message(m, counts, note);
  rooms(oracle, counts, note);
  inboxes(oracle, counts, note);
  for (const attempts of oracle.sends.values()) order(attempts, note);

  const trials = {
    'acknowledged messages': counts.acknowledged,
    positions: counts.positions,
    receipts: counts.receipts + counts.mails,
    'directed messages received': counts.mails,
    'messages with a time to live': counts.timed,
    recoveries: counts.recoveries,
    resumes: counts.resumes,
    attempts: counts.attempts,
    'drains and stops': counts.drains,
    quick_checks: counts.quick_checks,
  };
  const rows = figures.map(([name, meaning, trial]) => {
    const { count = 0, texts = [] } = notes.get(name) ?? {};
    return { name, meaning, trial, count, texts, trials: trials[trial] };
  });
  return { rows, counts: { messages: oracle.messages.size, ...counts }, broken: rows.filter(({ count }) => count > 0) };
}

function count_message(m, counts, note) {
  if (m.acked_at !== undefined) ++counts.acknowledged;
  else if (m.attempts.some(({ outcome }) => isUnknown(outcome))) ++counts.unknown;
  else {
    ++counts.refused;
    if (m.places.length > 0)
      note('unexpected', `${m.id} to ${m.to} is there, and was refused: ${m.attempts.map(({ outcome }) => outcome)}`);
  }
  if (m.ttl_ms !== undefined) ++counts.timed;
  if (m.places.length < 2) return;
  const where = `${m.id} to ${m.to} at ${m.places.map(({ epoch, seq }) => `${epoch} ${seq}`).join(' and ')}`;
  if (m.sessions.size === 1) note('duplicated', where);
  else ++counts.repeated; // another session's id is another message: anonymous users are known by their session
}

/** What is at `seq` and was sent with echo: false comes to everybody but its sender. */
const isOwn = (m, who) => m?.quiet && m.from === who;

function rooms(oracle, counts, note) {
  const lost = new Map(); // message → where
  for (const log of oracle.logs.values()) {
    if (log.epoch === 'inbox') continue;
    counts.positions += log.at.size;
    const stored = oracle.stored.get(log.name);
    if (!stored) continue;
    for (const [seq, m] of log.at) {
      if (stored.epoch === log.epoch && stored.got.has(seq)) continue;
      note('seen and gone', `${m.id} in ${log.name} ${log.epoch} ${seq}`);
      const elsewhere = m.places.some((place) => place.epoch === stored.epoch && stored.got.has(place.seq));
      if (m.acked_at !== undefined && !elsewhere) lost.set(m, 'not in the history');
    }
  }
  for (const { who, room, intervals } of oracle.members.values())
    for (const { epoch, from, to, got, told, holes } of intervals) {
      const log = oracle.logs.get(`${room}\n${epoch}`);
      const others = intervals.filter((other) => other.epoch === epoch && other.got !== got);
      const excused = (seq) =>
        told.has(seq) || isOwn(log?.at.get(seq), who) || others.some((other) => other.got.has(seq));
      for (const [first, last] of holes)
        for (let seq = first; seq <= last; ++seq)
          if (!excused(seq) && !got.has(seq)) note('gaps', `${who} in ${room} ${epoch}: ${seq} never came`);
      for (const [first, last] of got.missing(from, Math.min(to, log?.last ?? 0)))
        for (let seq = first; seq <= last; ++seq) {
          const m = log.at.get(seq);
          if (m?.acked_at !== undefined && !excused(seq)) lost.set(m, `never came to ${who}`);
        }
    }
  for (const [m, how] of lost) note('lost', `${m.id} in ${m.to} at ${m.places[0].epoch} ${m.places[0].seq}: ${how}`);
}

function inboxes(oracle, counts, note) {
  for (const m of oracle.messages.values()) {
    if (m.kind !== 'send' || m.acked_at === undefined || m.received) continue;
    const judged_at = oracle.emptied.get(m.to)?.find((at) => at > m.acked_at);
    if (judged_at === undefined) continue; // it waits
    if (m.ttl_ms === undefined) note('lost', `${m.id} to ${m.to}: not in the inbox`);
    else if (m.at + m.ttl_ms > judged_at)
      note('early', `${m.id} to ${m.to}: ${m.at + m.ttl_ms - judged_at} ms were left`);
    else ++counts.expired;
  }
  if (!oracle.dead) return;
  const { letters, queued } = oracle.dead;
  if (letters < counts.expired)
    note('lost', `of ${counts.expired} that expired ${letters} are dead letters`, counts.expired - letters);
  if (queued > 0) note('stalled', `${queued} directed messages still wait`);
}

// The attempts that can have stored a message: the one whose ack says so, else those that had no answer. (One of these may
// also have been refused, and the answer lost: what was stored by a later attempt is bound by the order of that one only.)
function stored_by(m) {
  const known = m.attempts.find(({ outcome }) => outcome === 'ack');
  return known ? [known] : m.attempts.filter(({ outcome }) => isUnknown(outcome));
}

// What was stored by sends on one connection, to one target, stands in the order of these sends.
function order(attempts, note) {
  const highest = new Map(); // conn and epoch → {seq, m}
  const fine = new Set();
  const wrong = new Map();
  for (const attempt of attempts) {
    const { m, conn } = attempt;
    const possible = m.places.length === 1 ? stored_by(m) : [];
    if (!possible.includes(attempt)) continue;
    const [{ epoch, seq }] = m.places;
    const key = `${conn}\n${epoch}`;
    const before = highest.get(key);
    if (before && before.seq > seq) wrong.set(m, before.m);
    else fine.add(m);
    if (possible.length === 1 && !(before?.seq > seq)) highest.set(key, { seq, m });
  }
  for (const [m, before] of wrong)
    if (!fine.has(m)) note('reordered', `${m.id} to ${m.to} stands before ${before.id}, after which it was sent`);
}

const bound = (trials) => (trials > 0 ? `< ${(3 / trials).toPrecision(2)}` : 'not tried');

/** Prints the table: every zero with its trials, and with what that bounds the rate to (95 %). */
export function print({ rows, counts, broken }, say = console.log) {
  const { messages, acknowledged, refused, unknown, attempts, receipts, mails, pages, expired, repeated } = counts;
  say(
    `attempted ${messages} messages in ${attempts} sends: acknowledged ${acknowledged}, refused ${refused}, unknown ${unknown}; ` +
      `receipts ${receipts} in rooms, ${mails} in inboxes, ${pages} pages of history; expired ${expired}; ` +
      `sent again by another session ${repeated}`,
  );
  say(
    `${'must be zero'.padEnd(20)}${'count'.padStart(8)}${'trials'.padStart(11)}  ${'rate'.padEnd(12)}  a trial is one of`,
  );
  for (const { name, trial, count, trials } of rows)
    say(
      `${name.padEnd(20)}${String(count).padStart(8)}${String(trials).padStart(11)}  ${(count ? '' : bound(trials)).padEnd(12)}  ${trial}`,
    );
  for (const { name, meaning, count, texts } of broken) {
    say(`${name} (${count}): ${meaning}`);
    for (const text of texts) say(`  ${text}`);
  }
}
