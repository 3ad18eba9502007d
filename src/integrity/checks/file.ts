import type { FileIdentity } from '../../format/open.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

const GROUP_OR_OTHERS_WRITE = 0o022;

/** FILE: what the file system says about the file. */
export function checkFile(identity: FileIdentity | undefined): Finding[] {
  if (identity === undefined || (identity.mode & GROUP_OR_OTHERS_WRITE) === 0) return [];
  const found = `mode ${(identity.mode & 0o7777).toString(8)}`;
  return [finding('FILE-002', { expected: 'no write permission for group and others', found })];
}
