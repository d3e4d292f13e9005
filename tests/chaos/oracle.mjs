// The oracle: reads the events of a journal and says what the node has broken of its promises. Pure: no node, no clock.
//
//   node tests/chaos/oracle.mjs JOURNAL      judges a journal that was kept
//
// Events, one a line, each with `at` (milliseconds); README.md explains the figures.
//
//   attempt  id kind(publish|send) to from user session conn n hash size quiet? ttl_ms?   before it leaves
//   ack      id conn ack epoch? seq? duplicate?       error  id conn code
//   join     who room since? epoch seq recovered? reason?                                 the answer
//   leave    who room                                                                     before it leaves
//   opening  conn user                                before session.open leaves
//   attach   who conn user session resuming resumed reason? positions{ROOM: …}|null rooms[…]  the answer of session.open
//   got      who conn room epoch seq id hash          notice who room code from? to?
//   page     who room epoch first last after messages[[seq, id, hash]] final?
//   mail     who conn user n id from hash             mail_ack who user upto left         the answer
//   emptied  user                                     everything that waited for the user has been handed out
//   dead     letters queued                           what the node says of all inboxes at the end
//   drained  ok text?       quick_check ok text?      came to rest, or stopped; the database file is whole
//   fault    kind                                     for people
import { fileURLToPath } from 'node:url';
import { JournalReader } from './journal.mjs';
import { Ranges } from './ranges.mjs';
import { isUnknown, print, verdict } from './verdict.mjs';

const conflict = -32005;
const late_slack_ms = 1_000; // from the node's clock at the delivery to the receiver's, on a busy machine
const recovery_max = { messages: 1_000, bytes: 1 << 20, overhead: 300 };
const notes_max = 10; // explanations kept a figure

export class Oracle {
  messages = new Map(); // by id
  logs = new Map(); // by room and epoch, or inbox: {at: Map(position → message), last}
  members = new Map(); // by receiver and room: {who, intervals, current}
  sends = new Map(); // by sender and target: attempts in their order
  stored = new Map(); // room → {epoch, got}: the last reading of the whole history
  emptied = new Map(); // user → times
  notes = new Map(); // figure → {count, texts}
  counts = {
    attempts: 0,
    receipts: 0,
    mails: 0,
    pages: 0,
    resumes: 0,
    recoveries: 0,
    faults: 0,
    drains: 0,
    quick_checks: 0,
  };
  dead = undefined;
  #conns = new Map(); // conn → what its inbox has shown, while it lives
  #acked_upto = new Map(); // user → n

  event(e) {
    const handler = this[`on_${e.e}`];
    if (!handler) throw new Error(`the journal has an unknown event: ${JSON.stringify(e)}`);
    handler.call(this, e);
  }
  note(figure, text) {
    const found = this.notes.get(figure) ?? { count: 0, texts: [] };
    this.notes.set(figure, found);
    ++found.count;
    if (found.texts.length < notes_max) found.texts.push(text);
  }

