import type { EffectiveToken } from '../format/args/effective.ts';
import { flagUses } from '../integrity/flags.ts';
import { type Address, hostAddresses, sameAddress, splitHostPort } from '../lib/address.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Policy } from '../policy/policy.ts';

/** The one listening port of a session. */
export interface Listening {
  /** As asked for: "127.0.0.1", "::1", "localhost". */
  readonly address: string;
  readonly port: number;
  /** What may be bound; two for `localhost`. */
  readonly binds: readonly Address[];
}

/** llama.cpp's own defaults, in every release. */
const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = '8080';

/**
 * Where the server of this command line will listen. The last value counts, as in the runtime.
 * @throws PaddockError `usage` for what is no address or port, `refused` for what the policy does not allow.
 */
export function listening(tokens: readonly EffectiveToken[], network: Policy['network']): Listening {
  const wanted = collect(tokens);
  const port = checkPort(wanted.port, network);
  const binds = hostAddresses(wanted.host);
  const shown = escapeText(wanted.host, 60);
  if (binds.length === 0) {
    throw new PaddockError('usage', 'the server is to listen on something that is no address', {
      expected: 'an IP address or localhost',
      found: shown,
      remedy: 'give `--host 127.0.0.1`',
    });
  }
  for (const address of binds) checkAddress(address, shown, wanted.hostFromFile, network);
  return { address: wanted.host, port, binds: [...binds, ...alsoIpv4(binds, network)] };
}

// The gate keeps `::` to IPv6 unless 0.0.0.0 may be bound as well, since through it IPv4 arrives, too.
function alsoIpv4(binds: readonly Address[], { listen }: Policy['network']): Address[] {
  if (!hostAddresses('::').some((six) => binds.some((one) => sameAddress(one, six)))) return [];
  return listen.includes('0.0.0.0') ? hostAddresses('0.0.0.0') : [];
}

interface Wanted {
  host: string;
  port: string;
  hostFromFile: boolean;
}

function collect(tokens: readonly EffectiveToken[]): Wanted {
  const wanted: Wanted = { host: DEFAULT_HOST, port: DEFAULT_PORT, hostFromFile: false };
  for (const { name, value } of flagUses(tokens)) {
    if (value === undefined) continue;
    const hostFromFile = value.origin.from === '.args';
    if (name === '--host') Object.assign(wanted, { host: value.text, hostFromFile });
    if (name === '--port') wanted.port = value.text;
    const both = name === '--listen' || name === '-l' ? splitHostPort(value.text) : undefined;
    if (both !== undefined)
      Object.assign(wanted, { host: both.host || DEFAULT_HOST, port: both.port, hostFromFile });
  }
  return wanted;
}

function checkPort(text: string, network: Policy['network']): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) {
    throw new PaddockError('usage', 'the server is to listen on something that is no port', {
      expected: 'a port from 1 to 65535: the fence opens exactly one, known beforehand',
      found: escapeText(text, 60),
      remedy: 'give `--port 8080` or another free port',
    });
  }
  const [lowest, highest] = network.ports;
  if (port < lowest || port > highest) {
    throw new PaddockError('refused', `the policy does not let a server listen on port ${port}`, {
      rule: 'network.ports',
      expected: `a port from ${lowest} to ${highest} (network.ports)`,
      found: String(port),
      remedy: 'choose another `--port`, or widen `network.ports` of the policy',
    });
  }
  return port;
}

function checkAddress(address: Address, shown: string, fromFile: boolean, network: Policy['network']): void {
  const listed = network.listen.flatMap(hostAddresses);
  if (listed.some((one) => sameAddress(one, address))) return;
  // The policy that allows one loopback address means loopback.
  if (address.loopback && listed.some((one) => one.loopback)) return;
  throw new PaddockError('refused', `the policy does not let a server listen on ${shown}`, {
    rule: 'network.listen',
    expected: `one of network.listen: ${network.listen.join(', ') || 'none'}`,
    found: fromFile ? `${shown}, asked for by .args inside the file` : shown,
    remedy: fromFile
      ? 'give `--host 127.0.0.1` behind the file name: it overrides the file’s own'
      : 'give `--host 127.0.0.1`, or add the address to `network.listen` of the policy',
  });
}
