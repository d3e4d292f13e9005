/**
 * INBOX gives the user's directed messages to the application and the application's acknowledgements to the node.
 *
 * An acknowledgement is cumulative, as the node's is: of message n it acknowledges all up to n. Those of one turn go as one
 * call. A message whose acknowledgement did not reach the node comes again on the next connection; then it is acknowledged
 * again, and the application does not see it twice.
 *
 * Bounds: `kept_max` messages wait for the first listener (the node sends no more before some are acknowledged); the newest
 * `known_max` are remembered.
 */
const known_max = 2_000;

export class Inbox {
  #host;
  #tell;
  #known = new Map(); // what names a message → {n, acked, connection that brought it last}
  #acking; // {upto, done}: leaves at the end of this turn

  constructor(host, tell) {
    this.#host = host;
    this.#tell = tell;
  }

  on_message(message) {
    const { n, from, id } = message;
    const name = `${n}\n${from}\n${id}`; // n alone starts again with a node that lost its memory
    const { connection } = this.#host;
    const known = this.#known.get(name);
    if (known) {
      ++this.#host.stats.duplicates;
      known.connection = connection;
      if (known.acked) this.#acknowledge(known);
      return;
    }
    const entry = { n, acked: false, connection };
    this.#known.set(name, entry);
    if (this.#known.size > known_max) this.#known.delete(this.#known.keys().next().value);
    this.#tell(message, () => this.#acknowledge(entry));
  }

  /** Resolves with whether the node has confirmed it; where not, it is done when the message comes again. */
  #acknowledge(entry) {
    entry.acked = true;
    if (entry.connection !== this.#host.connection) return Promise.resolve(false);
    if (this.#acking) {
      this.#acking.upto = Math.max(this.#acking.upto, entry.n);
    } else {
      const acking = (this.#acking = { upto: entry.n });
      acking.done = Promise.resolve().then(() => this.#send(acking));
    }
    return this.#acking.done;
  }

  #send({ upto }) {
    this.#acking = undefined;
    return this.#host.call('inbox.ack', { upto }, { bound: true }).then(
      () => true,
      () => false,
    );
  }
}
