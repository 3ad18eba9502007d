import * as v from 'valibot';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { MAX_POLICY_BYTES } from './files.ts';
import type { Layer } from './layer.ts';
import { originsBelow } from './origins.ts';
import { layerOf, type ParseHost } from './partial.ts';
import type { Located } from './positions.ts';
import { describeIssue, type Problem, problem, unknownKeys } from './problems.ts';
import { readRules, repeatedNames } from './rules.ts';
import { PolicyFile } from './schema.ts';
import { readYaml, toPlain } from './yaml.ts';

export type { ParseHost } from './partial.ts';

export interface ParsedPolicy {
  readonly layer: Layer;
  readonly extends?: PolicyFile['extends'];
}

/**
 * One policy file. `name` is what messages call it. The conditions of its rules are still text: `compileRules` checks them.
 * @throws PaddockError `policy-invalid` with file, line, column, what was expected and the nearest valid key.
 */
export function parsePolicy(text: string, name: string, host: ParseHost): ParsedPolicy {
  const result = examinePolicy(text, name, host);
  if ('parsed' in result) return result.parsed;
  const [first, ...others] = result.problems;
  if (first === undefined || others.length === 0) throw first ?? new PaddockError('internal', 'no problem');
  const more = `${others.length} more ${others.length === 1 ? 'problem' : 'problems'}`;
  throw new PaddockError(
    'policy-invalid',
    `${first.message} (and ${more}: see \`paddock policy check\`)`,
    first.detail,
  );
}

/** The same, giving all problems in the order in which they stand in the file, at most `MAX_PROBLEMS`. */
export function examinePolicy(
  text: string,
  name: string,
  host: ParseHost,
): { readonly parsed: ParsedPolicy } | { readonly problems: readonly PaddockError[] } {
  const checked = checkPolicy(text, name);
  if ('problems' in checked) return checked;
  const { file, written } = checked;
  const rules = readRules(file, written.rules ?? [], host);
  const origins = originsBelow(file, file.document.contents);
  const layer = layerOf({ name, written, origins }, host);
  return {
    parsed: {
      layer: rules.length === 0 ? layer : { ...layer, rules },
      ...(written.extends === undefined ? {} : { extends: written.extends }),
    },
  };
}

/** The part of it that no machine comes into: what the file says, in the form of the schema, and where. */
export function checkPolicy(
  text: string,
  name: string,
): { readonly file: Located; readonly written: PolicyFile } | { readonly problems: readonly PaddockError[] } {
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
    const found = `more than ${MAX_POLICY_BYTES} bytes`;
    return {
      problems: [new PaddockError('policy-invalid', 'the policy is too long', { where: name, found })],
    };
  }
  const file = readYaml(text, name);
  if (file instanceof PaddockError) return { problems: [file] };
  const syntax = [...file.document.errors, ...file.document.warnings].map(({ message, pos }) =>
    problem(file, pos[0], 'the policy is not valid YAML', {
      found: escapeText(message.split('\n')[0] ?? ''),
    }),
  );
  if (syntax.length > 0) return { problems: inOrder(syntax) };
  const plain = toPlain(file);
  if (plain instanceof PaddockError) return { problems: [plain] };
  const keys = unknownKeys(file);
  const result = v.safeParse(PolicyFile, plain.value ?? {});
  const values = result.success ? [] : result.issues.map((issue) => describeIssue(file, issue));
  const problems = [...keys, ...values.filter((one) => one !== undefined), ...repeatedNames(file)];
  if (problems.length > 0) return { problems: inOrder(problems) };
  if (!result.success)
    throw new PaddockError('internal', `${name} is refused by its schema without a reason`);
  return { file, written: result.output };
}

const MAX_PROBLEMS = 50;

// The schema may have several things to say about one value; one of them is enough.
function inOrder(problems: readonly Problem[]): PaddockError[] {
  const places = new Map(problems.map((one) => [`${one.offset} ${one.error.message}`, one]));
  const sorted = [...places.values()].sort((a, b) => a.offset - b.offset);
  return sorted.slice(0, MAX_PROBLEMS).map(({ error }) => error);
}
