import type { KeyObject } from 'node:crypto';
import { accessSync, closeSync, constants, statSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { openJudged } from '../format/open.ts';
import { signApproval } from '../integrity/signatures/approvals.ts';
import { APPROVAL_SUFFIX, readSidecar } from '../integrity/signatures/sidecars.ts';
import { vouch } from '../integrity/signatures/trust.ts';
import { readTrust } from '../integrity/signatures/trust-file.ts';
import { keyId } from '../lib/dsse.ts';
import { makeFolders } from '../lib/paths.ts';
import { escapeText } from '../lib/text.ts';
import { decide } from '../policy/decide.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import { type Context, EXIT } from './context.ts';
import { judgeRuled } from './facts/ruled.ts';
import { type JudgedBy, judgeOpened, naming } from './judged.ts';
import { ed25519SigningKey } from './own-key.ts';
import { policyLayers } from './policy-layers.ts';
import { approvalsFolder, baselinePlaces, signatureLook, trustPlaces } from './trust-places.ts';
import { sha256Of } from './whole-digest.ts';
import { writeOutput } from './write-output.ts';

export interface ApproveInput {
  readonly file: string;
  readonly key?: string;
  readonly policy: readonly string[];
  readonly preset?: string;
}

/**
 * `paddock approve`: judges the file and signs that the user lets these bytes in. An approval overrides nothing: what the policy
 * refuses for other reasons, it goes on to refuse.
 */
export async function run(context: Context, input: ApproveInput): Promise<number> {
  const loaded = await policyLayers(context, { files: input.policy, preset: input.preset });
  const key = ed25519SigningKey(context, input.key, 'approvals');
  // What the policy asks for is about to be given.
  const by = (effective: EffectivePolicy): JudgedBy => ({
    look: { ...signatureLook(context, effective), required: [] },
    baselines: baselinePlaces(context),
  });
  const file = await naming(input.file, () => openJudged(input.file));
  try {
    const { judged, effective } = await naming(input.file, () =>
      judgeRuled(context, {
        path: input.file,
        loaded,
        by,
        judge: (by) => judgeOpened(input.file, file, by),
      }),
    );
    const { verdict } = decide({ effective, verdict: judged.verdict });
    const sha256 = await naming(input.file, () => sha256Of(context, input.file, file));
    const envelope = signApproval(
      {
        name: basename(resolve(context.cwd, input.file)),
        sha256,
        verdict,
        policyDigest: effective.digest,
        who: `${userInfo().username}@${hostname()}`,
        when: context.now(),
      },
      key,
    );
    const text = `${JSON.stringify(envelope, null, 2)}\n`;
    const path = placeFor(context, input.file, sha256, key);
    makeFolders(dirname(path), 0o700);
    writeOutput(context, path, text, [file.fd]);
    context.stdout.write(`${escapeText(path, 4096)}\n`);
    const serious = verdict.findings.filter(({ severity }) => severity !== 'info');
    for (const { id, title } of serious) context.stderr.write(`paddock: approved with ${id}: ${title}\n`);
    warnUntrusted(context, key);
    return EXIT.ok;
  } finally {
    closeSync(file.fd);
  }
}

// Beside the file, so that it goes where the file goes; but nobody's approval is written over but one's own.
function placeFor(context: Context, file: string, sha256: string, key: KeyObject): string {
  const beside = `${resolve(context.cwd, file)}${APPROVAL_SUFFIX}`;
  const own = join(approvalsFolder(context), `${sha256}.json`);
  if (!mayWrite(dirname(beside))) return own;
  if (statSync(beside, { throwIfNoEntry: false }) === undefined) return beside;
  const there = readSidecar(beside);
  const text = there !== undefined && 'bytes' in there ? there.bytes.toString('utf8') : '';
  return text.includes(keyId(key)) ? beside : own;
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false; // then the user's own folder takes it
  }
}

function warnUntrusted(context: Context, key: KeyObject): void {
  const id = keyId(key);
  const store = readTrust(trustPlaces(context), context.now());
  const vouched = vouch(store, 'approval', (one) => one.kind === 'key' && one.key.id === id);
  if (vouched?.state === 'trusted') return;
  context.stderr.write(
    'paddock: this key is not in your trust store for approvals: here the approval does not count\n',
  );
}