  // --- what was sent ------------------------------------------------------------------------------------------------
  on_attempt(e) {
    ++this.counts.attempts;
    let m = this.messages.get(e.id);
    if (!m) {
      m = { ...e, attempts: [], sessions: new Set(), places: [], acked_at: undefined, received: false };
      this.messages.set(e.id, m);
    } else if (m.hash !== e.hash || m.to !== e.to || m.kind !== e.kind) {
      throw new Error(`the load used ${e.id} for two messages`);
    }
    m.sessions.add(e.session);
    const attempt = { m, conn: e.conn, outcome: undefined };
    m.attempts.push(attempt);
    const key = `${e.from}\n${e.kind}\n${e.to}`;
    if (!this.sends.has(key)) this.sends.set(key, []);
    this.sends.get(key).push(attempt);
  }
  #settle(e, outcome) {
    const m = this.messages.get(e.id);
    const attempt = m?.attempts.findLast(({ conn, outcome: known }) => conn === e.conn && known === undefined);
    if (attempt) attempt.outcome = outcome;
    else this.note('unexpected', `an answer to ${e.id} on ${e.conn}, where it was not asked`);
    return m;
  }
  on_ack(e) {
    const m = this.#settle(e, e.duplicate ? 'duplicate' : 'ack');
    if (!m) return;
    m.acked_at ??= e.at;
    if (e.ack !== 'durable') this.note('not durable', `${e.id} to ${m.to} was acknowledged as ${e.ack}`);
    if (m.kind === 'publish') this.#place(m, this.#log(m.to, e.epoch), e.epoch, e.seq);
  }
  on_error(e) {
    this.#settle(e, e.code);
    if (e.code === conflict) this.note('false conflicts', `${e.id} on ${e.conn}`);
  }

  // --- where it stands ----------------------------------------------------------------------------------------------
  #log(name, epoch) {
    const key = `${name}\n${epoch}`;
    let log = this.logs.get(key);
    if (!log) this.logs.set(key, (log = { name, epoch, at: new Map(), last: 0 }));
    return log;
  }
  #place(m, log, epoch, seq) {
    const other = log.at.get(seq);
    if (other === undefined) log.at.set(seq, m);
    else if (other !== m) this.note('positions reused', `${log.name} ${epoch} ${seq}: ${other.id} and ${m.id}`);
    log.last = Math.max(log.last, seq);
    if (!m.places.some((place) => place.seq === seq && place.epoch === epoch)) m.places.push({ epoch, seq });
  }
  /** What every receipt must satisfy; the message, or undefined. */
  #check(e, kind, target, where) {
    const m = this.messages.get(e.id);
    if (!m) return void this.note('unexpected', `${e.id} ${where} was never sent`);
    if (kind !== m.kind || (kind === 'publish' && m.to !== target))
      return void this.note('unexpected', `${e.id} to ${m.to} came ${where}`);
    if (m.hash !== e.hash) this.note('wrong payload', `${e.id} ${where}`);
    return m;
  }

  // --- rooms --------------------------------------------------------------------------------------------------------
  #member(who, room) {
    const key = `${who}\n${room}`;
    if (!this.members.has(key)) this.members.set(key, { who, room, intervals: [], current: undefined });
    return this.members.get(key);
  }
  /**
   * From `from` to `to` everything must come. `next` must come next; undefined: the feed may begin anywhere up to `high`,
   * the position that never came yet.
   */
  #begin(member, epoch, from) {
    const sets = { got: new Ranges(), told: new Ranges(), holes: [] };
    member.current = { epoch, from, to: Infinity, next: from, high: from, ...sets };
    member.intervals.push(member.current);
  }
  #end(member) {
    if (member.current) member.current.to = member.current.high - 1;
    member.current = undefined;
  }
  /** The member stands at `epoch, seq` and was not given what is before it. */
  #unrecovered(member, { epoch, seq, reason }, since) {
    const told = `${member.who} in ${member.room}: ${reason}`;
    if (reason === 'too_far' && this.#isFar(member.room, since, seq)) this.#end(member);
    else this.note('not recovered', told); // the older interval stays open: what was acknowledged there was promised
    this.#begin(member, epoch, seq + 1);
  }
  #isFar(room, since, seq) {
    if (seq - since.seq > recovery_max.messages) return true;
    const log = this.#log(room, since.epoch);
    let bytes = 0;
    for (let at = since.seq + 1; at <= seq; ++at) bytes += (log.at.get(at)?.size ?? 0) + recovery_max.overhead;
    return bytes > recovery_max.bytes;
  }
  on_join(e) {
    const member = this.#member(e.who, e.room);
    if (!e.since) {
      this.#end(member);
      return this.#begin(member, e.epoch, e.seq + 1);
    }
    ++this.counts.recoveries;
    if (!e.recovered) return this.#unrecovered(member, e, e.since);
    if (e.epoch !== e.since.epoch) this.note('not recovered', `${e.who} in ${e.room}: recovered into another epoch`);
    this.#end(member);
    this.#begin(member, e.since.epoch, e.since.seq + 1);
  }
  on_leave(e) {
    this.#end(this.#member(e.who, e.room));
  }
  on_opening(e) {
    this.#conns.set(e.conn, { last_n: 0, acked_upto: this.#acked_upto.get(e.user) ?? 0 });
  }
  on_attach(e) {
    if (!e.resuming) return;
    ++this.counts.resumes;
    if (!e.resumed) return this.note('sessions lost', `${e.session} of ${e.who}: ${e.reason}`);
    for (const answer of e.rooms) this.#came_back(this.#member(e.who, answer.room), answer, e.positions?.[answer.room]);
    for (const { who, room, current } of this.members.values())
      if (who === e.who && current && !e.rooms.some((answer) => answer.room === room))
        this.note('not recovered', `${who}: the session came back without ${room}`);
  }
  /** `shown`: the position that the client has named, {epoch, seq} or seq. */
  #came_back(member, answer, shown) {
    ++this.counts.recoveries;
    const has = member.current ? member.current.high - 1 : (shown?.seq ?? shown ?? answer.seq);
    if (!answer.recovered && answer.reason === 'unavailable') return; // it joins again
    if (!answer.recovered && !member.current && shown === undefined)
      return this.#begin(member, answer.epoch, answer.seq + 1); // it never knew that it was in
    if (!answer.recovered)
      return this.#unrecovered(member, answer, { epoch: member.current?.epoch ?? answer.epoch, seq: has });
    if (!member.current) this.#begin(member, answer.epoch, has + 1); // the answer to its join was lost
    member.current.next = shown === undefined ? undefined : member.current.high;
  }
  on_got(e) {
    ++this.counts.receipts;
    const where = `in ${e.room} ${e.epoch} ${e.seq} at ${e.who}`;
    const m = this.#check(e, 'publish', e.room, where);
    if (m) this.#place(m, this.#log(e.room, e.epoch), e.epoch, e.seq);
    const member = this.#member(e.who, e.room);
    const interval = member.current;
    if (!interval) {
      if (member.intervals.length === 0) this.note('unexpected', `${e.id} ${where}, who never joined`);
      return; // it had left: what was on its way
    }
    if (e.epoch !== interval.epoch) {
      this.note('gaps', `${where}: the epoch was ${interval.epoch}, and no one said so`);
      this.#begin(member, e.epoch, e.seq);
    }
    this.#follow(member, e.seq, where);
  }
  #follow({ current }, seq, where) {
    const next = current.next ?? Math.min(seq, current.high);
    if (seq > next) current.holes.push([next, seq - 1]);
    else if (seq < next) return this.note('reordered', `${where}: ${next} was to come`);
    current.got.add(seq);
    current.next = seq + 1;
    current.high = Math.max(current.high, current.next);
  }
  on_notice(e) {
    const { current } = this.#member(e.who, e.room);
    if (e.code === 'dropped') this.note('told gaps', `${e.who} in ${e.room}: ${e.from} to ${e.to}`);
    if (!current || e.code !== 'dropped') return;
    current.told.add(e.from, e.to);
    current.next = Math.max(current.next ?? 0, e.to + 1);
    current.high = Math.max(current.high, current.next);
  }
  on_page(e) {
    ++this.counts.pages;
    let next = Math.max(e.after + 1, e.first);
    for (const [seq, id, hash] of e.messages) {
      const where = `in the history of ${e.room} ${e.epoch} ${seq}`;
      if (seq !== next) this.note('gaps', `${where}: ${next} was to come`);
      next = seq + 1;
      const m = this.#check({ id, hash }, 'publish', e.room, where);
      if (m) this.#place(m, this.#log(e.room, e.epoch), e.epoch, seq);
    }
    if (!e.final) return;
    if (e.after === 0 || this.stored.get(e.room)?.epoch !== e.epoch)
      this.stored.set(e.room, { epoch: e.epoch, got: new Ranges() });
    for (const [seq] of e.messages) this.stored.get(e.room).got.add(seq);
  }

  // --- inboxes ------------------------------------------------------------------------------------------------------
  on_mail(e) {
    ++this.counts.mails;
    const where = `in the inbox of ${e.user} as ${e.n}`;
    const m = this.#check(e, 'send', undefined, where);
    if (!m) return;
    if (m.to !== e.user) return this.note('wrong user', `${e.id} to ${m.to} ${where}`);
    if (m.user !== e.from) this.note('wrong user', `${e.id} ${where} is said to be from ${e.from}, not ${m.user}`);
    m.received = true;
    this.#place(m, this.#log(e.user, 'inbox'), 'inbox', e.n);
    if (m.ttl_ms !== undefined && e.at > m.acked_at + m.ttl_ms + late_slack_ms)
      this.note('late', `${e.id} ${where}: ${e.at - m.acked_at - m.ttl_ms} ms after its time`);
    const conn = this.#conns.get(e.conn);
    if (!conn) return this.note('unexpected', `${e.id} ${where} on ${e.conn}, which has no session`);
    if (e.n <= conn.last_n) this.note('reordered', `${e.id} ${where} after ${conn.last_n}`);
    if (e.n <= conn.acked_upto)
      this.note('back after its ack', `${e.id} ${where}: ${conn.acked_upto} was acknowledged`);
    conn.last_n = Math.max(conn.last_n, e.n);
  }
  on_mail_ack(e) {
    this.#acked_upto.set(e.user, Math.max(this.#acked_upto.get(e.user) ?? 0, e.upto));
  }
  on_emptied(e) {
    if (!this.emptied.has(e.user)) this.emptied.set(e.user, []);
    this.emptied.get(e.user).push(e.at);
  }
  on_dead(e) {
    this.dead = e;
  }

  // --- what whoever drives the run has seen itself ------------------------------------------------------------------
  on_drained(e) {
    ++this.counts.drains;
    if (!e.ok) this.note('stalled', e.text);
  }
  on_quick_check(e) {
    ++this.counts.quick_checks;
    if (!e.ok) this.note('database', e.text);
  }
  on_fault() {
    ++this.counts.faults;
  }
}

/** Reads a whole journal. */
export function judge(file) {
  const oracle = new Oracle();
  const reader = new JournalReader(file);
  reader.next((e) => oracle.event(e));
  reader.close();
  return oracle;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = verdict(judge(process.argv[2]));
  print(found);
  process.exitCode = found.broken.length === 0 ? 0 : 1;
}
