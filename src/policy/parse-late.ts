import type { ParsedPolicy } from './parse.ts';
import type { ParseHost } from './partial.ts';

/**
 * `parsePolicy`, loaded when there is a file to read: YAML and the schema take a third of the launcher's start, and
 * where the shipped policies are all there is, nothing needs them.
 * @throws PaddockError as `parsePolicy` does.
 */
export async function parseLate(text: string, name: string, host: ParseHost): Promise<ParsedPolicy> {
  const { parsePolicy } = await import('./parse.ts');
  return parsePolicy(text, name, host);
}
