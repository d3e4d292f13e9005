// A certificate authority in a directory of its own, and what it signs.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from './harness.mjs';

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class Authority {
  constructor() {
    this.dir = scratch();
    openssl(
      'req',
      '-x509',
      ...ec,
      '-days',
      '2',
      '-subj',
      '/CN=Test CA',
      '-keyout',
      this.path('ca.key'),
      '-out',
      this.file,
    );
  }
  path(name) {
    return join(this.dir, name);
  }
  /** Its own certificate. */
  get file() {
    return this.path('ca.pem');
  }
  /** {key, cert} for those names, as Node's https takes them. */
  issue(...names) {
    const [key, request, cert] = ['key', 'csr', 'pem'].map((ending) => this.path(`${names[0]}.${ending}`));
    writeFileSync(
      this.path('names'),
      `subjectAltName=${names.map((name) => `${/^[\d.]+$/.test(name) ? 'IP' : 'DNS'}:${name}`).join(',')}\n`,
    );
    openssl('req', ...ec, '-subj', `/CN=${names[0]}`, '-keyout', key, '-out', request);
    const by = ['-CA', this.file, '-CAkey', this.path('ca.key'), '-CAcreateserial'];
    openssl('x509', '-req', '-days', '2', '-in', request, ...by, '-extfile', this.path('names'), '-out', cert);
    return { key: readFileSync(key), cert: readFileSync(cert) };
  }
}
