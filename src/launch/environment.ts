import type { Environment } from '../lib/paths.ts';
import type { Policy } from '../policy/policy.ts';

export interface PreparedEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  /** Names that the policy asked for and that never reach a program. */
  readonly withheld: readonly string[];
}

export interface EnvironmentInput {
  readonly policy: Policy['environment'];
  readonly caller: Environment;
  readonly home: string;
  readonly tmp: string;
  /** The policy lists programs that may be executed: then a PATH makes sense. */
  readonly execute: boolean;
}

/**
 * The environment, built from nothing: what the policy passes and sets, then private folders over it. Variables that
 * choose code, files or another zip for the runtime never get through, whatever a policy says.
 */
export function prepareEnvironment(input: EnvironmentInput): PreparedEnvironment {
  const variables: Record<string, string> = Object.create(null);
  const withheld = new Set<string>();
  const offer = (name: string, value: string | undefined): void => {
    if (value === undefined) return;
    if (!isAllowed(name, value)) withheld.add(name);
    else variables[name] = value;
  };
  for (const name of input.policy.pass) offer(name, ownValue(input.caller, name));
  for (const [name, value] of Object.entries(input.policy.set)) offer(name, value);
  Object.assign(variables, privateVariables(input));
  return { variables: { ...variables }, withheld: [...withheld].sort() };
}

/** Names that are never passed: exact, or every name that begins so. Each chooses code or files at start. */
const NEVER_EXACT = new Set([
  // the shell, libc and interpreters: code at start
  'BASH_ENV',
  'ENV',
  'IFS',
  'PS4',
  'PROMPT_COMMAND',
  'SHELLOPTS',
  'BASHOPTS',
  'GCONV_PATH',
  'GETCONF_DIR',
  'GLIBC_TUNABLES',
  'HOSTALIASES',
  'LOCALDOMAIN',
  'LOCPATH',
  'NLSPATH',
  'RES_OPTIONS',
  'RESOLV_HOST_CONF',
  'NODE_OPTIONS',
  'NODE_PATH',
  // cosmopolitan and llamafile: another program path, crash handlers, log files, caches
  '_',
  'COMDBG',
  'ADDR2LINE',
  'KPRINTF_LOG',
  'KPROG',
  'PAGER',
  'MODEL_ENDPOINT',
  // GPU toolkits: which compiler and which library
  'CUDA_PATH',
  'CUDA_HOME',
  'HIP_PATH',
  'ROCM_PATH',
]);
const NEVER_PREFIX = [
  'LD_',
  'DYLD_',
  'COSMOPOLITAN_',
  '_COSMO_',
  'LLAMA_',
  'LLAMAFILE_',
  'GGML_',
  'HF_',
  'HUGGING_FACE_',
  'MALLOC_',
  'BASH_FUNC_',
  'PYTHON',
  'PERL5',
  'RUBY',
  'PADDOCK_',
];

/** Variables that are set to private places and nothing else. */
const PRIVATE = [
  'HOME',
  'TMPDIR',
  'TMP',
  'TEMP',
  'PATH',
  'PWD',
  'OLDPWD',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_HOME',
  'XDG_CONFIG_DIRS',
  'XDG_DATA_HOME',
  'XDG_DATA_DIRS',
  'XDG_STATE_HOME',
  'XDG_RUNTIME_DIR',
];

function isAllowed(name: string, value: string): boolean {
  if (name === '' || /[=\0]/.test(name) || value.includes('\0')) return false;
  const upper = name.toUpperCase();
  if (NEVER_EXACT.has(upper) || PRIVATE.includes(upper)) return false;
  return !NEVER_PREFIX.some((prefix) => upper.startsWith(prefix));
}

function privateVariables({ home, tmp, execute }: EnvironmentInput): Record<string, string> {
  return {
    HOME: home,
    TMPDIR: tmp,
    // No compiler, browser or shell is looked for where none may be executed.
    PATH: execute ? '/usr/local/bin:/usr/bin:/bin' : '/nonexistent',
    XDG_CACHE_HOME: `${home}/.cache`,
    XDG_CONFIG_HOME: `${home}/.config`,
    XDG_DATA_HOME: `${home}/.local/share`,
    XDG_STATE_HOME: `${home}/.local/state`,
  };
}

function ownValue(caller: Environment, name: string): string | undefined {
  return Object.hasOwn(caller, name) ? caller[name] : undefined;
}
