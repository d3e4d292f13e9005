// corpus.mjs unpack FILE DIR: an input a line becomes a file each, as libFuzzer wants them.
// corpus.mjs pack DIR FILE: the opposite, the shortest first; inputs longer than 4096 bytes are left out.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

const bytesMax = 4096;

const escaped = (input) =>
  [...input]
    .map((c) => (c === 0x5c ? '\\\\' : c === 0x0a ? '\\n' : c < 0x20 || c > 0x7e ? `\\x${c.toString(16).padStart(2, '0')}` : String.fromCharCode(c)))
    .join('');
const plain = (line) =>
  Buffer.from(
    line.replace(/\\(x[0-9a-f]{2}|.)/g, (_, what) => (what === 'n' ? '\n' : what.length > 1 ? String.fromCharCode(parseInt(what.slice(1), 16)) : what)),
    'latin1',
  );

const [what, from, to] = process.argv.slice(2);
if (what === 'unpack') {
  mkdirSync(to, { recursive: true });
  for (const line of readFileSync(from, 'latin1').split('\n').slice(0, -1)) {
    const input = plain(line);
    writeFileSync(join(to, createHash('sha1').update(input).digest('hex')), input);
  }
} else if (what === 'pack') {
  const inputs = readdirSync(from)
    .map((name) => readFileSync(join(from, name)))
    .filter((input) => input.length <= bytesMax)
    .sort((a, b) => a.length - b.length || Buffer.compare(a, b));
  writeFileSync(to, inputs.map((input) => `${escaped(input)}\n`).join(''), 'latin1');
} else {
  console.error('usage: corpus.mjs unpack FILE DIR | pack DIR FILE');
  process.exit(64);
}
