import { PaddockError } from '../../lib/errors.ts';

/** One element of a DER text (X.690), inside bounds that were checked. */
export interface Der {
  readonly tag: number;
  readonly content: Buffer;
}

/** An X.509 extension (RFC 5280 §4.2). */
export interface Extension {
  /** Content of the object identifier, hex. */
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
}

const MAX_ELEMENTS = 1000;
const SEQUENCE = 0x30;
const BOOLEAN = 0x01;
const EXTENSIONS = 0xa3;

/** The elements in a text, one behind the other. @throws PaddockError `malformed`. */
export function derElements(bytes: Buffer): Der[] {
  const found: Der[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { element, end } = elementAt(bytes, at);
    if (found.push(element) > MAX_ELEMENTS) throw malformed(`at most ${MAX_ELEMENTS} elements`);
    at = end;
  }
  return found;
}

/** The elements of a sequence that is the whole text. @throws PaddockError `malformed`. */
export function derSequence(bytes: Buffer): Der[] {
  const [only, ...others] = derElements(bytes);
  if (only?.tag !== SEQUENCE || others.length > 0) throw malformed('one sequence');
  return derElements(only.content);
}

/** What a certificate (DER) says beside what Node tells of it. @throws PaddockError `malformed`. */
export function readCertificate(raw: Buffer): {
  readonly extensions: readonly Extension[];
  /** Content of the object identifier of the algorithm that signed it, hex. */
  readonly algorithm: string;
} {
  const [tbs, algorithm] = derSequence(raw);
  if (tbs?.tag !== SEQUENCE || algorithm?.tag !== SEQUENCE) throw malformed('a certificate');
  const holder = derElements(tbs.content).find(({ tag }) => tag === EXTENSIONS);
  const extensions = holder === undefined ? [] : derSequence(holder.content).map(asExtension);
  if (new Set(extensions.map(({ oid }) => oid)).size !== extensions.length)
    throw malformed('each extension once');
  return { extensions, algorithm: derElements(algorithm.content)[0]?.content.toString('hex') ?? '' };
}

function asExtension({ content }: Der): Extension {
  const parts = derElements(content);
  const [oid, second] = parts;
  const value = parts.at(-1);
  if (oid === undefined || value === undefined || parts.length < 2 || parts.length > 3)
    throw malformed('an extension');
  const critical = parts.length === 3 && second?.tag === BOOLEAN && second.content[0] !== 0;
  return { oid: oid.content.toString('hex'), critical, value: value.content };
}

function elementAt(bytes: Buffer, at: number): { readonly element: Der; readonly end: number } {
  const tag = bytes[at] ?? 0;
  const first = bytes[at + 1];
  if (first === undefined || (tag & 0x1f) === 0x1f) throw malformed('a tag of one byte, and a length');
  const extra = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || extra > 4 || at + 2 + extra > bytes.length) throw malformed('a definite length');
  const length = extra === 0 ? first : bytes.readUIntBE(at + 2, extra);
  const start = at + 2 + extra;
  if (length > bytes.length - start) throw malformed('an element inside its bounds');
  return { element: { tag, content: bytes.subarray(start, start + length) }, end: start + length };
}

function malformed(expected: string): PaddockError {
  return new PaddockError('malformed', 'a certificate is not well-formed', { expected });
}
