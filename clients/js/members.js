/**
 * Who is in a room, as far as the client knows: what the node tells after each join and resume, kept current by its diffs. Of a
 * big room it is the first page, and `partial`. Where the node tells nothing (a namespace without presence), the list is what
 * `room.members` said once.
 *
 * The two may cross on their way, so that a diff is applied by what it says of each user, and a count that does not agree with
 * the list has it read again (at most once in `reread_ms`).
 *
 * Bounds: `users_max` users.
 */
import { encode } from './json.js';

const users_max = 1_000; // a page of room.members
const reread_ms = 5_000;
const untold_ms = 1_000;

const by_name = (a, b) => (a.user < b.user ? -1 : a.user > b.user ? 1 : 0);
const same = (a, b) => encode(a) === encode(b);

export class Members {
  total = 0;
  #users = new Map();
  #host;
  #room;
  #tell;
  #read_at = -Infinity;
  #untold; // the timer of a state that is expected

  /** `tell({joined, left, updated, total})` hears every change. */
  constructor(host, room, tell) {
    this.#host = host;
    this.#room = room;
    this.#tell = tell;
  }

  get list() {
    return [...this.#users.values()].sort(by_name);
  }
  get partial() {
    return this.#users.size < this.total;
  }

  /** The room was joined, or joined again: the node says who is there, or is asked. */
  expect() {
    this.#host.clock.clearTimeout(this.#untold);
    this.#untold = this.#host.clock.setTimeout(() => this.read(), untold_ms);
  }
  forget() {
    this.#host.clock.clearTimeout(this.#untold);
  }

  /** Reads the list; without the permission to read it stays what the diffs say. */
  read() {
    this.#read_at = this.#host.clock.now();
    this.#host
      .call(
        'room.members',
        { room: this.#room, limit: users_max },
        {
          bound: true,
          apply: ({ members, total }) => this.#replace(members, total),
        },
      )
      .catch(() => {});
  }

  /** Of a `room.presence`: a diff, or a state that replaces everything. */
  apply({ users, joined = [], left = [], updated = [], total }) {
    if (users) return this.#replace(users, total);
    for (const { user } of left) this.#users.delete(user);
    for (const member of [...joined, ...updated])
      if (this.#users.has(member.user) || this.#users.size < users_max) this.#users.set(member.user, member);
    const whole = !this.partial;
    this.total = total ?? this.#users.size;
    if (joined.length || left.length || updated.length) this.#tell({ joined, left, updated, total: this.total });
    if (whole && this.#users.size !== this.total && this.#users.size < users_max) this.#read_again();
    return undefined;
  }

  #read_again() {
    if (this.#host.clock.now() - this.#read_at >= reread_ms) this.read();
  }

  #replace(members, total) {
    this.forget();
    const before = this.#users;
    const counted = this.total;
    this.#users = new Map(members.slice(0, users_max).map((member) => [member.user, member]));
    this.total = total;
    const joined = members.filter(({ user }) => !before.has(user));
    const left = [...before.keys()].filter((user) => !this.#users.has(user)).map((user) => ({ user }));
    const updated = members.filter((member) => before.has(member.user) && !same(before.get(member.user), member));
    if (joined.length || left.length || updated.length || counted !== total)
      this.#tell({ joined, left, updated, total });
  }
}
