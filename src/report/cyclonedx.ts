import { basename } from 'node:path';
import type { ZipMember } from '../format/anatomy.ts';
import type { Finding } from '../integrity/verdict.ts';
import { defined, modelComponent, type Property, properties } from './cyclonedx-model.ts';
import { type FileFacts, type Outcome, ownReasons, wordOf } from './outcome.ts';

export interface CyclonedxInput {
  readonly outcomes: readonly Outcome[];
  readonly version: string;
  readonly at: Date;
  /** Name of a release artifact → its SHA-256 and version, as the published list has them. */
  readonly release: (artifact: string) => { readonly sha256: string; readonly version: string } | undefined;
}

/**
 * A bill of materials, CycloneDX 1.6: what each file is made of. One file is the subject of the document; several are its components.
 * Two documents on the same files differ in their timestamp only: there is no serial number. Digests stand where they are known from the
 * judgement; nothing is read again for them.
 */
export function cyclonedxBom(input: CyclonedxInput): unknown {
  const files = input.outcomes.map((outcome, index) => fileParts(outcome, `file-${index + 1}`, input));
  const [first] = files;
  const single = files.length === 1 ? first : undefined;
  const known = files.flatMap((file) => file.vulnerabilities);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: defined({
      timestamp: input.at.toISOString(),
      tools: { components: [{ type: 'application', name: 'paddock', version: input.version }] },
      component: single?.component,
    }),
    components:
      single === undefined
        ? files.map(({ component, parts }) => ({
            ...component,
            ...(parts.length === 0 ? {} : { components: parts }),
          }))
        : single.parts,
    dependencies: files.flatMap(({ dependencies }) => dependencies),
    ...(known.length === 0 ? {} : { vulnerabilities: known }),
  };
}

interface FileParts {
  readonly component: object;
  readonly parts: readonly unknown[];
  readonly dependencies: readonly unknown[];
  readonly vulnerabilities: readonly unknown[];
}

function fileParts(outcome: Outcome, ref: string, input: CyclonedxInput): FileParts {
  const name = basename(outcome.path) || outcome.path;
  const own = { type: 'application', 'bom-ref': ref, name };
  const judged: Property[] = properties({ path: outcome.path, verdict: wordOf(outcome) });
  if ('failure' in outcome) {
    const { code, message, detail } = outcome.failure;
    const failed = properties({ error: `${detail.check ?? code}: ${message}` });
    return {
      component: { ...own, properties: [...judged, ...failed] },
      ...{ parts: [], dependencies: [{ ref }], vulnerabilities: [] },
    };
  }
  const { facts } = outcome;
  const runtime = runtimeComponent(facts, `${ref}/runtime`, input);
  const models = facts.models.map((model, index) => modelComponent(model, `${ref}/model-${index + 1}`));
  const refs = [`${ref}/runtime`, ...facts.models.map((_, index) => `${ref}/model-${index + 1}`)];
  return {
    component: {
      ...own,
      ...hashes(facts.digests?.sha256),
      properties: [...judged, ...fileProperties(facts), ...refusals(outcome)],
    },
    parts: [
      runtime,
      ...models,
      ...facts.members.map((member, index) => memberComponent(member, `${ref}/member-${index + 1}`)),
    ],
    dependencies: [{ ref, dependsOn: refs }, ...refs.map((part) => ({ ref: part }))],
    vulnerabilities: facts.verdict.findings.flatMap((finding) => vulnerabilities(finding, `${ref}/runtime`)),
  };
}

