/** What the value of a flag is. Flags that are not here and take a value may name a file: it is looked up. */
export type FlagKind =
  | 'read' // a file to be read
  | 'read-folder'
  | 'write' // a file or folder that the program writes
  | 'text'; // never a path, even if a file of that name exists

const table: Readonly<Record<FlagKind, string>> = {
  read: `-m --model -md --model-draft -mv --model-vocoder --mmproj -mm --lora --lora-scaled --lora-base
    --control-vector --control-vector-scaled -f --file -bf --binary-file --in-file --image --audio
    --grammar-file --json-schema-file -jf --system-prompt-file -spf -sysf --cfg-negative-prompt-file
    --chat-template-file --lookup-cache-static -lcs --api-key-file --ssl-key-file --ssl-cert-file`,
  'read-folder': '--path --www-root --media-path --models-dir',
  write: `--prompt-cache --lookup-cache-dynamic -lcd --logdir -ld --log-file -o --output --output-file
    --slot-save-path --db`,
  text: `-p --prompt -r --reverse-prompt --in-prefix --in-suffix --grammar -j --json-schema --chat-template
    -sys --system-prompt --api-key -a --alias --cfg-negative-prompt --url-prefix --override-kv --host --port
    -l --listen -c --ctx-size -n --predict -t --threads --temp --seed -s -ngl --gpu`,
};

const KINDS: ReadonlyMap<string, FlagKind> = new Map(
  (Object.keys(table) as FlagKind[]).flatMap((kind) =>
    table[kind].split(/\s+/).map((name): [string, FlagKind] => [name, kind]),
  ),
);

/** What the value of this flag is; undefined when the flag is not known. */
export function flagKind(name: string): FlagKind | undefined {
  return KINDS.get(name.startsWith('--') ? name.replaceAll('_', '-') : name);
}

/** Flags that take the weights: these may also name a member of the file's own zip. */
export const WEIGHT_FLAGS: ReadonlySet<string> = new Set(['-m', '--model']);

/** Flags that start a server, whatever else is given. */
export const SERVER_FLAGS: readonly string[] = ['--server', '--v2'];

/** Flags with which a llamafile does not serve (`--server` wins over them). */
export const COMMAND_LINE_FLAGS: readonly string[] = [
  '--cli',
  '-p',
  '--prompt',
  '-f',
  '--file',
  '-bf',
  '--binary-file',
  '--random-prompt',
  '--version',
  '-h',
  '-help',
  '--help',
  '--usage',
  '--license',
  '--localscore',
  '--perplexity',
];

/** "--host=127.0.0.1" → "--host"; the argument itself when it has no value in it; undefined when it is no flag. */
export function flagName(argument: string): string | undefined {
  if (!argument.startsWith('-') || argument === '-' || argument === '--') return undefined;
  const equals = argument.indexOf('=');
  return equals === -1 ? argument : argument.slice(0, equals);
}

/** Spellings that the runtimes take for the same flag come to the same text: `-rpc`, `--rpc`, `--tools_runtime`. */
export function canonicalFlag(name: string): string {
  return name.replace(/^-+/, '').replaceAll('_', '-');
}
