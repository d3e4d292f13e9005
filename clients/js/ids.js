/**
 * A UUIDv7 (RFC 9562): 48 bits of time, then chance. It names a message, so that a repeat of it has no second effect; it is
 * no secret.
 */
export function make_id(now = Date.now(), random = Math.random) {
  const bytes = new Uint8Array(16);
  if (random === Math.random && globalThis.crypto?.getRandomValues) globalThis.crypto.getRandomValues(bytes);
  else for (let i = 0; i < 16; ++i) bytes[i] = random() * 256;
  for (let i = 5, rest = Math.floor(now); i >= 0; --i, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
