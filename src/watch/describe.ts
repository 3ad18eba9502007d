import { AUDIT_ARCH, SYSCALL_NAMES, syscallNumber } from '../launch/syscalls.ts';
import { asUntrusted, escapeText, type Untrusted } from '../lib/text.ts';
import { attemptOf, type CallEvent } from './rules.ts';

/** One line for people: "tried to read /etc/shadow". The target is escaped. */
export function describeCall(call: CallEvent): string {
  const target = call.target === undefined ? '' : ` ${showBytes(call.target)}`;
  const name = target === '' ? systemCallName(call.nr, call.arch) : undefined;
  const isNews = name !== undefined && name !== call.label;
  return `tried to ${attemptOf(call.label)}${target}${isNews ? ` (${name})` : ''}`;
}

/**
 * Text whose characters are bytes, as the gate writes it, for a person: read as UTF-8 where it is that, otherwise with
 * its upper bytes as `\xNN`. Escaped; at most `limit` characters of content.
 */
export function showBytes(text: Untrusted, limit = 120): string {
  const decoded = decodeBytes(text);
  if (decoded !== undefined) return escapeText(decoded, limit);
  const cut = text.length > limit;
  const shown = escapeText(text.slice(0, limit), limit).replace(
    /[\x80-\xff]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16)}`,
  );
  return cut ? `${shown}…` : shown;
}

/** Text whose characters are bytes, read as UTF-8; undefined if it is none. Not escaped. */
export function decodeBytes(text: Untrusted): Untrusted | undefined {
  if (/[^\0-\xff]/.test(text)) return text; // characters already
  const bytes = Buffer.from(text, 'latin1');
  const decoded = bytes.toString('utf8');
  // A byte that is no UTF-8 becomes the replacement character, and does not come back.
  return Buffer.from(decoded, 'utf8').equals(bytes) ? asUntrusted(decoded) : undefined;
}

/** "ptrace" for 101 on x86-64; undefined for what no rule names. */
export function systemCallName(nr: number, arch: number): string | undefined {
  const machine = (['x86-64', 'aarch64'] as const).find((one) => AUDIT_ARCH[one] === arch);
  if (machine === undefined) return undefined;
  return SYSCALL_NAMES.find((name) => syscallNumber(machine, name) === nr);
}
