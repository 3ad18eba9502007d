import { closeSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJudged } from '../../../src/format/open.ts';
import { examineSignatures } from '../../../src/integrity/signatures/examine.ts';
import type { Requirement, SignatureEvidence } from '../../../src/integrity/signatures/seen.ts';
import type { TrustStore } from '../../../src/integrity/signatures/trust.ts';
import { fixtureLlamafile } from '../../fixtures/llamafile.ts';

/** The judged file in these tests. */
export const NAME = 'model.llamafile';
export const CONTENT = fixtureLlamafile();

export interface FolderInput {
  /** Name → content, beside the file. */
  readonly beside?: Readonly<Record<string, Buffer | string>>;
  readonly store: TrustStore;
  readonly content?: Buffer;
  readonly name?: string;
  readonly required?: readonly Requirement[];
  /** Name → content, in the user's folder of approvals. */
  readonly approvals?: Readonly<Record<string, Buffer>>;
}

/** What is found for a file in a folder of its own, which goes away again. */
export async function examined(input: FolderInput): Promise<SignatureEvidence> {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-signed-'));
  const path = join(folder, input.name ?? NAME);
  writeFileSync(path, input.content ?? CONTENT);
  for (const [name, content] of Object.entries(input.beside ?? {}))
    writeFileSync(join(folder, name), content);
  for (const [name, content] of Object.entries(input.approvals ?? {}))
    writeFileSync(join(folder, name), content);
  const file = openJudged(path);
  try {
    return await examineSignatures({
      path,
      file,
      store: () => input.store,
      required: input.required ?? [],
      approvals: folder,
    });
  } finally {
    closeSync(file.fd);
    rmSync(folder, { recursive: true, force: true });
  }
}
