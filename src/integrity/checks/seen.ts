import type { ZipMember } from '../../format/anatomy.ts';
import type { CheckId } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

/** Something that was seen in one reading of `.args`, before readings are compared. Text in it is escaped. */
export interface Seen {
  readonly id: CheckId;
  /** Bytes of `.args`; undefined for what is not in it. */
  readonly origin?: { readonly offset: number; readonly length: number };
  readonly found: string;
  readonly detail?: string;
  readonly asks?: Finding['asks'];
}

/** Where that is in the file: exact in a stored member, the whole member where it is compressed. */
export function place(
  member: ZipMember | undefined,
  origin: Seen['origin'],
): Pick<Finding['evidence'], 'offset' | 'length'> {
  if (member === undefined) return {};
  if (origin === undefined || member.method !== 0)
    return { offset: member.contentOffset, length: member.compressedSize };
  return { offset: member.contentOffset + origin.offset, length: origin.length };
}
