import {
  directory,
  encode,
  existingRecords,
  memberLength,
  type TailFields,
  UNIX,
  writeLocalOffset,
  type ZipEntry,
} from './zip-records.ts';

export type { CentralFields, LocalFields, TailFields, ZipEntry } from './zip-records.ts';

/** zipalign counts the longer central header where it wrote the local one: 28 − 20 + 46 − 30 bytes stay zero. */
const ZIPALIGN_GAP = 24;
/** NTFS extra field with three fixed times, as zipobj writes it into central records. */
const NTFS_EXTRA = Buffer.from(
  '0a002000000000000100180000bee3a1fe38d80100bee3a1fe38d80100bee3a1fe38d801',
  'hex',
);

/**
 * `base` with a first zip generation behind it, as apelink does: members back to back, 32-bit fields, absolute
 * offsets, an NTFS extra in each central record.
 */
export function appendBaseZip(
  base: Buffer,
  entries: readonly ZipEntry[],
  tail: Partial<TailFields> = {},
): Buffer {
  const parts: Buffer[] = [base];
  const records: Buffer[] = [];
  let at = base.length;
  for (const entry of entries) {
    const { local, central, data } = encode(entry, {
      needed: 20,
      zip64: false,
      localOffset: at,
      extra: NTFS_EXTRA,
    });
    parts.push(local, data);
    records.push(central);
    at += local.length + data.length;
  }
  return Buffer.concat([...parts, directory(records, at, { eocd64: false, ...tail })]);
}

/**
 * `base` with entries appended as llamafile's zipalign appends them: nothing of `base` changes, contents begin at
 * multiples of `alignment`, sizes are in zip64 extras, 24 zero bytes follow each content, and one merged directory with
 * 64-bit and 32-bit end records ends the file. An entry of an existing name replaces its record in the directory.
 */
export function zipalignAppend(
  base: Buffer,
  entries: readonly ZipEntry[],
  options: { readonly alignment?: number; readonly tail?: Partial<TailFields> } = {},
): Buffer {
  const alignment = options.alignment ?? 65536;
  const replaced = new Set(entries.map(({ name }) => Buffer.from(name).toString('latin1')));
  const records = existingRecords(base)
    .filter(({ name }) => !replaced.has(name.toString('latin1')))
    .map(({ bytes }) => bytes);
  const parts: Buffer[] = [base];
  let at = base.length;
  for (const entry of entries) {
    const headerLength = 30 + Buffer.from(entry.name).length + 20;
    const pad = Math.ceil((at + headerLength) / alignment) * alignment - headerLength - at;
    const { local, central, data } = encode(entry, { needed: 45, zip64: true, localOffset: at + pad });
    parts.push(Buffer.alloc(pad), local, data, Buffer.alloc(ZIPALIGN_GAP));
    records.push(central);
    at += pad + local.length + data.length + ZIPALIGN_GAP;
  }
  return Buffer.concat([...parts, directory(records, at, { eocd64: true, ...options.tail })]);
}

/**
 * `file` as InfoZIP's `zip` leaves it after adding `added`: the old directories, end records and all padding between
 * members are gone, members lie back to back, new members carry UT and ux extras.
 */
export function infozipRewrite(file: Buffer, added: readonly ZipEntry[]): Buffer {
  const replaced = new Set(added.map(({ name }) => Buffer.from(name).toString('latin1')));
  const kept = existingRecords(file).filter(({ name }) => !replaced.has(name.toString('latin1')));
  const start = Math.min(file.length, ...existingRecords(file).map(({ localOffset }) => localOffset));
  const parts: Buffer[] = [file.subarray(0, start)];
  const records: Buffer[] = [];
  let at = start;
  for (const record of kept) {
    const length = memberLength(file, record.localOffset);
    parts.push(file.subarray(record.localOffset, record.localOffset + length));
    const bytes = Buffer.from(record.bytes);
    writeLocalOffset(bytes, at);
    records.push(bytes);
    at += length;
  }
  for (const entry of added) {
    const extra = Buffer.from('5554050003a6d85365', 'hex');
    const localExtra = Buffer.concat([
      Buffer.from('5554090003a6d85365a6d85365', 'hex'),
      Buffer.from('75780b000104e803000004e8030000', 'hex'),
    ]);
    const { local, central, data } = encode(
      {
        ...entry,
        local: { extra: localExtra, ...entry.local },
        central: { madeBy: UNIX | 30, ...entry.central },
      },
      { needed: 20, zip64: false, localOffset: at, extra },
    );
    parts.push(local, data);
    records.push(central);
    at += local.length + data.length;
  }
  return Buffer.concat([...parts, directory(records, at, { eocd64: false })]);
}
