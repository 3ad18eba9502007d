import type { EffectiveToken } from '../format/args/effective.ts';
import { type FlagUse, flagUses } from '../integrity/flags.ts';
import { canMean, meansOneOf } from '../integrity/spellings.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Bounds, EffectivePolicy } from '../policy/policy.ts';

/**
 * Holds one command line against `arguments.deny`, `allow` and `bounds`. What is denied is looked for in every argument, also
 * where it may be another's value: which it is depends on the release. Flags are known by all of their spellings. The
 * administrator's own arguments are not held against his rules, nor a user's against the user's.
 * @throws PaddockError `refused` with the argument, where it is from, and the line of the policy.
 */
export function checkArguments(tokens: readonly EffectiveToken[], effective: EffectivePolicy): void {
  for (const use of flagUses(tokens)) {
    if (isOwnWord(use, effective)) continue;
    checkDenied(use, effective);
    checkAllowed(use, effective);
    checkBounds(use, effective);
  }
}

/** Index of the first of the policy's arguments that are exempt from its rules: without a ceiling, all of them. */
export function firstExempt({ policy, hasCeiling, systemForce }: EffectivePolicy): number {
  return hasCeiling ? policy.arguments.force.length - systemForce.length : 0;
}

function isOwnWord({ origin }: FlagUse, effective: EffectivePolicy): boolean {
  return origin.from === 'policy' && origin.index >= firstExempt(effective);
}

function checkDenied(use: FlagUse, effective: EffectivePolicy): void {
  const rule = effective.policy.arguments.deny.find((flag) => canMean(flag, use.name));
  if (rule === undefined) return;
  throw refused('deny', `the policy denies the flag ${rule}`, use, effective, {
    remedy: 'leave it out, or take it from `arguments.deny` of the policy',
  });
}

// `-1` and the like are numbers of the flag before; what is not spelt like a flag is none to any release.
function checkAllowed(use: FlagUse, effective: EffectivePolicy): void {
  const { allow } = effective.policy.arguments;
  if (allow === null || !SPELLING.test(use.name) || meansOneOf(use.name, allow)) return;
  throw refused('allow', 'the policy allows other flags only', use, effective, {
    expected: allow.length === 0 ? 'no flag at all' : `one of ${allow.slice(0, SHOWN).join(' ')}`,
    remedy: 'leave it out, or add it to `arguments.allow` of the policy',
  });
}

const SPELLING = /^--?[A-Za-z]/;
const SHOWN = 12;

function checkBounds(use: FlagUse, effective: EffectivePolicy): void {
  for (const [flag, bounds] of Object.entries(effective.policy.arguments.bounds)) {
    if (!canMean(flag, use.name)) continue;
    const text = use.value?.text;
    if (text !== undefined && isWithin(text, bounds)) continue;
    throw refused('bounds', `the policy bounds the number of ${flag}`, use, effective, {
      expected: shownBounds(bounds),
      found: `${escapeText(use.name, 80)} ${text === undefined ? 'without a value' : escapeText(text, 80)}`,
      remedy: 'give a number inside the bounds, or change `arguments.bounds` of the policy',
    });
  }
}

/**
 * Numbers as every release reads them: "0x10", "010", "1e9" and "8k" are others to some. Beyond 32 bits they can turn
 * negative.
 */
function isWithin(text: string, { min, max }: Bounds): boolean {
  if (!/^-?(0|[1-9]\d{0,9})(\.\d{1,9})?$/.test(text)) return false;
  const number = Number(text);
  return number >= Math.max(min ?? LEAST, LEAST) && number <= Math.min(max ?? MOST, MOST);
}

const LEAST = -(2 ** 31);
const MOST = 2 ** 31 - 1;

function shownBounds({ min, max }: Bounds): string {
  if (min === undefined) return `a plain number, at most ${max ?? MOST}`;
  return `a plain number ${max === undefined ? `of at least ${min}` : `from ${min} to ${max}`}`;
}

function refused(
  rule: 'deny' | 'allow' | 'bounds',
  message: string,
  use: FlagUse,
  { origins }: EffectivePolicy,
  facts: { readonly expected?: string; readonly found?: string; readonly remedy: string },
): PaddockError {
  const origin = origins.get(`arguments.${rule}`);
  const line = origin?.line === undefined ? '' : `:${origin.line}`;
  return new PaddockError('refused', message, {
    ...facts,
    rule: `arguments.${rule}`,
    found: `${facts.found ?? escapeText(use.name, 80)} ${PLACES[use.origin.from]}`,
    ...(origin === undefined ? {} : { where: `${origin.layer}${line} (arguments.${rule})` }),
  });
}

const PLACES: Readonly<Record<EffectiveToken['origin']['from'], string>> = {
  'command line': 'on the command line',
  '.args': 'in .args inside the file',
  policy: 'in `arguments.force` of a policy that may not say so',
};

/** What the user typed, as a line of its own. */
export function userTokens(args: readonly string[]): EffectiveToken[] {
  return args.map((text, index) => ({ text, origin: { from: 'command line', index } }));
}
