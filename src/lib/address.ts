import { isIPv4, isIPv6 } from 'node:net';

export interface Address {
  /** AF_INET 2 or AF_INET6 10. */
  readonly family: 2 | 10;
  readonly bytes: Uint8Array; // 4 or 16, network order
  readonly loopback: boolean;
}

/** An IP address as text; undefined for everything else, names and zones included. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) {
    const bytes = Uint8Array.from(text.split('.').map(Number));
    return { family: 2, bytes, loopback: bytes[0] === 127 };
  }
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const bytes = expand(text);
  const loopback = bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
  return { family: 10, bytes, loopback };
}

/** The addresses that a host name or address of a server means: both loopbacks for `localhost`. */
export function hostAddresses(host: string): Address[] {
  if (host.toLowerCase() === 'localhost') return ['127.0.0.1', '::1'].flatMap(hostAddresses);
  const address = parseAddress(unbracket(host));
  return address === undefined ? [] : [address];
}

/** "127.0.0.1:8080", "[::1]:8080" → host and port; undefined if it is neither. */
export function splitHostPort(text: string): { host: string; port: string } | undefined {
  const match = /^(\[[^\]]+\]|[^:[\]]*):(\d{1,5})$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { host: unbracket(match[1]), port: match[2] };
}

export interface Endpoint {
  /** Two for `localhost`. */
  readonly addresses: readonly Address[];
  readonly port: number;
}

/** "10.0.0.5:443", "[::1]:8080", "localhost:8080" → where it leads; undefined for other names and ports. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const split = splitHostPort(text);
  if (split === undefined) return undefined;
  const addresses = hostAddresses(split.host);
  const port = Number(split.port);
  return addresses.length > 0 && port >= 1 && port <= 65_535 ? { addresses, port } : undefined;
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && Buffer.compare(a.bytes, b.bytes) === 0;
}

function unbracket(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

// Checked by isIPv6 before: at most one `::`, and at most one dotted part, at the end.
function expand(text: string): Uint8Array {
  const dotted = /(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1];
  const hex = dotted === undefined ? text : text.slice(0, -dotted.length) + dottedWords(dotted);
  const [head = '', tail] = hex.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const front = words(head);
  const back = tail === undefined ? [] : words(tail);
  const gap = new Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0);
  return Uint8Array.from([...front, ...gap, ...back].flatMap((word) => [word >> 8, word & 0xff]));
}

function dottedWords(dotted: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
