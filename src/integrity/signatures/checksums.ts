/** Digests (hex) that a list gives for one file. */
export interface Listed {
  /** Every digest that the list has for the name: more than one is a contradiction. */
  readonly digests: readonly string[];
  /** Lines of the whole list that name a file. */
  readonly entries: number;
}

/** `<64 hex> <space or *><name>`; a backslash in front says that the name is escaped (coreutils, sha256sum). */
const LINE = /^(\\?)([0-9a-fA-F]{64}) [ *](.+)$/;

/** What a list as `sha256sum` writes it says of a name. Lines of another form are no entries, as for `sha256sum --check`. */
export function parseChecksums(bytes: Buffer, name: string): Listed {
  const digests = new Set<string>();
  let entries = 0;
  for (const line of bytes.toString('utf8').split('\n')) {
    const [, escaped, digest = '', rest = ''] = LINE.exec(line.replace(/\r$/, '')) ?? [];
    if (escaped === undefined) continue;
    entries++;
    const listed = escaped === '' ? rest : unescaped(rest);
    if (listed === name || listed === `./${name}`) digests.add(digest.toLowerCase());
  }
  return { digests: [...digests], entries };
}

function unescaped(name: string): string {
  return name.replaceAll(/\\([\\nr])/g, (_, code: string) =>
    code === 'n' ? '\n' : code === 'r' ? '\r' : '\\',
  );
}
