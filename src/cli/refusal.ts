import { resolve } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Decision } from '../policy/policy.ts';

/** The refusal as an error: every reason, and what would allow it. */
export function refusal(file: string, decision: Extract<Decision, { outcome: 'refuse' }>): PaddockError {
  const [first, ...others] = decision.reasons;
  const origin = first?.origin;
  const where =
    origin === undefined
      ? {}
      : {
          where:
            origin.line === undefined ? origin.layer : `${origin.layer}:${origin.line}:${origin.column ?? 1}`,
        };
  const more = others.map(({ id, message }) => `; also ${message} [${id}]`).join('');
  return new PaddockError(
    'refused',
    `${escapeText(resolve(file), 120)} is refused: ${first?.message ?? 'the policy says no'} [${first?.id ?? 'policy'}]${more}`,
    { ...where, remedy: first?.remedy ?? '`paddock verify` shows the findings' },
  );
}
