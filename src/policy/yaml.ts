import { LineCounter, parseDocument } from 'yaml';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Located } from './positions.ts';

/**
 * A policy file as a document, which may still have errors. Version and schema are fixed: a directive in the file must
 * not make `no` a boolean, or `<<` a merge.
 */
export function readYaml(text: string, name: string): Located | PaddockError {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'error',
      schema: 'core',
      uniqueKeys: true,
      strict: true,
      merge: false,
    });
    return { name, text, document, lines };
  } catch (cause) {
    // The parser recurses; too deep nesting ends there.
    return tooDeep(name, cause);
  }
}

const MAX_ALIASES = 20;

/** The same as plain values, aliases followed. */
export function toPlain({ document, name }: Located): { readonly value: unknown } | PaddockError {
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch (cause) {
    // A ReferenceError tells of aliases; anything else is the stack, which deep nesting uses up.
    if (!(cause instanceof ReferenceError)) return tooDeep(name, cause);
    return new PaddockError('policy-invalid', 'the aliases of the policy cannot be followed', {
      where: name,
      expected: `aliases of anchors that are there, unfolding to at most ${MAX_ALIASES} values`,
      found: escapeText(cause.message.split('\n')[0] ?? ''),
      cause,
    });
  }
}

function tooDeep(name: string, cause: unknown): PaddockError {
  return new PaddockError('policy-invalid', 'the policy is nested too deeply', { where: name, cause });
}
