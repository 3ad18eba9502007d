import type { EffectiveToken } from '../../format/args/effective.ts';
import { hostAddresses, splitHostPort } from '../../lib/address.ts';
import { escapeText } from '../../lib/text.ts';
import type { FlagUse } from '../flags.ts';
import type { Seen } from './seen.ts';

/**
 * What the flags of one command line ask for. Only what is in `.args` is judged: what users ask for themselves is their
 * policy's affair.
 * @param members names of the archive.
 */
export function judgeFlags(uses: readonly FlagUse[], members: ReadonlySet<string>): Seen[] {
  return [
    ...uses.flatMap((use) => [...granted(use), ...paths(use, members), ...gpu(use)]),
    ...listening(uses),
  ];
}

function granted({ name, flag, origin, value, swallowed }: FlagUse): Seen[] {
  if (origin.from !== '.args' || flag === undefined) return [];
  const found = escapeText(name, 60);
  const detail = `${found}: it ${flag.why}`;
  if (flag.class === 'deny') return [{ id: 'ARG-010', origin, found, detail }];
  if (flag.class !== 'grant' || swallowed) return [];
  if (isPath(flag) && value !== undefined && isHarmless(value.text)) return [];
  if (
    flag.value === 'folder' &&
    value?.text.startsWith('/zip/') === true &&
    !/(^|\/)\.\.(\/|$)/.test(value.text)
  )
    return [];
  return [{ id: 'ARG-015', origin, found, detail }];
}

function isPath(flag: NonNullable<FlagUse['flag']>): boolean {
  return flag.value === 'read' || flag.value === 'folder' || flag.value === 'write';
}

function paths({ name, flag, value }: FlagUse, members: ReadonlySet<string>): Seen[] {
  if (flag === undefined || !isPath(flag) || value?.origin.from !== '.args') return [];
  const why = leads(value.text, members);
  if (why === undefined) return [];
  const found = `${escapeText(name, 60)} ${escapeText(value.text, 80)}`;
  return [{ id: 'ARG-011', origin: value.origin, found, detail: why }];
}

/** The program's own streams, and nothing at all. */
const HARMLESS = /^(-?|\/dev\/(stdin|stdout|stderr|null))$/;

function isHarmless(value: string): boolean {
  return HARMLESS.test(value);
}

// A plain name is a member of the archive, or a file of the working directory, which is private and empty.
function leads(value: string, members: ReadonlySet<string>): string | undefined {
  if (isHarmless(value) || members.has(value)) return undefined;
  // Some flags take a list, and a factor behind each name.
  for (const part of [value, ...value.split(',').map((one) => one.replace(/:[-+.\deE]+$/, ''))]) {
    if (members.has(part)) continue;
    const why = ELSEWHERE.find(([pattern]) => pattern.test(part))?.[1];
    if (why !== undefined) return why;
  }
  return undefined;
}

const ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/(^|[/\\])\.\.([/\\]|$)/, 'it climbs out of its folder'],
  [/^\/(?!zip\/)/, 'it is an absolute path'],
  [/^~/, 'it is below somebody’s home'],
  [/^[A-Za-z]:[/\\]|^\\\\/, 'it is an absolute path of Windows'],
  [/@/, 'it is in another container'],
];

const GPU = /^(-ngl|--gpu-layers|--n-gpu-layers|--gpu|-dev|--device)$/;
const NO_GPU = /^(0+|disabled?|none)$/i;

function gpu({ flag, origin, value, swallowed }: FlagUse): Seen[] {
  if (origin.from !== '.args' || swallowed || flag === undefined || !GPU.test(flag.name)) return [];
  if (value === undefined || NO_GPU.test(value.text)) return [];
  return [{ id: 'ARG-013', origin, found: `${flag.name} ${escapeText(value.text, 40)}` }];
}

// The last one counts, if it is the user's. Otherwise every one in `.args` does: which of them is swallowed by another flag
// depends on the release.
function listening(uses: readonly FlagUse[]): Seen[] {
  const asking = uses.filter((use) => hostsOf(use).length > 0);
  const last = asking.findLast(({ swallowed }) => !swallowed);
  if (last !== undefined && last.value?.origin.from !== '.args') return [];
  return asking.flatMap((use) =>
    hostsOf(use)
      .filter((host) => !isLoopback(host))
      .map((host) => seenHost(use, host)),
  );
}

function seenHost({ name, origin }: FlagUse, host: string): Seen {
  return {
    id: 'ARG-012',
    ...(origin.from === '.args' ? { origin } : {}),
    found: `${escapeText(name, 40)} ${escapeText(host, 80)}`,
    asks: { listen: host },
  };
}

// Since 0.10 `--host` takes several, and paths of sockets. `-l` is something else to most of the programs.
function hostsOf({ name, value }: FlagUse): string[] {
  if (value === undefined) return [];
  if (name === '--host' || name === '-host') return value.text.split(',');
  if (!/^(-l|--?listen)$/.test(name)) return [];
  const both = splitHostPort(value.text);
  return both === undefined ? loneHost(name, value) : [both.host === '' ? '127.0.0.1' : both.host];
}

function loneHost(name: string, { text }: EffectiveToken): string[] {
  return name === '-l' && hostAddresses(text).length === 0 ? [] : [text];
}

function isLoopback(host: string): boolean {
  const addresses = hostAddresses(host);
  return addresses.length > 0 && addresses.every(({ loopback }) => loopback);
}
