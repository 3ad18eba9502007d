import type { Finding, Verdict } from '../integrity/verdict.ts';

/**
 * Checks of the code in a file, and of what its archive gives that code to load or to show: of no account where none of it
 * runs. What the archive and the weights are, and what `.args` asks for, counts as ever.
 */
const OF_CODE = /^(APE-|VER-|RUN-)/;
const OF_CODE_IN_ARCHIVE: ReadonlySet<string> = new Set([
  'ZIP-050',
  'ZIP-051',
  'ZIP-052',
  'ZIP-053',
  'ZIP-054',
]);

/**
 * What is decided about a file that is only read by a known engine: the engine's standing and all of its findings, and those of
 * the file that are not about its code. Signatures and approvals are those of the file.
 */
export function containerVerdict(file: Verdict, engine: Verdict): Verdict {
  const kept = file.findings.filter(({ id }) => !OF_CODE.test(id) && !OF_CODE_IN_ARCHIVE.has(id));
  const seen = new Set(kept.map(text));
  const findings = [...kept, ...engine.findings.filter((one) => !seen.has(text(one)))];
  const { standing, tier, release, version, releaseKnownBy, form, releaseLength, loader } = engine;
  const { signatures, approvals } = file;
  return {
    standing,
    tier,
    findings,
    ...defined({ release, version, releaseKnownBy, form, releaseLength, loader }),
    ...defined({ signatures, approvals }),
  };
}

function text({ id, title }: Finding): string {
  return `${id} ${title}`;
}

function defined<Facts extends object>(facts: Facts): { [Key in keyof Facts]: NonNullable<Facts[Key]> } {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as never;
}
