/**
 * What a close code says about coming back, as docs/protocol.md has it: `no`: the next connection would end the same way;
 * `yes`: after the ordinary pause; `later`: after one that is never short.
 */
const table = {
  1000: { closed: 'yes' },
  1001: { going_away: 'yes' },
  1002: { protocol_error: 'no' },
  1003: { wrong_data: 'no' },
  1007: { bad_utf8: 'no', over_limits: 'no' },
  1008: { kicked: 'no', revoked: 'no', token_expired: 'yes', flood: 'later', slow_message: 'later' }, // any other reason is a behaviour's own word for kicked
  1009: { too_big: 'no' },
  1011: { internal: 'later' },
  1012: { restart: 'yes' },
  1013: { slow_consumer: 'later', overloaded: 'later', store_unavailable: 'later' },
  4009: { session_replaced: 'no' },
};

/** 'no', 'yes' or 'later'. A known code with a reason that is not known takes its code's first; 1006 and all others: yes. */
export function may_reconnect(code, reason) {
  const reasons = table[code];
  return reasons ? (reasons[reason] ?? Object.values(reasons)[0]) : 'yes';
}
