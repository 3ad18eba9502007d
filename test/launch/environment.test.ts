import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prepareEnvironment } from '../../src/launch/environment.ts';

const prepare = (
  pass: string[],
  set: Record<string, string>,
  caller: Record<string, string>,
  execute = false,
) => prepareEnvironment({ policy: { pass, set }, caller, home: '/p/home', tmp: '/p/tmp', execute });

const PRIVATE = {
  HOME: '/p/home',
  TMPDIR: '/p/tmp',
  PATH: '/nonexistent',
  XDG_CACHE_HOME: '/p/home/.cache',
  XDG_CONFIG_HOME: '/p/home/.config',
  XDG_DATA_HOME: '/p/home/.local/share',
  XDG_STATE_HOME: '/p/home/.local/state',
};

describe('prepareEnvironment', () => {
  it('passes what the policy names, and private folders', () => {
    const caller = { LANG: 'C.UTF-8', AWS_SECRET_ACCESS_KEY: 'x', HOME: '/home/u', PATH: '/usr/bin' };
    expect(prepare(['LANG', 'TERM'], { TZ: 'UTC' }, caller)).toEqual({
      variables: { LANG: 'C.UTF-8', TZ: 'UTC', ...PRIVATE },
      withheld: [],
    });
  });

  it('has a PATH where programs may be executed', () => {
    expect(prepare([], {}, {}, true).variables.PATH).toBe('/usr/local/bin:/usr/bin:/bin');
  });

  const NEVER = [
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'ld_preload',
    'DYLD_INSERT_LIBRARIES',
    'COSMOPOLITAN_INIT_ZIPOS',
    'COSMOPOLITAN_DISABLE_ZIPOS',
    'LLAMAFILE_GPU_PROBE_DSO',
    'LLAMA_ARG_HOST',
    'GGML_BACKEND_PATH',
    'HF_TOKEN',
    'CUDA_PATH',
    'COMDBG',
    'KPRINTF_LOG',
    '_',
    'BASH_ENV',
    'ENV',
    'GLIBC_TUNABLES',
    'GCONV_PATH',
    'HOME',
    'TMPDIR',
    'PATH',
    'XDG_CACHE_HOME',
    'PADDOCK_POLICY',
    '',
    'A=B',
  ];

  it.each(NEVER)('never gets %j from anybody', (name) => {
    const passed = prepare([name], {}, { [name]: 'evil' });
    const set = prepare([], { [name]: 'evil' }, {});
    for (const { variables, withheld } of [passed, set]) {
      expect(variables).toEqual(PRIVATE);
      expect(withheld).toEqual([name]);
    }
  });

  it('holds for every policy and every caller', () => {
    const name = fc.oneof(
      fc.constantFrom(...NEVER),
      fc
        .tuple(fc.constantFrom('LD_', 'GGML_', 'LLAMA_ARG_', 'COSMOPOLITAN_'), fc.string())
        .map((parts) => parts.join('')),
      fc.string(),
    );
    const variables = fc.dictionary(name, fc.string());
    fc.assert(
      fc.property(fc.array(name), variables, variables, (pass, set, caller) => {
        const result = prepare(pass, set, caller).variables;
        expect(result).toMatchObject(PRIVATE);
        for (const [key, value] of Object.entries(result)) {
          expect(key).not.toMatch(/^(LD_|DYLD_|COSMOPOLITAN_|LLAMA|GGML_)|[=\0]|^$/i);
          expect(value).not.toContain('\0');
          expect(key in PRIVATE || pass.includes(key) || key in set).toBe(true);
        }
      }),
    );
  });

  it('takes nothing from the prototype of an object', () => {
    expect(prepare(['constructor', '__proto__', 'toString'], {}, {}).variables).toEqual(PRIVATE);
  });
});
