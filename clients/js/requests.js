/**
 * REQUESTS are the node's ("s1", "s2" …): a handler by method, its result or its error goes back on the connection that
 * brought the request; where that is gone, nobody waits for it any more, and the handler's `signal` says so.
 *
 * Bounds: `running_max` at a time; more are answered -32008, which says that nothing was done.
 */
import { codes } from './errors.js';

const running_max = 1_024; // as many as the node asks one client

export class Requests {
  #handlers = new Map();
  #running = new Set(); // AbortControllers
  #trouble;

  constructor({ trouble }) {
    this.#trouble = trouble;
  }

  answer(method, handler) {
    if (typeof handler !== 'function') throw new TypeError(`the handler of ${method} is no function`);
    this.#handlers.set(method, handler);
    return () => this.#handlers.get(method) === handler && this.#handlers.delete(method);
  }

  async on_request({ id, method, params, from }, reply) {
    const handler = this.#handlers.get(method);
    if (!handler)
      return reply(id, { error: { code: codes.method_not_found, message: `this client does not answer ${method}` } });
    if (this.#running.size >= running_max)
      return reply(id, {
        error: { code: codes.unavailable, message: `this client answers ${running_max} requests already` },
      });
    const abort = new AbortController();
    this.#running.add(abort);
    let outcome;
    try {
      outcome = { result: (await handler(params ?? {}, { method, from, signal: abort.signal })) ?? null };
    } catch (error) {
      outcome = { error: this.#error_of(error) };
    }
    this.#running.delete(abort);
    if (!abort.signal.aborted) this.#reply(id, outcome, reply);
    return undefined;
  }

  lost() {
    for (const abort of this.#running) abort.abort(new Error('the connection is gone'));
    this.#running.clear();
  }

  #reply(id, outcome, reply) {
    try {
      reply(id, outcome);
    } catch (error) {
      reply(id, { error: this.#error_of(error) }); // the result cannot be encoded
    }
  }

  /** An error with a `code` is the handler's answer; any other stays inside, and is told to this side's own developer. */
  #error_of(error) {
    if (Number.isInteger(error?.code)) return { code: error.code, message: String(error.message), data: error.data };
    this.#trouble(error);
    return { code: codes.internal, message: 'the client failed' };
  }
}
