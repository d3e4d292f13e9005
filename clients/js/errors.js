/**
 * Why a call has no result. `reason` says it in a word; `unknown` whether the call may have had its effect all the same
 * (then retry with the same id, or look).
 */
export class GreenroomError extends Error {
  constructor(reason, message, { unknown = false, ...more } = {}) {
    super(message);
    this.name = 'GreenroomError';
    this.reason = reason;
    this.unknown = unknown;
    Object.assign(this, more);
  }
}

export const codes = Object.freeze({
  parse: -32700,
  invalid_request: -32600,
  method_not_found: -32601,
  invalid_params: -32602,
  internal: -32603,
  unauthenticated: -32001,
  forbidden: -32002,
  rate_limited: -32003,
  not_found: -32004,
  conflict: -32005,
  too_large: -32006,
  queue_full: -32007,
  unavailable: -32008,
  timed_out: -32009,
  draining: -32010,
});

/** Of these errors it is unknown whether the call had an effect; every other one says that it had none. */
export const is_unknown = (code) => code === codes.internal || code === codes.timed_out;

/** The node's own error answer: `code` of docs/protocol.md, its sentence, and `data` where it gave some. */
export class RpcError extends GreenroomError {
  constructor({ code, message, data }, method) {
    super('refused', message, { unknown: is_unknown(code), code, data, method });
    this.name = 'RpcError';
  }
}
