const APE_VERSION = '1.10';

export interface Range {
  readonly skip: number;
  readonly count: number;
}

/** What a script is filled with. */
export interface ScriptHoles {
  /** The 64 bytes as octal numbers, for `printf`. */
  readonly headers: readonly { readonly architecture: 'x86-64' | 'aarch64'; readonly octal: string }[];
  readonly x86?: Range;
  readonly arm?: Range;
  readonly m1?: Range;
  readonly macho?: Range;
  readonly comment: string;
}

const MACHINE_TEST = {
  'x86-64': '[ "$m" = x86_64 ] || [ "$m" = amd64 ]',
  aarch64: '[ "$m" = aarch64 ] || [ "$m" = arm64 ]',
} as const;

/** The part that a POSIX shell reads: our own wording of what every APE file does. */
export function shellScript({ headers, x86, arm, m1, comment }: ScriptHoles): string {
  const lines = [
    `#'"${comment}`,
    'o=$(command -v "$0") || exit 120',
    'assimilate=no; [ x"$1" = x--assimilate ] && assimilate=yes',
    '[ $assimilate = no ] && type ape >/dev/null 2>&1 && exec ape "$o" "$@"',
    `t="\${TMPDIR:-\${HOME:-.}}/.ape-${APE_VERSION}"`,
    'm=$(uname -m) || m=x86_64',
    'if [ $assimilate = yes ]; then',
  ];
  for (const { architecture, octal: text } of headers) {
    lines.push(
      `if ${MACHINE_TEST[architecture]}; then`,
      'exec 7<> "$o" || exit 121',
      `printf '${text}' >&7`,
      'exec 7<&-; exit 0; fi',
    );
  }
  lines.push('exit 122; fi', '[ -x "$t" ] && exec "$t" "$o" "$@"');
  lines.push(`mkdir -p "\${t%/*}" || exit`);
  if (m1 !== undefined) lines.push(...compilation(m1));
  if (x86 !== undefined) lines.push(...unpacking(x86, 'x86-64'));
  if (arm !== undefined) lines.push(...unpacking(arm, 'aarch64'));
  lines.push('echo "$0: no program for $m in this file" >&2', 'exit 127', '');
  return lines.join('\n');
}

function compilation(source: Range): string[] {
  return [
    `if [ -d /Applications ] && { ${MACHINE_TEST.aarch64}; }; then`,
    `${extraction(source)} >"$t.c.$$" || exit`,
    'cc -w -O -o "$t.$$" -x c "$t.c.$$" && mv -f "$t.$$" "$t" && exec "$t" "$o" "$@"',
    'exit 1; fi',
  ];
}

function unpacking(loader: Range, architecture: keyof typeof MACHINE_TEST): string[] {
  return [
    `if ${MACHINE_TEST[architecture]}; then`,
    `${extraction(loader)} >"$t.$$" || exit`,
    'chmod 755 "$t.$$" && mv -f "$t.$$" "$t" && exec "$t" "$o" "$@"',
    'exit 1; fi',
  ];
}

function extraction({ skip, count }: Range): string {
  return `dd if="$o" skip=${String(skip).padEnd(10)} count=${String(count).padEnd(10)} bs=1 2>/dev/null | gzip -dc`;
}

/** Every byte as three octal digits behind a backslash. */
export function octal(header: Buffer): string {
  return [...header].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