function fileProperties({ summary, verdict }: FileFacts): Property[] {
  const { size, form, apeVersion, architectures, generations, unaccountedBytes } = summary;
  const { standing, tier, loader, findings, components = [], signatures = [], approvals = [] } = verdict;
  return [
    ...properties({
      size,
      form,
      apeVersion,
      architectures: architectures.join(','),
      generations,
      unaccountedBytes,
      standing,
      tier,
      'loader:sha256': loader?.sha256,
      'loader:origin': loader?.known?.origin,
    }),
    ...components.map(({ component, expected, found }) => ({
      name: 'paddock:differs',
      value: `${component}: expected ${expected}, found ${found}`,
    })),
    ...[...signatures, ...approvals].map(({ file, method, state, signer }) => ({
      name: 'paddock:signature',
      value: `${state}: ${method}${signer === undefined ? '' : ` by ${signer}`} (${file})`,
    })),
    ...findings.map(({ id, severity, title }) => ({
      name: 'paddock:finding',
      value: `${severity.toUpperCase()} ${id}: ${title}`,
    })),
  ];
}

function hashes(sha256: string | undefined): { readonly hashes?: readonly unknown[] } {
  return sha256 === undefined ? {} : { hashes: [{ alg: 'SHA-256', content: sha256 }] };
}

function refusals(outcome: Outcome): Property[] {
  return ownReasons(outcome).map(({ id, message }) => ({
    name: 'paddock:refusal',
    value: `${id}: ${message}`,
  }));
}

function runtimeComponent({ verdict }: FileFacts, ref: string, { release }: CyclonedxInput): unknown {
  const { standing, tier, release: artifact, releaseLength } = verdict;
  const known = artifact === undefined ? undefined : release(artifact);
  // Of a file that was tampered with, the prefix alone is the release's: what runs is not.
  const whole = standing === 'release';
  return defined({
    type: 'application',
    'bom-ref': ref,
    name: artifact === undefined ? 'unknown runtime' : 'llamafile',
    version: known?.version ?? verdict.version,
    description: artifact === undefined ? 'no published llamafile release that paddock knows' : artifact,
    ...(whole && tier === 'A' ? hashes(known?.sha256) : {}),
    purl:
      known !== undefined && whole
        ? `pkg:github/mozilla-ai/llamafile@${encodeURIComponent(known.version)}`
        : undefined,
    properties: properties({ standing, tier, 'release:artifact': artifact, 'release:bytes': releaseLength }),
  });
}

function memberComponent(member: ZipMember, ref: string): unknown {
  const { name, size, compressedSize, method, crc32, mode, contentOffset } = member;
  return {
    type: 'file',
    'bom-ref': ref,
    name,
    properties: properties({
      'zip:size': size,
      'zip:compressedSize': compressedSize,
      'zip:method': method === 0 ? 'stored' : method === 8 ? 'deflated' : method,
      'zip:crc32': crc32.toString(16).padStart(8, '0'),
      'zip:mode': mode.toString(8),
      'zip:offset': contentOffset,
    }),
  };
}

/** Where an identifier is explained. */
const SOURCES: readonly (readonly [prefix: string, name: string, url: string])[] = [
  ['CVE-', 'CVE', 'https://www.cve.org/CVERecord?id='],
  ['GHSA-', 'GitHub', 'https://github.com/advisories/'],
];

const UNCERTAIN = '; not established for this release';

/**
 * Only what is known of the version of the runtime: other findings are of this one file. What a VER finding found is a list:
 * "CVE-2024-1 (what it is); GHSA-… (what it is)".
 */
function vulnerabilities({ id, title, evidence, remedy }: Finding, ref: string): unknown[] {
  if (!id.startsWith('VER-')) return [];
  const { found = id } = evidence;
  return found.split(/; (?=[A-Z]+-[0-9a-z]+-)/).map((item) => {
    const [, advisory = item, says = title] = /^(\S+) \((.*)\)$/.exec(item) ?? [];
    const source = SOURCES.find(([prefix]) => advisory.startsWith(prefix));
    return defined({
      id: advisory,
      source: source === undefined ? undefined : { name: source[1], url: `${source[2]}${advisory}` },
      description: says.replace(UNCERTAIN, ''),
      recommendation: remedy,
      analysis: says.endsWith(UNCERTAIN) ? { state: 'in_triage' } : undefined,
      affects: [{ ref }],
    });
  });
}
