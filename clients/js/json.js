/**
 * JSON as Greenroom means it: bytes stand as {"$bytes": base64}, a MessagePack ext as {"$ext": [type, base64]}, and integers
 * beyond 2^53 are BigInts on this side and plain numbers on the wire. What JSON cannot say (NaN, infinities, integers beyond
 * 64 bits) throws instead of turning into something else.
 */
import { Ext, check_bigint, from_base64, to_base64, to_bytes } from './binary.js';

export function encode(value) {
  return write(value) ?? 'null';
}

/** Nothing for what JSON leaves out: undefined, functions, symbols. */
function write(item) {
  switch (typeof item) {
    case 'string':
      return JSON.stringify(item);
    case 'number':
      if (!Number.isFinite(item)) throw new TypeError(`${item} cannot be sent`);
      return String(item);
    case 'boolean':
      return String(item);
    case 'bigint':
      check_bigint(item);
      return String(item);
    case 'object':
      return item === null ? 'null' : write_object(item);
    default:
      return undefined;
  }
}

function write_object(item) {
  if (Array.isArray(item)) return `[${item.map((each) => write(each) ?? 'null').join()}]`;
  if (item instanceof Ext) return `{"$ext":[${item.type},"${to_base64(item.data)}"]}`;
  const bytes = to_bytes(item);
  if (bytes) return `{"$bytes":"${to_base64(bytes)}"}`;
  if (typeof item.toJSON === 'function') return write(item.toJSON());
  const members = [];
  for (const [key, value] of item instanceof Map ? item : Object.entries(item)) {
    if (typeof key !== 'string') throw new TypeError('the keys of a map are texts');
    const text = write(value);
    if (text !== undefined) members.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${members.join()}}`;
}

const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const mark = `${Math.random()}:`; // nobody else knows it, so that no text begins with it

export function decode(text) {
  let document;
  if (/\d{16}/.test(text)) {
    const marked = text.replace(token, (one) =>
      /^-?\d{16,}$/.test(one) && !Number.isSafeInteger(Number(one)) ? `"${mark}${one}"` : one,
    );
    document = JSON.parse(marked, (_, item) =>
      typeof item === 'string' && item.startsWith(mark) ? BigInt(item.slice(mark.length)) : item,
    );
  } else {
    document = JSON.parse(text);
  }
  return text.includes('"$bytes"') || text.includes('"$ext"') ? revived(document) : document;
}

/** With its bytes and exts as what they are. */
function revived(item) {
  if (typeof item !== 'object' || item === null) return item;
  const keys = Object.keys(item);
  if (keys.length === 1 && keys[0] === '$bytes') return from_base64(item.$bytes) ?? item;
  if (keys.length === 1 && keys[0] === '$ext') return ext_of(item.$ext) ?? item;
  for (const key of keys) {
    const value = revived(item[key]);
    if (value !== item[key])
      Object.defineProperty(item, key, { value, writable: true, enumerable: true, configurable: true });
  }
  return item;
}

function ext_of(pair) {
  const data = Array.isArray(pair) && pair.length === 2 ? from_base64(pair[1]) : undefined;
  return data && Number.isInteger(pair[0]) && pair[0] >= -128 && pair[0] <= 127 ? new Ext(pair[0], data) : undefined;
}
