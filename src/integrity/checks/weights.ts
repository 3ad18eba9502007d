import type { Anatomy, GgufFacts, ZipMember } from '../../format/anatomy.ts';
import { readGguf } from '../../format/gguf.ts';
import { ANY_TYPES, tensorTypesOf } from '../../format/gguf-types.ts';
import type { ByteSource } from '../../format/source.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import { MAX_PARSED_CHARACTERS } from '../template/syntax.ts';
import type { Finding } from '../verdict.ts';
import { checkTemplates } from './templates.ts';
import { checkEncoder } from './weights-encoder.ts';
import { checkKeys } from './weights-keys.ts';
import { checkLayout } from './weights-layout.ts';
import { checkVocabulary } from './weights-vocabulary.ts';

/**
 * GGUF: every stored member that is weights by name or by magic. The arguments load some of them; which ones is a matter of
 * the command line, so that all are judged.
 * @param version release of llamafile ("0.9.3") if it is known: decides what tensor types mean, and whether chat templates are run
 * @throws PaddockError `malformed` if the weights are whole by today's numbering of tensor types, and not by the release's
 */
export async function checkWeights(
  { models, zip }: Anatomy,
  source: ByteSource,
  version?: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const budget = { characters: MAX_PARSED_CHARACTERS };
  for (const facts of models) {
    const unknown = version === undefined ? [] : unknownTypes(facts, version);
    const known = version === undefined || unknown.length > 0 ? facts : asReadBy(version, facts, source);
    findings.push(
      ...unknown,
      ...checkLayout(known),
      ...checkKeys(facts),
      ...checkVocabulary(facts),
      ...checkEncoder(facts),
      ...parts(facts, zip?.members ?? []),
      ...(await checkTemplates(facts, version, budget)),
    );
  }
  return findings;
}

function unknownTypes({ layout }: GgufFacts, version: string): Finding[] {
  const types = tensorTypesOf(version);
  return [...layout.types]
    .filter(([id]) => types[id] === undefined)
    .map(([id, offset]) => {
      const found = `type ${id}, ${ANY_TYPES[id]?.[0] ?? 'unknown'}`;
      return finding('GGUF-034a', { offset, expected: `a type of llamafile ${version}`, found });
    });
}

/** Old releases number some types differently: where such a number occurs, the tensors lie as the old number says. */
function asReadBy(version: string, facts: GgufFacts, source: ByteSource): GgufFacts {
  const types = tensorTypesOf(version);
  const renumbered = [...facts.layout.types.keys()].some((id) => types[id]?.[0] !== ANY_TYPES[id]?.[0]);
  if (!renumbered) return facts;
  return readGguf(source, facts.offset, facts.length, facts.member, types).facts;
}

const SPLIT_NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;
/** The file name has five digits. */
const MOST_PARTS = 99_999;

/** The loader opens the other parts by names that it makes from this one's, in the file system before the archive. */
function parts({ metadata, entries, member }: GgufFacts, members: readonly ZipMember[]): Finding[] {
  const count = metadata.get('split.count');
  if (count === undefined || count === 0 || count === 1) return [];
  const offset = entries.get('split.count')?.at ?? 0;
  const bad = (found: string) => [finding('GGUF-046', { offset, expected: 'weights in one piece', found })];
  if (typeof count !== 'number' || count > MOST_PARTS) return bad('a number of parts that cannot be');
  const [, prefix = '', , total = ''] = SPLIT_NAME.exec(member ?? '') ?? [];
  if (Number(total) !== count) {
    return bad(`${count} parts, and the name ${escapeText(member ?? '', 60)}`);
  }
  const names = new Set<string>(members.map(({ name }) => name));
  for (let part = 1; part <= count; part++) {
    const name = `${prefix}-${String(part).padStart(5, '0')}-of-${total}.gguf`;
    if (!names.has(name)) return bad(`no ${escapeText(name, 80)} in the archive`);
  }
  return [];
}
